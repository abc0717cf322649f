"""The numbers of each metric that views over all runs need: kept, not computed at each question.

What is kept is what ``metric_stats_v1.sql``, ``metric_trends_v1.sql`` and ``metric_health_v1.sql``
make of the stored values, by the same formulas; the views compute it themselves where it is not
kept. Sums here are pairwise and about a value of the metric, hence no worse than SQL's.

They are of all stored values of the run or not there: an addition reads the earlier values back.
So a run of more than :data:`MOST` values has none, lest each addition costs as much as all of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

#: The version of the formulas below; a change of them makes what is kept out of date.
METHOD: Final = 1

#: Values of all metrics of a run, beyond which nothing is kept.
MOST: Final = 4_000_000

#: Samples up to which there is no half split.
_HALVES_BEYOND: Final = 10
#: What counts as high in ``metric_health``.
_HIGH: Final = 0.9
#: Sums and squares beyond 1e100 leave DOUBLE's range: then, and for tiny ones, other units.
_HUGE, _TINY, _UNIT = 1e100, 1e-100, 2.0**600
_GREATEST: Final = float(np.finfo(np.float64).max)

#: The columns of ``series`` that hold them; ``numbers`` is the version, NULL where nothing is kept.
COLUMNS: Final = (
    ("numbers", pa.int64()),
    ("mean", pa.float64()),
    ("median", pa.float64()),
    ("std", pa.float64()),
    ("min", pa.float64()),
    ("max", pa.float64()),
    ("initial", pa.float64()),
    ("final", pa.float64()),
    ("initial_step", pa.int64()),
    ("final_step", pa.int64()),
    ("first_half_mean", pa.float64()),
    ("second_half_mean", pa.float64()),
    ("improvement", pa.float64()),
    ("improvement_pct", pa.float64()),
    ("high_values", pa.int64()),
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """One metric's numbers over its finite values; None for what is undefined or out of range."""

    numbers: int | None = None
    mean: float | None = None
    median: float | None = None
    #: Sample standard deviation (n - 1).
    std: float | None = None
    min: float | None = None
    max: float | None = None
    initial: float | None = None
    final: float | None = None
    #: The steps of initial and final.
    initial_step: int | None = None
    final_step: int | None = None
    #: Of the first ``n // 2`` values and of the others, where n > 10.
    first_half_mean: float | None = None
    second_half_mean: float | None = None
    improvement: float | None = None
    #: In % of the first half's mean without its sign.
    improvement_pct: float | None = None
    #: How many of the second half's values are at least 0.9.
    high_values: int | None = None


def numbers_of(paths: Iterable[Path]) -> dict[str, Numbers]:
    """Return the numbers of every metric in the parts of ``metrics`` that make up a run."""
    pieces: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for path in paths:
        for metric, steps, values in _slices(path):
            pieces.setdefault(metric, []).append((steps, values))
    found = {}
    for metric, some in pieces.items():
        some.sort(key=lambda piece: int(piece[0][0]))  # parts and groups do not overlap in steps
        found[metric] = joined(some)
    return found


def joined(pieces: Sequence[tuple[np.ndarray, np.ndarray]]) -> Numbers:
    """Return the numbers of a metric of which the steps and values come in pieces, ascending."""
    if len(pieces) == 1:
        return numbers(*pieces[0])
    steps, values = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return numbers(steps, values)


def _slices(path: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield (metric, steps, values) of a part, as they lie: by metric, then step."""
    with pq.ParquetFile(path, read_dictionary=["metric"]) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["metric", "step", "value"])
            metric = table.column("metric").combine_chunks()
            steps = np.asarray(table.column("step"))
            values = np.asarray(table.column("value"))
            codes = np.asarray(metric.indices)
            edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), codes.size]
            names = metric.dictionary.to_pylist()
            for start, stop in pairwise(edges):
                if start < stop:
                    yield names[codes[start]], steps[start:stop], values[start:stop]


def numbers(steps: np.ndarray, values: np.ndarray) -> Numbers:
    """Return the numbers of one metric.

    Args:
        steps: int64, ascending.
        values: float64, as logged; those that are not finite do not count.
    """
    finite = np.isfinite(values)
    if not finite.all():
        steps, values = steps[finite], values[finite]
    if not values.size:
        return Numbers(METHOD)
    with np.errstate(all="ignore"):  # what leaves DOUBLE's range is undefined
        return _numbers(steps, values)


def _numbers(steps: np.ndarray, values: np.ndarray) -> Numbers:
    low, high = float(values.min()), float(values.max())
    peak = max(abs(low), abs(high))
    half = values.size // 2
    unit = _UNIT if peak > _HUGE else 1.0
    scaled = values if unit == 1 else values / unit
    told = Numbers(
        METHOD,
        mean=min(max(_mean(scaled) * unit, low), high),
        median=_median(values),
        std=_std(values, peak),
        min=low,
        max=high,
        initial=float(values[0]),
        final=float(values[-1]),
        initial_step=int(steps[0]),
        final_step=int(steps[-1]),
        high_values=int(np.count_nonzero(values[half:] >= _HIGH)),
    )
    if values.size <= _HALVES_BEYOND:
        return told
    first, second = _mean(scaled[:half]), _mean(scaled[half:])
    return replace(
        told,
        first_half_mean=_held(first * unit),
        second_half_mean=_held(second * unit),
        improvement=_defined((second - first) * unit),
        improvement_pct=_defined((second - first) / abs(first) * 100) if first else None,
    )


def _mean(values: np.ndarray) -> float:
    """Return the mean, about the first value: of equal ones it is that value."""
    origin = values[0]
    return float(origin + (values - origin).mean())


def _median(values: np.ndarray) -> float:
    middle = values.size // 2
    if values.size % 2:
        return float(np.partition(values, middle)[middle])
    low, high = (float(one) for one in np.partition(values, [middle - 1, middle])[middle - 1 :][:2])
    between = low + (high - low) / 2
    return between if math.isfinite(between) else low / 2 + high / 2


def _std(values: np.ndarray, peak: float) -> float | None:
    if values.size < 2:
        return None
    unit = _UNIT if peak > _HUGE else 1 / _UNIT if peak < _TINY else 1.0
    away = (values if unit == 1 else values / unit) - values[0] / unit
    away -= away.mean()
    away *= away  # no dot product: numpy's starts threads for it, and adds less exactly
    return _defined(math.sqrt(float(away.sum()) / (values.size - 1)) * unit)


def _held(value: float) -> float:
    """Return a mean, which rounding may have taken out of DOUBLE's range."""
    return min(max(value, -_GREATEST), _GREATEST)


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
