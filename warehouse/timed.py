"""The table of what was logged without a step: numbers by time.

Samples of inference servers and machines belong to no training step. One row per (metric, log row)
keeps them where they can be asked for, sorted by metric, then log row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from dakota_wh.warehouse.arrow_alone import as_array
from dakota_wh.warehouse.column_names import PART, KeyPath
from dakota_wh.warehouse.history import StoredHistory, new_part_id, part_path
from dakota_wh.warehouse.metrics import (
    CHUNK_ROWS,
    OwnAxis,
    RowSteps,
    in_chunks,
    metric_keys,
    united,
)
from dakota_wh.warehouse.parquet import write_batches

TIMED: Final = pa.schema(
    [
        ("metric", pa.string()),
        ("timestamp", pa.float64()),
        ("runtime", pa.float64()),
        ("value", pa.float64()),
        ("log_row", pa.int64()),
        (PART, pa.int64()),
    ]
)


def write_timed(
    history: StoredHistory,
    steps: RowSteps,
    step_keys: Collection[KeyPath],
    folder: Path,
    own: Mapping[str, OwnAxis],
    first_row: int = 0,
) -> Path | None:
    """Write the numbers of the rows that have no step as one part; nothing where there are none.

    Args:
        history: the rows, of which the first is the run's log row ``first_row``.
        steps: the rows' steps on the run's own axis.
        step_keys: keys that are axes and no metrics.
        folder: where the part goes.
        own: metrics that another key counts, which have a step where that key has one.
        first_row: rows of the run before these.
    """
    if not history.rows or (not own and steps.known.all()):
        return None
    part = new_part_id()
    tables = _tables(history, steps, metric_keys(history, step_keys), own, first_row, part)
    first = next(tables, None)
    if first is None:
        return None
    path = part_path(folder, first_row, part)
    write_batches(path, TIMED, in_chunks(_chain(first, tables), CHUNK_ROWS))
    return path


def _chain(first: pa.Table, others: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from others


def _tables(
    history: StoredHistory,
    steps: RowSteps,
    names: Mapping[str, list[KeyPath]],
    own: Mapping[str, OwnAxis],
    first_row: int,
    part: int,
) -> Iterator[pa.Table]:
    """Yield what each metric logged without a step, part by part."""
    times = [history.numbers((key,)) for key in ("_timestamp", "_runtime")]
    for name, keys in names.items():
        known = own[name].steps.known if name in own else steps.known
        if known.all():
            continue
        start = 0
        for stop, (values, logged) in zip(
            history.ends, united(history, keys, history.ends), strict=True
        ):
            at = np.flatnonzero(logged & ~known[start:stop])
            row = at + start
            if at.size:
                yield pa.Table.from_arrays(
                    [
                        pa.repeat(pa.scalar(name), at.size),
                        *(as_array(time[row], ~there[row]) for time, there in times),
                        as_array(values[at]),
                        as_array(row + first_row),
                        pa.repeat(pa.scalar(part, pa.int64()), at.size),
                    ],
                    schema=TIMED,
                )
            start = stop
