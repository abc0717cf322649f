"""Statistics and trends of made runs by NumPy alone: what every engine has to find."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmarks.agreement import Answer
from benchmarks.made_run import MadeRun, values

#: The columns of :func:`stats` and :func:`trends`, as the views name them.
STATS = ("samples", "mean", "median", "std", "min", "max", "final")
TRENDS = ("samples", "first_half_mean", "second_half_mean", "improvement", "improvement_pct")


def is_reward(name: str) -> bool:
    """Return whether a metric counts as one of rewards."""
    return "reward" in name.lower() or "score" in name.lower()


def stats(runs: Iterable[MadeRun]) -> Answer:
    """Return the statistics of each reward metric by (run, metric)."""
    return {
        (run.run_id, name): stats_of(column)
        for run in runs
        for name, column in values(run.names, run.steps, run.seed).items()
        if is_reward(name)
    }


def trends(runs: Iterable[MadeRun]) -> Answer:
    """Return the trends of each reward metric of more than 10 samples by (run, metric)."""
    return {
        (run.run_id, name): trends_of(column)
        for run in runs
        for name, column in values(run.names, run.steps, run.seed).items()
        if is_reward(name) and len(column) > 10
    }


def stats_of(column: np.ndarray) -> list[float]:
    """Return what :data:`STATS` names of one column."""
    found = [np.mean(column), np.median(column), np.std(column, ddof=1), column.min(), column.max()]
    return [len(column), *map(float, found), float(column[-1])]


def trends_of(column: np.ndarray) -> list[float | None]:
    """Return what :data:`TRENDS` names of one column."""
    middle = len(column) // 2
    first, second = float(column[:middle].mean()), float(column[middle:].mean())
    share = None if first == 0 else (second - first) / abs(first) * 100
    return [len(column), first, second, second - first, share]
