"""System metrics into parts, sorted by metric and time."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from dakota_wh.ingest.streams.beside import SystemReading, SystemValues
from dakota_wh.warehouse.column_names import PART
from dakota_wh.warehouse.columns import encode
from dakota_wh.warehouse.history import new_part_id, part_path
from dakota_wh.warehouse.parquet import write_table
from dakota_wh.warehouse.streams import SYSTEM

#: A part is closed at this many values.
_PART_VALUES: Final = 1_000_000


def write_system(reading: SystemReading, folder: Path) -> int:
    """Write all values of a reading as parts in ``folder``; return how many there are."""
    pending: list[pa.Table] = []
    count = written = parts = 0
    for values in reading.values:
        if len(values):
            pending.append(_table(values, sampled=reading.sampled))
            count += len(values)
        if count - written >= _PART_VALUES:
            _write(folder, parts, pending)
            pending, written, parts = [], count, parts + 1
    if pending:
        _write(folder, parts, pending)
    return count


def _table(values: SystemValues, *, sampled: bool) -> pa.Table:
    cells = encode(pa.array(values.token, pa.string()))
    count = len(values)
    number = pa.nulls(count, pa.float64())
    if cells.numbers is not None:
        number = cells.numbers.cast(pa.float64(), safe=False)
    return pa.table(
        [
            pa.array(values.metric, pa.string()),
            pa.array(values.label, pa.string()),
            pa.array(values.timestamp, pa.float64()),
            pa.array(values.runtime, pa.float64()),
            number,
            pa.nulls(count, pa.string()) if cells.text is None else cells.text,
            pa.array(np.full(count, sampled)),
            pa.nulls(count, pa.int64()),
        ],
        schema=SYSTEM,
    )


def _write(folder: Path, number: int, tables: list[pa.Table]) -> None:
    part = new_part_id()
    whole = pa.concat_tables(tables)
    ids = pa.array(np.full(whole.num_rows, part, dtype=np.int64))
    whole = whole.set_column(whole.schema.get_field_index(PART), SYSTEM.field(PART), ids)
    order = [("metric", "ascending"), ("label", "ascending"), ("timestamp", "ascending")]
    write_table(part_path(folder, number, part), whole.sort_by(order))
