"""The long, numeric table that analysis reads, its index of series, and the table of steps.

One row per (metric, canonical step), sorted by metric, then step. Several log rows of one step
collapse to the last number of each metric; a step's own row has its first and its last time.
``ord`` is the position among the metric's finite values, so that a half split is
``ord < samples // 2`` without a window; a value that is not finite keeps its row and has no
``ord``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from dakota_wh.warehouse.column_names import PART, KeyPath, printed
from dakota_wh.warehouse.history import StoredHistory, new_part_id, part_path
from dakota_wh.warehouse.parquet import write_batches, write_table

#: W&B's own keys; none of them is a metric.
OWN_KEYS: Final = frozenset({("_step",), ("_runtime",), ("_timestamp",), ("_wandb",)})

METRICS: Final = pa.schema(
    [
        ("metric", pa.string()),
        ("step", pa.int64()),
        ("ord", pa.int64()),
        ("value", pa.float64()),
        (PART, pa.int64()),
    ]
)
SERIES: Final = pa.schema(
    [
        ("metric", pa.string()),
        ("writer", pa.string()),
        ("kind", pa.string()),
        ("kind_rank", pa.int64()),
        ("samples", pa.int64()),
        ("nonfinite", pa.int64()),
        ("first_step", pa.int64()),
        ("last_step", pa.int64()),
        ("axis", pa.string()),
        ("sign", pa.int64()),
        ("not_numbers", pa.int64()),
        (PART, pa.int64()),
    ]
)
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

#: Metrics are gathered up to this many rows before they are written.
_CHUNK_ROWS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class RowSteps:
    """The canonical step of each log row: int64 values and the mask of rows that have one."""

    values: np.ndarray
    known: np.ndarray

    def behind(self, rows: int) -> RowSteps:
        """Return the steps of the rows after the first ``rows``."""
        return RowSteps(self.values[rows:], self.known[rows:])


@dataclass(frozen=True, slots=True)
class OwnAxis:
    """The key by which a metric is counted that is not on the run's own axis, and its steps."""

    key: str
    steps: RowSteps


@dataclass(slots=True)
class Series:
    """One metric of a run: how many values, and over which steps.

    ``axis`` is the key that counts them where that is not the run's own step.
    """

    metric: str
    samples: int = 0
    nonfinite: int = 0
    first_step: int | None = None
    last_step: int | None = None
    axis: str | None = None


@dataclass(slots=True)
class Built:
    """What a build of metrics and steps found."""

    parts: list[Path] = field(default_factory=list)
    series: dict[str, Series] = field(default_factory=dict)
    steps: int = 0
    first_step: int | None = None
    last_step: int | None = None
    duplicate_steps: int = 0
    collapsed_rows: int = 0
    unstepped_rows: int = 0


