"""Whether the bytes of a row's or a pair's object are what was written, as far as they can tell.

Nothing names their hash, being named by nothing. But the format keeps a CRC-32 for each page, so
no value can be other than it was; and what the footer says is held to the columns that a row has,
and to the object's key.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from dakota_wh.store import keys
from dakota_wh.warehouse.pairs import PAIRS
from dakota_wh.warehouse.run_row import SCHEMA


def is_whole(content: bytes, key: str) -> bool:
    """Return whether an object's bytes are one whole row, and that of its key."""
    return whole(content, key) is not None


def whole(content: bytes, key: str) -> pa.Table | None:
    """Return the row if an object's bytes are one whole row, and that of its key; else None."""
    try:
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
            table = file.read(use_threads=False)  # 46 columns of one cell each
    except (pa.ArrowException, OSError, ValueError):  # pyarrow calls some damage an OSError
        return None
    return table if _is_of(table, key) else None


def _is_of(table: pa.Table, key: str) -> bool:
    expected = PAIRS if keys.is_pair(key) else SCHEMA
    there = dict(zip(table.schema.names, table.schema.types, strict=True))
    if table.num_rows != 1:
        return False
    for field in expected:
        if there.get(field.name) != field.type:
            return False
    if expected is PAIRS:
        return True
    generation, publication = keys.order_of(key)
    said = (table["generation"][0].as_py(), f"{table['publication'][0].as_py():016x}")
    return said == (generation, publication)
