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

from dakota_wh.warehouse.column_names import PART, KeyPath
from dakota_wh.warehouse.history import StoredHistory, new_part_id, part_path
from dakota_wh.warehouse.metrics import OwnAxis, RowSteps, metric_keys
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
    write_batches(path, TIMED, _chain(first, tables))
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
    """Yield a table for each metric that was logged without a step."""
    times = [history.numbers((key,)) for key in ("_timestamp", "_runtime")]
    for name, keys in names.items():
        known = own[name].steps.known if name in own else steps.known
        if known.all():
            continue
        values, logged = history.numbers(keys[0])
        for key in keys[1:]:  # another that prints alike
            more, also = history.numbers(key)
            values, logged = np.where(also, more, values), logged | also
        at = np.flatnonzero(logged & ~known)
        if at.size:
            yield pa.Table.from_arrays(
                [
                    pa.repeat(pa.scalar(name), at.size),
                    *(pa.array(time[at], mask=~there[at]) for time, there in times),
                    pa.array(values[at]),
                    pa.array(at + first_row),
                    pa.array(np.full(at.size, part, dtype=np.int64)),
                ],
                schema=TIMED,
            )
