"""Summary and config: nested values as one row per dotted key.

``value`` is the number, ``text`` the plain string of a string and the JSON of everything else,
``type`` says which it was, and ``path`` is the key as a JSON list, so that ``{"a.b": 1}`` and
``{"a": {"b": 1}}`` stay apart. Lists and dicts with a ``_type`` (media, histograms) are one row.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from dakota_wh.warehouse.column_names import PART, printed

ENTRIES: Final = pa.schema(
    [
        ("key", pa.string()),
        ("value", pa.float64()),
        ("text", pa.string()),
        ("type", pa.string()),
        ("path", pa.string()),
        (PART, pa.int64()),
    ]
)


def entries_table(tree: Mapping[str, Any], part: int) -> pa.Table:
    """Return the rows of a nested mapping, sorted by path."""
    rows = sorted(leaves(tree), key=lambda leaf: leaf[0])
    return pa.Table.from_pylist(
        [{**_entry(path, value), PART: part} for path, value in rows], schema=ENTRIES
    )


def leaves(
    tree: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (path, value) of every leaf; an empty dict and a media dict are leaves."""
    pending: list[tuple[tuple[str, ...], Any]] = [(path, tree)]
    while pending:
        at, value = pending.pop()
        if isinstance(value, Mapping) and (not at or (value and "_type" not in value)):
            pending.extend(((*at, str(key)), inner) for key, inner in value.items())
        else:
            yield at, value


def _entry(path: tuple[str, ...], value: object) -> dict[str, Any]:
    number, kind = _number(value), _type(value)
    text = value if isinstance(value, str) else to_json(value)
    return {
        "key": printed(path),
        "value": number,
        "text": text,
        "type": kind,
        "path": to_json(list(path)),
    }


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case Mapping():
            return "dict"
        case _:
            return "list"


def to_json(value: object) -> str:
    """Return a value's JSON; NaN and the infinities as bare words, as W&B's logs write them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def entry_value(entry: Mapping[str, Any]) -> Any:
    """Return the value that a stored row was made of."""
    return entry["text"] if entry["type"] == "string" else json.loads(entry["text"])
