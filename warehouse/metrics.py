"""The long, numeric table that analysis reads, and its index of series.

One row per (metric, canonical step), sorted by metric, then step. Several log rows of one step
collapse to the last number of each metric.
``ord`` is the position among the metric's finite values, so that a half split is
``ord < samples // 2`` without a window; a value that is not finite keeps its row and has no
``ord``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from dakota_wh.warehouse import series_numbers
from dakota_wh.warehouse.arrow_alone import as_array
from dakota_wh.warehouse.blocks import collapse, cuts
from dakota_wh.warehouse.column_names import PART, KeyPath, printed
from dakota_wh.warehouse.history import StoredHistory, new_part_id, part_path
from dakota_wh.warehouse.parquet import write_batches
from dakota_wh.warehouse.step_rows import write_steps

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
        *series_numbers.COLUMNS,
        (PART, pa.int64()),
    ]
)
#: Metrics are gathered up to this many rows, a row group, before they are written.
CHUNK_ROWS: Final = 131_072
#: So many tables are made one while they wait: one of a single row takes 7 kB.
_JOINED: Final = 256


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
    #: Those of ``metrics`` among them.
    metrics: list[Path] = field(default_factory=list)
    series: dict[str, Series] = field(default_factory=dict)
    steps: int = 0
    first_step: int | None = None
    last_step: int | None = None
    duplicate_steps: int = 0
    collapsed_rows: int = 0
    unstepped_rows: int = 0
    #: Of each metric, where all of its values were at hand and are few for certain; else None.
    numbers: dict[str, series_numbers.Numbers] | None = None


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
    built = Built(series={name: replace(one) for name, one in earlier.items()})
    names = metric_keys(history, step_keys)
    if not earlier and history.rows * len(names) <= series_numbers.MOST:
        built.numbers = {}
    stepped = steps.known.copy()
    for axis in own.values():
        stepped |= axis.steps.known
    built.unstepped_rows = stepped.size - int(np.count_nonzero(stepped))
    axes: dict[str | None, _Axis] = {}
    for key, rows in [(None, steps), *((one.key, one.steps) for one in own.values())]:
        if key not in axes:
            axes[key] = _Axis(rows, cuts(rows.values, rows.known, history.ends))
    if steps.known.any():
        written = write_steps(history, steps.values, steps.known, axes[None].cuts, folder("steps"))
        built.parts.append(written.path)
        built.steps, built.collapsed_rows = written.steps, written.collapsed_rows
        built.first_step, built.last_step = written.first, written.last
    if names and stepped.any():
        part = new_part_id()
        path = part_path(folder("metrics"), built.first_step or 0, part)
        tables = _metric_tables(history, axes, own, names, part, built)
        write_batches(path, METRICS, in_chunks(tables, CHUNK_ROWS))
        built.parts.append(path)
        built.metrics.append(path)
    twice = [one.steps.values[one.again] for one in axes.values() if one.again is not None]
    built.duplicate_steps = int(np.unique(np.concatenate(twice)).size) if twice else 0
    return built


@dataclass(slots=True)
class _Axis:
    """The steps of the rows on one axis, and where the rows may be cut."""

    steps: RowSteps
    cuts: list[int]
    #: The mask of the rows of which some value was replaced by a later one of the same step.
    again: np.ndarray | None = None


def _metric_tables(
    history: StoredHistory,
    axes: Mapping[str | None, _Axis],
    own: Mapping[str, OwnAxis],
    names: Mapping[str, list[KeyPath]],
    part: int,
    built: Built,
) -> Iterator[pa.Table]:
    """Yield each metric's rows, block by block."""
    for name, keys in names.items():
        key = own[name].key if name in own else None
        axis = axes[key]
        pieces: list[tuple[np.ndarray, np.ndarray]] = []
        start = 0
        for stop, (values, logged) in zip(axis.cuts, united(history, keys, axis.cuts), strict=True):
            take = logged & axis.steps.known[start:stop]
            again: list[np.ndarray] = []
            rows = axis.steps.values[start:stop][take]
            metric_steps, values = collapse(rows, values[take], again)
            if again:
                _mark(axis, start, take, again[0])
            start = stop
            if metric_steps.size:
                series = built.series.setdefault(name, Series(name))
                series.axis = key
                yield _metric_table(name, metric_steps, values, series, part)
                if built.numbers is not None:
                    pieces.append((metric_steps, values))
        if built.numbers is not None and pieces:
            built.numbers[name] = series_numbers.joined(pieces)


def _mark(axis: _Axis, start: int, take: np.ndarray, replaced: np.ndarray) -> None:
    if axis.again is None:
        axis.again = np.zeros(axis.steps.known.size, dtype=bool)
    axis.again[start + np.flatnonzero(take)[replaced]] = True


def united(
    history: StoredHistory, keys: list[KeyPath], ends: Sequence[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (values, mask of the logged ones) of keys that print as one metric, block by block."""
    for one, *others in zip(*(history.number_blocks(key, ends) for key in keys), strict=True):
        values, logged = one
        for more, also in others:  # another that prints alike; the values of one row stay together
            values, logged = np.where(also, more, values), logged | also
        yield values, logged


def in_chunks(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the rows of tables of one schema, so many at a time, fewer at the end."""
    pending: list[pa.Table] = []
    count = joined = 0
    for table in tables:
        pending.append(table)
        count += table.num_rows
        if len(pending) - joined == _JOINED:
            pending[joined:] = [pa.concat_tables(pending[joined:]).combine_chunks()]
            joined += 1
        while count >= rows:
            whole = pa.concat_tables(pending)
            yield whole.slice(0, rows)
            pending, count, joined = [whole.slice(rows)], count - rows, 0
    if count:
        yield pa.concat_tables(pending)


def steps_and_values(
    history: StoredHistory, steps: RowSteps, keys: list[KeyPath], ends: Sequence[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (steps ascending, the last value of each) of keys that print as one metric, by block.

    ``ends`` are where the rows may be cut (:mod:`dakota_wh.warehouse.blocks`).
    """
    start = 0
    for stop, (values, logged) in zip(ends, united(history, keys, ends), strict=True):
        take = logged & steps.known[start:stop]
        yield collapse(steps.values[start:stop][take], values[take])
        start = stop


def _metric_table(
    name: str, steps: np.ndarray, values: np.ndarray, series: Series, part: int
) -> pa.Table:
    finite = np.isfinite(values)
    count = int(np.count_nonzero(finite))
    if count == values.size:
        position = as_array(np.arange(series.samples, series.samples + count))
    else:
        position = as_array(series.samples + np.cumsum(finite) - 1, ~finite)
    series.samples += count
    series.nonfinite += int(values.size - count)
    if series.first_step is None:
        series.first_step = int(steps[0])
    series.last_step = int(steps[-1])
    rows = values.size
    return pa.Table.from_arrays(
        [
            pa.repeat(pa.scalar(name), rows),
            as_array(steps),
            position,
            as_array(values),
            pa.repeat(pa.scalar(part, pa.int64()), rows),
        ],
        schema=METRICS,
    )
