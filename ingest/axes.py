"""Axes beside the run's own: which metrics are counted by another key, or by the clock.

A framework may count rollouts, updates and evaluations apart, and sample its inference servers by
time. A definition (``define_metric``) says so, else the framework's table does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dakota_wh.ingest import step_values
from dakota_wh.ingest.source import StepMetric
from dakota_wh.warehouse.column_names import KeyPath, printed
from dakota_wh.warehouse.history import StoredHistory
from dakota_wh.warehouse.metrics import OWN_KEYS, OwnAxis, RowSteps

#: W&B's own keys that are times: what is defined on them has no step.
CLOCKS: Final = frozenset({"_timestamp", "_runtime"})

#: Two keys count the same where they are at most so many strides apart, in most rows: the trainer
#: of an asynchronous training is a step or two behind.
_STRIDES_APART: Final = 2
_MOST: Final = 0.95


@dataclass(slots=True)
class Others:
    """What the axes beside the run's own make of its rows and metrics."""

    steps: RowSteps
    evidence: list[str] = field(default_factory=list)
    #: Metrics that another key counts, by name.
    own: dict[str, OwnAxis] = field(default_factory=dict)
    #: The keys that are axes and hence no metrics.
    keys: set[KeyPath] = field(default_factory=set)


def beside(
    history: StoredHistory,
    metrics: Sequence[str],
    main: KeyPath,
    steps: RowSteps,
    axis_of: Callable[[str], str | None],
) -> Others:
    """Return the rows' steps with those that other keys give, and the metrics that stay on theirs.

    An axis whose rows mostly have the run's own step as well gives way to it. One that counts
    alike gives the rows that are without a step theirs; else its metrics keep it as their own. A
    row that holds nothing but metrics of the clock has no step, though the client adds the last
    one, or 0 before there is any, to every row of a run that has defined its axis.
    """
    found = Others(steps, keys={main})
    families: dict[str, list[str]] = {}
    for metric in metrics:
        axis = axis_of(metric)
        if axis is not None and axis not in (metric, printed(main), "_step"):
            families.setdefault(axis, []).append(metric)
    logged = {printed(key): key for key in history.numeric_keys()}
    timed: set[str] = set()
    for axis, names in sorted(families.items()):
        if axis in CLOCKS:
            timed.update(names)
        elif axis in logged:
            _judge(history, axis, logged[axis], steps, set(names) - families.keys(), found, timed)
    _unstep(history, found, timed)
    return found


def _judge(
    history: StoredHistory,
    axis: str,
    key: KeyPath,
    main: RowSteps,
    names: set[str],
    found: Others,
    timed: set[str],
) -> None:
    """Decide what one more axis is to the run: nothing, its own step too, a count apart, a time."""
    read = step_values.read(history, key)
    if not read.counts:
        timed.update(names)  # seconds, fractions of an epoch
        return
    other = read.steps
    if 2 * int((other.known & main.known).sum()) > int(other.known.sum()):
        return
    found.keys.add(key)
    if _count_alike(main, other):
        take = other.known & ~found.steps.known
        values = np.where(take, other.values, found.steps.values)
        found.steps = RowSteps(values, found.steps.known | take)
        found.evidence.append(f"{axis} counts the same")
    else:
        found.own |= dict.fromkeys(names, OwnAxis(axis, other))
        found.evidence.append(f"{axis} counts other steps, which its metrics keep")
    found.evidence += read.left_out


def _count_alike(main: RowSteps, other: RowSteps) -> bool:
    """Return whether two keys, logged in different rows, count the same thing."""
    at = np.flatnonzero(other.known)
    here = np.flatnonzero(main.known)
    if not at.size or not here.size:
        return False
    before = np.maximum(np.searchsorted(here, at, side="right") - 1, 0)
    gaps = np.diff(np.unique(main.values[here]))
    stride = float(np.median(gaps)) if gaps.size else 1.0
    apart = np.abs(other.values[at].astype(np.float64) - main.values[here[before]])
    return bool((apart <= _STRIDES_APART * stride).mean() >= _MOST)


def _unstep(history: StoredHistory, found: Others, timed: set[str]) -> None:
    """Take the step from rows in which nothing was logged that a step could be of."""
    bare = found.steps.known.copy()
    for key in history.keys():  # noqa: SIM118 - no mapping
        if not bare.any():
            return
        if key in OWN_KEYS or key in found.keys or printed(key) in timed:
            continue
        bare &= ~history.logged(key)
    if bare.any():
        found.steps = RowSteps(found.steps.values, found.steps.known & ~bare)


def resolver(
    step_metrics: Sequence[StepMetric], table: Sequence[tuple[str, re.Pattern[str]]]
) -> Callable[[str], str | None]:
    """Return what gives a metric's axis: its definition, the longest glob, the table; else None.

    ``*`` is no family: it names the run's own axis.
    """
    exact = {m.metric: m.step_metric for m in step_metrics if m.step_metric}
    globs = {name[:-1]: axis for name, axis in exact.items() if name.endswith("*") and name != "*"}
    lengths = sorted({len(beginning) for beginning in globs}, reverse=True)

    def axis_of(metric: str) -> str | None:
        if metric in exact:
            return exact[metric]
        for length in lengths:
            if length <= len(metric) and (axis := globs.get(metric[:length])) is not None:
                return axis
        return next((axis for axis, pattern in table if pattern.search(metric)), None)

    return axis_of
