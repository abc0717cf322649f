"""An answer that fits into a model's context, and says so where it is not all of it.

The shape of every table is one object::

    {"columns": ["run_id", "mean"], "types": ["VARCHAR", "DOUBLE"], "rows": [["29hn8w98", 0.31]],
     "rows_shown": 1, "complete": true}

Where rows were left out or cells were cut, ``complete`` is false and ``left_out`` says what is
missing and how to ask for less. NULL is null; NaN and the infinities, which JSON has no numbers
for, are the strings "NaN", "Infinity" and "-Infinity"; times are ISO 8601 in UTC.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from dakota_wh.rendering.as_json import json_text
from dakota_wh.rendering.rows import Rows
from dakota_wh.rendering.values import exact

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caps:
    """How much one answer may hold."""

    #: Rows at most.
    rows: int = 100
    #: Characters of JSON at most, over all rows.
    characters: int = 20_000
    #: Characters of one text at most; a longer one is cut and marked.
    cell: int = 500


DEFAULT_CAPS: Final = Caps()


def table(rows: Rows, caps: Caps = DEFAULT_CAPS) -> Answer:
    """Return the rows as an answer of at most ``caps``; reads one row more than it shows."""
    shown: list[list[Any]] = []
    left_out: list[str] = []
    room = caps.characters
    cut = 0
    for place, row in enumerate(islice(iter(rows), caps.rows + 1)):
        if place == caps.rows:
            left_out.append(_rest(len(rows) - place, f"the limit is {caps.rows} rows"))
            break
        cells = [_cell(value, caps.cell) for value in row]
        size = len(json_text(cells)) + 2
        if size > room:
            why = f"an answer holds {caps.characters} characters"
            left_out.append(_rest(len(rows) - place, why))
            break
        room -= size
        cut += sum(_cuts(value, caps.cell) for value in row)
        shown.append(cells)
    if cut:
        left_out.append(f"{cut} texts are cut at {caps.cell} characters, marked […]")
    return {
        "columns": list(rows.columns),
        "types": list(rows.types),
        "rows": shown,
        "rows_shown": len(shown),
        "complete": not left_out,
        **({"left_out": ". ".join(left_out) + "."} if left_out else {}),
    }


def _rest(more: int, why: str) -> str:
    """Return what is missing; the query itself may have ended one row after the limit."""
    return (
        f"At least {more} more rows are not shown, since {why}. Ask for less: fewer columns, one "
        "run, a metric pattern, an aggregate in SQL, or LIMIT with OFFSET"
    )


def _cuts(value: Any, most: int) -> int:
    """Return how many texts in a value are longer than that."""
    if isinstance(value, str):
        return len(value) > most
    if isinstance(value, dict):
        return sum(_cuts(one, most) for one in value.values())
    if isinstance(value, (list, tuple)):
        return sum(_cuts(one, most) for one in value)
    return 0


def _cell(value: Any, most: int) -> Any:
    """Return a value that JSON can hold and that a reader can bear."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else exact(value)
    if isinstance(value, dict):
        return {str(key): _cell(one, most) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cell(one, most) for one in value]
    if isinstance(value, Decimal):
        return exact(value)
    text = exact(value)
    return text if len(text) <= most else f"{text[:most]} […{len(text) - most} more characters]"
