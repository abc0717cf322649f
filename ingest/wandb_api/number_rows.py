"""Rows of plain numbers into typed columns, by Arrow's reader, where that loses nothing.

Nearly all rows of a training are such rows. What Arrow's reader would change is sent back to the
exact way: texts and nested values, a logged None, integers among floats beyond 2**53, a minus zero
that is an integer, numbers out of range.
"""

from __future__ import annotations

import re
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from dakota_wh.ingest.source import KeyPath
from dakota_wh.ingest.wandb_api.page import Page

#: Integers up to here are exact in a DOUBLE.
_EXACT: Final = float(2**53)
_MINUS_ZERO: Final = re.compile(rb"-0[,}\s]")
_TYPES: Final = (pa.int64(), pa.float64(), pa.bool_())


def number_columns(page: Page) -> dict[KeyPath, pa.Array[Any]] | None:
    """Return an int64, double or bool array of ``page.rows`` cells for each key, else None.

    None means that some value needs the exact way, or that the text is no JSON.
    """
    lines = page.lines
    if b"\\" in lines or b"[" in lines or b"null" in lines or lines.count(b"{") != page.rows:
        return None
    if _MINUS_ZERO.search(lines):
        return None
    options = pj.ReadOptions(use_threads=False, block_size=max(len(lines) + 1, 1 << 16))
    try:
        table = pj.read_json(pa.BufferReader(lines), read_options=options)
    except pa.ArrowException:
        return None
    if table.num_rows != page.rows:
        return None
    columns: dict[KeyPath, pa.Array[Any]] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.type not in _TYPES or (column.type == pa.float64() and _is_large(column)):
            return None
        columns[(name,)] = column.combine_chunks()
    return columns


def _is_large(column: Any) -> bool:
    """Tell whether a number is so large that it may have been an integer with more digits."""
    found: Any = pc.min_max(column)
    low, high = found["min"].as_py(), found["max"].as_py()
    return low is not None and not -_EXACT < low <= high < _EXACT
