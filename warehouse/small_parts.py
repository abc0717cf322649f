"""Many small parts of a run become one, so that a run that is watched does not come to thousands.

A run that grows gets a part a table with each ingest. Once :data:`MANY` small ones lie at the end,
the next ingest writes them again as one, and its row names that instead; what is large stays as it
is. So a row is written again once in so many ingests, until the part that it is in is large.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dakota_wh.warehouse.column_names import PART, ROW
from dakota_wh.warehouse.history import (
    PART_ROWS,
    HistoryWriter,
    StoredHistory,
    new_part_id,
    part_path,
)
from dakota_wh.warehouse.parquet import write_table

#: So many small parts at the end are joined.
MANY: Final = 16
#: Bytes from which a part is large.
LARGE: Final = 1_048_576
#: Rows of a long table that are joined at most.
_ROWS: Final = 1_048_576

#: What the rows of a long table are sorted by; a part is named by the least value of the last.
_ORDER: Final[Mapping[str, Sequence[str]]] = {
    "metrics": ("metric", "step"),
    "timed": ("metric", "log_row"),
    "steps": ("step",),
}


def join(table: str, paths: Sequence[Path], folder: Path) -> list[Path]:
    """Write the small parts at the end of a table anew as one, if they are many.

    Args:
        table: ``history``, ``metrics``, ``timed`` or ``steps``.
        paths: the live parts of the table of a run, in order.
        folder: where what is new goes.

    Returns:
        The parts that the new one stands for; none where nothing was written.

    Raises:
        OSError, pa.ArrowException: a part cannot be read, or the new one not be written.
    """
    last = _last_small(paths, PART_ROWS if table == "history" else _ROWS)
    if not last:
        return []
    if table == "history":
        _join_history(last, folder)
    else:
        _join_long(last, _ORDER[table], folder)
    return last


def _last_small(paths: Sequence[Path], most_rows: int) -> list[Path]:
    """Return the small parts behind the last large one; none where they are few."""
    found: list[Path] = []
    rows = 0
    for path in reversed(paths):
        if path.stat().st_size >= LARGE:
            break
        rows += pq.read_metadata(path).num_rows
        if rows > most_rows:
            break
        found.insert(0, path)
    return found if len(found) >= MANY else []


def _join_history(paths: Sequence[Path], folder: Path) -> None:
    with closing(StoredHistory(paths)) as history:
        with pq.ParquetFile(paths[0]) as file:
            first = pc.min(file.read([ROW]).column(ROW)).as_py()
        writer = HistoryWriter(folder, first)
        writer.names.learn(history.schemas)
        segments, start = history.row_segments(), 0
        for rows in history.batches(PART_ROWS):
            stop = start + rows.count
            writer.add_cells(rows.count, rows.cells.items(), segments[start:stop])
            start = stop
        writer.flush()


def _join_long(paths: Sequence[Path], order: Sequence[str], folder: Path) -> None:
    tables = []
    for path in paths:
        with pq.ParquetFile(path) as file:
            tables.append(file.read(use_threads=False))
    rows = pa.concat_tables(tables)
    rows = rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in order]))
    part = new_part_id()
    index = rows.schema.get_field_index(PART)
    ids = pa.array(np.full(rows.num_rows, part), pa.int64())
    rows = rows.set_column(index, rows.schema.field(index), ids)
    first = pc.min(rows.column(order[-1])).as_py()
    write_table(part_path(folder, first, part), rows.combine_chunks())