def collapse(
    steps: np.ndarray, values: np.ndarray, duplicated: set[int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return (steps ascending without repeats, the last value of each).

    The rows come in log order; steps that occur more than once are added to ``duplicated``.
    """
    if steps.size > 1 and not (steps[1:] > steps[:-1]).all():
        order = np.argsort(steps, kind="stable")
        steps, values = steps[order], values[order]
        last = np.append(steps[1:] != steps[:-1], True)
        if duplicated is not None:
            duplicated.update(np.unique(steps[~last]).tolist())
        return steps[last], values[last]
    return steps, values


def metric_keys(history: StoredHistory, step_keys: Collection[KeyPath]) -> dict[str, list[KeyPath]]:
    """Return each metric's name with the keys that print as it, sorted by name."""
    found: dict[str, list[KeyPath]] = {}
    for key in history.numeric_keys():
        if key not in OWN_KEYS and key not in step_keys:
            found.setdefault(printed(key), []).append(key)
    return dict(sorted(found.items()))


def build(
    history: StoredHistory,
    steps: RowSteps,
    step_keys: Collection[KeyPath],
    folder: Callable[[str], Path],
    earlier: Mapping[str, Series],
    own: Mapping[str, OwnAxis] | None = None,
) -> Built:
    """Write the metrics and steps of ``history`` as new parts under ``folder(table)``.

    ``step_keys`` are axes and no metrics; ``own`` has the metrics that are not on that of
    ``steps``. ``earlier`` holds the series of steps before those of ``history``: their values keep
    their place, the new ones go on behind them. Pass {} for a whole run.
    """
    own = own or {}
    built = Built(series={name: _copy(s) for name, s in earlier.items()})
    duplicated: set[int] = set()
    names = metric_keys(history, step_keys)
    stepped = steps.known.copy()
    for axis in own.values():
        stepped |= axis.steps.known
    built.unstepped_rows = int((~stepped).sum())
    if steps.known.any():
        _write_steps(history, steps, folder("steps"), built)
    if names and stepped.any():
        part = new_part_id()
        path = part_path(folder("metrics"), built.first_step or 0, part)
        tables = _metric_tables(history, steps, own, names, part, built, duplicated)
        write_batches(path, METRICS, tables)
        built.parts.append(path)
    built.duplicate_steps = len(duplicated)
    return built


def _copy(series: Series) -> Series:
    return Series(
        series.metric,
        series.samples,
        series.nonfinite,
        series.first_step,
        series.last_step,
        series.axis,
    )


def _metric_tables(
    history: StoredHistory,
    steps: RowSteps,
    own: Mapping[str, OwnAxis],
    names: Mapping[str, list[KeyPath]],
    part: int,
    built: Built,
    duplicated: set[int],
) -> Iterator[pa.Table]:
    pending: list[pa.Table] = []
    rows = 0
    for name, keys in names.items():
        axis = own.get(name)
        rows_steps = steps if axis is None else axis.steps
        metric_steps, values = by_step(history, rows_steps, keys, duplicated)
        if not metric_steps.size:
            continue
        series = built.series.setdefault(name, Series(name))
        series.axis = None if axis is None else axis.key
        pending.append(_metric_table(name, metric_steps, values, series, part))
        rows += metric_steps.size
        if rows >= _CHUNK_ROWS:
            yield pa.concat_tables(pending)
            pending, rows = [], 0
    if pending:
        yield pa.concat_tables(pending)


def by_step(
    history: StoredHistory,
    steps: RowSteps,
    keys: list[KeyPath],
    duplicated: set[int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return (steps ascending, the last value of each) of keys that print as one metric."""
    values, logged = history.numbers(keys[0])
    for key in keys[1:]:  # another that prints alike; the values of one row stay in one place
        more, also = history.numbers(key)
        values, logged = np.where(also, more, values), logged | also
    take = logged & steps.known
    return collapse(steps.values[take], values[take], duplicated)


def _metric_table(
    name: str, steps: np.ndarray, values: np.ndarray, series: Series, part: int
) -> pa.Table:
    finite = np.isfinite(values)
    position = series.samples + np.cumsum(finite) - 1
    count = int(finite.sum())
    series.samples += count
    series.nonfinite += int(values.size - count)
    if series.first_step is None:
        series.first_step = int(steps[0])
    series.last_step = int(steps[-1])
    rows = values.size
    return pa.Table.from_arrays(
        [
            pa.repeat(pa.scalar(name), rows),
            pa.array(steps),
            pa.array(position, mask=~finite),
            pa.array(values),
            pa.array(np.full(rows, part, dtype=np.int64)),
        ],
        schema=METRICS,
    )


def _write_steps(history: StoredHistory, steps: RowSteps, folder: Path, built: Built) -> None:
    values = steps.values[steps.known]
    unique, counts = np.unique(values, return_counts=True)
    built.steps = int(unique.size)
    built.first_step, built.last_step = int(unique[0]), int(unique[-1])
    built.collapsed_rows = int(values.size - unique.size)
    part = new_part_id()
    path = part_path(folder, built.first_step, part)
    table = pa.Table.from_arrays(
        [
            pa.array(unique),
            _by_step(history, steps, ("_timestamp",), unique),
            _by_step(history, steps, ("_runtime",), unique),
            pa.array(counts.astype(np.int64)),
            _by_step(history, steps, ("_timestamp",), unique, first=True),
            pa.array(np.full(unique.size, part, dtype=np.int64)),
        ],
        schema=STEPS,
    )
    write_table(path, table)
    built.parts.append(path)


def _by_step(
    history: StoredHistory,
    steps: RowSteps,
    key: KeyPath,
    unique: np.ndarray,
    *,
    first: bool = False,
) -> pa.Array:
    """Return the last logged value of a key at each of the steps, null where there is none.

    Or the ``first``, which in a step of several log calls is when the step itself was done: what
    comes later may be an evaluation.
    """
    values, logged = history.numbers(key)
    take = logged & steps.known
    order = slice(None, None, -1) if first else slice(None)
    at, last = collapse(steps.values[take][order], values[take][order])
    filled = np.full(unique.size, np.nan)
    missing = np.ones(unique.size, dtype=bool)
    where = np.searchsorted(unique, at)
    filled[where], missing[where] = last, False
    return pa.array(filled, mask=missing)
