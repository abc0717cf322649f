"""The canonical step: on which axis the log rows of a run lie.

The key that the framework logs as its step, else the axis that ``define_metric`` names, else
W&B's own ``_step``. Metrics that another key counts keep it (:mod:`dakota_wh.ingest.axes`). Rows
without a step stay in history, and their numbers go by time; none is put on a made-up step. So do
the few rows in which the step is no whole number (:mod:`dakota_wh.ingest.step_values`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dakota_wh.ingest import axes, patterns, step_values
from dakota_wh.ingest.source import StepMetric
from dakota_wh.warehouse.column_names import KeyPath, printed
from dakota_wh.warehouse.history import StoredHistory
from dakota_wh.warehouse.metrics import OwnAxis, RowSteps

#: Keys that training frameworks log as their step, the most telling first.
STEP_KEYS: Final = (
    "step",
    "train/global_step",
    "training/global_step",
    "trainer/global_step",
    "global_step",
)
_OWN: Final[KeyPath] = ("_step",)


#: Changes with the rules below, so that what is stored by older ones is derived anew.
METHOD: Final = 3


@dataclass(frozen=True, slots=True)
class StepAxis:
    """The chosen key, why, and each log row's step."""

    key: KeyPath
    evidence: str
    steps: RowSteps
    #: Metrics that another key counts, by name.
    own: Mapping[str, OwnAxis] = field(default_factory=dict)
    #: Every key that is an axis; none of them is a metric.
    keys: frozenset[KeyPath] = frozenset()

    def steps_of(self, metric: str) -> RowSteps:
        """Return the rows' steps on the axis of one metric."""
        return self.own[metric].steps if metric in self.own else self.steps

    def behind(self, rows: int) -> StepAxis:
        """Return the axis of the rows after the first ``rows``."""
        own = {name: OwnAxis(one.key, one.steps.behind(rows)) for name, one in self.own.items()}
        return StepAxis(self.key, self.evidence, self.steps.behind(rows), own, self.keys)


def choose(
    history: StoredHistory, metrics: Sequence[str], step_metrics: Sequence[StepMetric]
) -> StepAxis:
    """Return the canonical step axis of a run, and what other keys count."""
    framework = patterns.framework(metrics)
    table = patterns.axes(framework)
    axis_of = axes.resolver(step_metrics, table)
    main = _main(history, metrics, step_metrics, framework, axis_of)
    if main.key == _OWN:
        return main
    others = axes.beside(history, metrics, main.key, main.steps, axis_of)
    evidence = "; ".join([main.evidence, *others.evidence])
    return StepAxis(main.key, evidence, others.steps, others.own, frozenset(others.keys))


def _main(
    history: StoredHistory,
    metrics: Sequence[str],
    step_metrics: Sequence[StepMetric],
    framework: str | None,
    axis_of: Callable[[str], str | None],
) -> StepAxis:
    """Return the run's own axis."""
    logged = {printed(key): key for key in reversed(history.keys())}
    defined = _defined_axes(step_metrics, metrics, axis_of)
    refused: list[str] = []
    for name in STEP_KEYS:
        if (name,) in logged.values():
            trusted = name in defined or (framework == "prime-rl" and name == "step")
            found = step_values.read(history, (name,))
            if not (why := _unusable(found, trusted=trusted)):
                return _axis(found, f"{name} is logged as the step")
            refused.append(f"{name} is logged, but {why}")
    kept = [(name, f"{framework} counts by {name}") for name, _ in patterns.axes(framework)[:1]]
    kept += [(name, f"define_metric names {name} as the axis") for name in defined]
    for name, evidence in kept:
        key = None if name in axes.CLOCKS else logged.get(name)
        if key is None or key == _OWN:
            continue
        found = step_values.read(history, key)
        if not (why := _unusable(found, trusted=True)):
            return _axis(found, evidence)
        if name not in STEP_KEYS:
            refused.append(f"{evidence}, but it {why}")
    because = "; ".join(refused) or "no other step is logged"
    evidence = f"W&B's own _step: {because}"
    return StepAxis(_OWN, evidence, read(history, _OWN), keys=frozenset({_OWN}))


def _axis(found: step_values.StepValues, evidence: str) -> StepAxis:
    said = "; ".join([evidence, *found.left_out])
    return StepAxis(found.key, said, found.steps, keys=frozenset({found.key}))


def read(history: StoredHistory, key: KeyPath) -> RowSteps:
    """Return the rows' steps under a key that is known to be the axis."""
    found = history.integers(key)
    if found is None:
        return RowSteps(np.zeros(history.rows, np.int64), np.zeros(history.rows, bool))
    return RowSteps(*found)


def _defined_axes(
    step_metrics: Sequence[StepMetric],
    metrics: Sequence[str],
    axis_of: Callable[[str], str | None],
) -> list[str]:
    """Return the axes that definitions name: that of ``*`` first, another if most metrics have it.

    NeMo-RL defines one for what it samples of its machines only; that is not the run's.
    """
    everything = [m.step_metric for m in step_metrics if m.metric == "*" and m.step_metric]
    others = {m.step_metric for m in step_metrics if m.step_metric} - axes.CLOCKS - {"_step"}
    if everything or len(others) != 1:
        return everything
    covered = [axis_of(metric) in others for metric in metrics if metric not in others]
    return sorted(others) if 2 * sum(covered) > len(covered) else []


def _unusable(found: step_values.StepValues, *, trusted: bool) -> str:
    """Return why a key cannot be the axis, in words that go on from "it"; empty if it can.

    It must count in whole numbers. Unless the framework or a definition vouches for it, it must
    also be in at least half of the rows and hardly ever go back: a step within an epoch does.
    """
    if not found.logged:
        return "holds nothing but None"
    if not found.counts:
        return found.oddity
    if trusted:
        return ""
    rows, steps = found.steps.known.size, found.steps.values
    if 2 * found.logged < rows:
        return f"is in {found.logged} of {rows} rows only"
    if not found.steps.known.all():
        steps = steps[found.steps.known]
    backward = int((steps[1:] < steps[:-1]).sum())
    if backward > max(3, steps.size // 100):
        return f"falls in {backward} of {steps.size} rows"
    return ""


def without_counts(evidence: str) -> str:
    """Return the evidence for an axis without its counts of rows, which grow with the run."""
    return re.sub(r" in \d+ of \d+ rows\b", "", evidence)
