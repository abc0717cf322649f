"""An answer that fits into a model's context, and says so where it is not all of it.

The shape of every table is one object::

    {"columns": ["run_id", "mean"], "types": ["VARCHAR", "DOUBLE"], "rows": [["29hn8w98", 0.31]],
     "rows_shown": 1, "complete": true}

Where rows or columns were left out or texts were cut, ``complete`` is false and ``left_out`` says
what is missing and how to ask for less; ``note`` is what else is to be known. NULL is null; NaN and
the infinities, which JSON has no numbers for, are the strings "NaN", "Infinity" and "-Infinity";
times are ISO 8601 in UTC.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from dakota_wh.rendering.as_json import json_text
from dakota_wh.rendering.rows import Rows
from dakota_wh.rendering.values import exact

Answer = dict[str, Any]

#: Below this no text is cut further, so that something is left of it.
_LEAST_CELL: Final = 16


@dataclass(frozen=True, slots=True)
class Caps:
    """How much one answer may hold."""

    #: Rows at most.
    rows: int = 100
    #: Characters of the whole answer's JSON at most; below 1,000 it may be some more.
    characters: int = 20_000
    #: Characters of one text, or of one list's JSON, at most; a longer one is cut and marked.
    cell: int = 500


DEFAULT_CAPS: Final = Caps()


def table(rows: Rows, caps: Caps = DEFAULT_CAPS, *, note: str = "", left_out: str = "") -> Answer:
    """Return the rows as an answer of at most ``caps``; ``left_out`` is what they lack already.

    Of a table that is too wide for a row, the first columns are shown, in half of the room.
    """
    made = _Table(rows, caps, note, left_out)
    most = caps.characters
    wide = len(rows.columns)
    if wide and not made.fits(wide, made.least, most):
        wide = made.widest(most // 2) or made.widest(most)
    if not wide and rows.columns and caps.cell > _LEAST_CELL:
        smaller = replace(caps, cell=max(_LEAST_CELL, caps.cell // 4))
        return table(rows, smaller, note=note, left_out=left_out)
    wide = wide or min(1, len(rows.columns))
    return made.answer(wide, made.longest(wide, most))


def short(text: str, most: int) -> str:
    """Return a text of about that many characters, and how many more there were."""
    return text if len(text) <= most else f"{text[:most]} […{len(text) - most} more characters]"


class _Table:
    """The first rows of a table, and how long an answer of a part of them would be."""

    def __init__(self, rows: Rows, caps: Caps, note: str, left_out: str) -> None:
        self.rows = rows
        self.caps = caps
        self.note = note
        self.lacking = [left_out] if left_out else []
        self.total = len(rows)
        self.taken = list(islice(iter(rows), caps.rows))
        #: How many rows a table must have room for.
        self.least = min(1, len(self.taken))

    def fits(self, wide: int, long: int, most: int) -> bool:
        return len(json_text(self.answer(wide, long))) <= most

    def widest(self, most: int) -> int:
        """Return how many columns fit with the first row, 0 if none does."""
        places = range(1, len(self.rows.columns) + 1)
        return bisect_right(places, False, key=lambda w: not self.fits(w, self.least, most))

    def longest(self, wide: int, most: int) -> int:
        """Return how many rows of so many columns fit."""
        if self.fits(wide, len(self.taken), most):
            return len(self.taken)
        sizes = [len(json_text([c for c, _ in self._cells(row, wide)])) + 2 for row in self.taken]
        room = most - len(json_text(self.answer(wide, 0)))
        long = 0
        while long < len(sizes) and sizes[long] <= room:
            room -= sizes[long]
            long += 1
        # What is said of the cut texts has another length with each row.
        while long and not self.fits(wide, long, most):
            long -= 1
        return long

    def answer(self, wide: int, long: int) -> Answer:
        most = self.caps.cell
        cells = [self._cells(row, wide) for row in self.taken[:long]]
        names, types = self.rows.columns[:wide], self.rows.types[:wide]
        left_out = self._missing(wide, long)
        cut = sum(was_cut for row in cells for _, was_cut in row)
        cut += sum(len(word) > most for word in (*names, *types))
        if cut:
            left_out.append(f"{cut} texts are cut at {most} characters, marked […]")
        return {
            "columns": [short(name, most) for name in names],
            "types": [short(kind, most) for kind in types],
            "rows": [[cell for cell, _ in row] for row in cells],
            "rows_shown": long,
            "complete": not left_out,
            **({"left_out": ". ".join(left_out) + "."} if left_out else {}),
            **({"note": self.note} if self.note else {}),
        }

    def _cells(self, row: tuple[Any, ...], wide: int) -> list[tuple[Any, bool]]:
        return [_cell(value, self.caps.cell) for value in row[:wide]]

    def _missing(self, wide: int, long: int) -> list[str]:
        found = [*self.lacking]
        holds = f"an answer holds {self.caps.characters} characters"
        more = self.total - long
        if more:
            limit = long == self.caps.rows
            why = f"the limit is {self.caps.rows} rows" if limit else holds
            # The query itself may have ended one row after the limit.
            found.append(
                f"At least {more} more rows are not shown, since {why}. Ask for less: fewer "
                "columns, one run, a metric pattern, an aggregate in SQL, or LIMIT with OFFSET"
            )
        every = len(self.rows.columns)
        if wide < every:
            found.append(
                f"{every - wide} of {every} columns are not shown, since {holds}. Name those you "
                "need: run_sql with SELECT"
            )
        return found


def _cell(value: Any, most: int) -> tuple[Any, bool]:
    """Return a value that JSON can hold and a reader can bear, and whether it was cut."""
    plain = _plain(value)
    text = plain if isinstance(plain, str) else ""
    if isinstance(plain, (dict, list)):
        text = json_text(plain)
    return (short(text, most), True) if len(text) > most else (plain, False)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float) and math.isfinite(value):
        return value
    return exact(value)
