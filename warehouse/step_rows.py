"""The table of steps: how many log rows each has, and when the first and the last was logged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from dakota_wh.warehouse.arrow_alone import as_array
from dakota_wh.warehouse.blocks import collapse
from dakota_wh.warehouse.column_names import PART
from dakota_wh.warehouse.history import StoredHistory, new_part_id, part_path
from dakota_wh.warehouse.parquet import write_batches

STEPS: Final = pa.schema(
    [
        ("step", pa.int64()),
        ("timestamp", pa.float64()),
        ("runtime", pa.float64()),
        ("log_rows", pa.int64()),
        ("first_timestamp", pa.float64()),
        (PART, pa.int64()),
    ]
)

Numbers = tuple[np.ndarray, np.ndarray]


@dataclass(slots=True)
class WrittenSteps:
    """A part of steps: how many, the least and the greatest, and the log rows beyond one a step."""

    path: Path
    first: int
    last: int
    steps: int = 0
    collapsed_rows: int = 0


def write_steps(
    history: StoredHistory,
    steps: np.ndarray,
    known: np.ndarray,
    ends: Sequence[int],
    folder: Path,
) -> WrittenSteps:
    """Write the steps of the rows of ``history``, of which at least one has a step, as one part.

    ``ends`` are where the rows may be cut (:mod:`dakota_wh.warehouse.blocks`).
    """
    part = new_part_id()
    first = int(np.min(steps, where=known, initial=np.iinfo(np.int64).max))
    last = int(np.max(steps, where=known, initial=np.iinfo(np.int64).min))
    written = WrittenSteps(part_path(folder, first, part), first, last)
    write_batches(written.path, STEPS, _tables(history, steps, known, ends, part, written))
    return written


def _tables(
    history: StoredHistory,
    steps: np.ndarray,
    known: np.ndarray,
    ends: Sequence[int],
    part: int,
    written: WrittenSteps,
) -> Iterator[pa.Table]:
    start = 0
    times = history.number_blocks(("_timestamp",), ends)
    runtimes = history.number_blocks(("_runtime",), ends)
    for stop, time, runtime in zip(ends, times, runtimes, strict=True):
        some, has = steps[start:stop], known[start:stop]
        start = stop
        unique, counts = np.unique(some[has], return_counts=True)
        written.steps += int(unique.size)
        written.collapsed_rows += int(counts.sum()) - int(unique.size)
        if unique.size:
            yield pa.Table.from_arrays(
                [
                    as_array(unique),
                    _at(unique, some, has, time),
                    _at(unique, some, has, runtime),
                    as_array(counts.astype(np.int64)),
                    _at(unique, some, has, time, first=True),
                    pa.repeat(pa.scalar(part, pa.int64()), unique.size),
                ],
                schema=STEPS,
            )


def _at(
    unique: np.ndarray,
    steps: np.ndarray,
    known: np.ndarray,
    numbers: Numbers,
    *,
    first: bool = False,
) -> pa.Array:
    """Return the last logged number at each of the steps, null where there is none.

    Or the ``first``, which in a step of several log calls is when the step itself was done: what
    comes later may be an evaluation.
    """
    values, logged = numbers
    take = logged & known
    order = slice(None, None, -1) if first else slice(None)
    at, last = collapse(steps[take][order], values[take][order])
    filled = np.full(unique.size, np.nan)
    missing = np.ones(unique.size, dtype=bool)
    where = np.searchsorted(unique, at)
    filled[where], missing[where] = last, False
    return as_array(filled, missing)
