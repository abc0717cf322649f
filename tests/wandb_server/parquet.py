"""Rows as the Parquet files of a history export: a column per key, types by what was logged."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .exact import Row, Token, json_text

SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
INT64 = range(-(2**63), 2**63)
UINT64 = range(2**64)


def parquet_bytes(
    rows: Sequence[Row],
    types: Mapping[str, Any] | None = None,
    row_group_size: int | None = None,
) -> bytes:
    """Return one file with these rows; ``types`` fixes the Arrow type of chosen columns."""
    names = dict.fromkeys(["_step", *(name for row in rows for name in row)])
    columns = {
        name: _column([row.get(name) for row in rows], (types or {}).get(name)) for name in names
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, row_group_size=row_group_size)
    return sink.getvalue()


def _column(cells: list[Any], wanted: Any) -> Any:
    values = [cell.value if isinstance(cell, Token) else cell for cell in cells]
    if wanted is not None:
        return pa.array(values, wanted)
    kinds = {_kind(value) for value in values if value is not None}
    if kinds <= {"int", "float", "special"} and kinds != {"int"}:
        return pa.array([_number(value) for value in values], pa.float64())
    if kinds == {"int"}:
        return _integers(values)
    if len(kinds) == 1 and kinds <= {"bool", "nested"}:
        array = _inferred(values)
        if array is not None:
            return array
    # wandb-core dies of large_string, so the type is always said.
    return pa.array([_text(value) for value in values], pa.string())


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "special" if value in SPECIAL else "text"
    for kind, types in (("bool", bool), ("int", int), ("float", float), ("nested", (dict, list))):
        if isinstance(value, types):
            return kind
    raise TypeError(f"{value!r} is no JSON value")


def _number(value: Any) -> float | None:
    return None if value is None else float(SPECIAL.get(value, value))


def _integers(values: list[Any]) -> Any:
    present = [value for value in values if value is not None]
    for kind, bounds in ((pa.int64(), INT64), (pa.uint64(), UINT64)):
        if min(present) in bounds and max(present) in bounds:
            return pa.array(values, kind)
    return pa.array([_number(value) for value in values], pa.float64())


def _inferred(values: list[Any]) -> Any:
    """Return structs and lists where Parquet can hold them, else None."""
    try:
        array = pa.array(values)
        pq.write_table(pa.table({"a": array}), io.BytesIO())
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return None
    return None if "null" in str(array.type) else array


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json_text(value) if isinstance(value, dict | list) else json.dumps(value)
