"""The canonical step: on which axis the log rows of a run lie.

The key that the framework logs as its step, else the axis that ``define_metric`` names, else
W&B's own ``_step``. Rows without a step stay in history and are not put on a made-up one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dakota_wh.ingest import patterns
from dakota_wh.ingest.source import StepMetric
from dakota_wh.warehouse.column_names import KeyPath, printed
from dakota_wh.warehouse.history import StoredHistory
from dakota_wh.warehouse.metrics import RowSteps

#: Keys that training frameworks log as their step, the most telling first.
STEP_KEYS: Final = (
    "step",
    "train/global_step",
    "training/global_step",
    "trainer/global_step",
    "global_step",
)
_OWN: Final[KeyPath] = ("_step",)


@dataclass(frozen=True, slots=True)
class StepAxis:
    """The chosen key, why, and each log row's step."""

    key: KeyPath
    evidence: str
    steps: RowSteps


def choose(
    history: StoredHistory, metrics: Sequence[str], step_metrics: Sequence[StepMetric]
) -> StepAxis:
    """Return the canonical step axis of a run."""
    axes = _defined_axes(step_metrics)
    logged = set(history.numeric_keys())
    prime_rl = patterns.framework(metrics) == "prime-rl"
    for name in STEP_KEYS:
        if (name,) in logged:
            trusted = name in axes or (prime_rl and name == "step")
            steps = _usable(history, (name,), trusted=trusted)
            if steps is not None:
                return StepAxis((name,), f"{name} is logged as the step", steps)
    for name in axes:
        key = next((k for k in logged if printed(k) == name), None)
        steps = _usable(history, key, trusted=True) if key and key != _OWN else None
        if key and steps is not None:
            return StepAxis(key, f"define_metric names {name} as the axis", steps)
    return StepAxis(_OWN, "W&B's own _step: no other step is logged", read(history, _OWN))


def read(history: StoredHistory, key: KeyPath) -> RowSteps:
    """Return the rows' steps under a key that is known to be the axis."""
    found = history.integers(key)
    if found is None:
        return RowSteps(np.zeros(history.rows, np.int64), np.zeros(history.rows, bool))
    return RowSteps(*found)


def _defined_axes(step_metrics: Sequence[StepMetric]) -> list[str]:
    """Return the axes that definitions name: that of ``*`` first, others only if alone."""
    everything = [m.step_metric for m in step_metrics if m.metric == "*" and m.step_metric]
    others = sorted({m.step_metric for m in step_metrics if m.step_metric})
    return everything or (others if len(others) == 1 else [])


def _usable(history: StoredHistory, key: KeyPath, *, trusted: bool) -> RowSteps | None:
    """Return the rows' steps if the key can be the axis, else None.

    It must be whole numbers throughout. Unless the framework or a definition vouches for it, it
    must also be in at least half of the rows and hardly ever go back: a step within an epoch does.
    """
    found = history.integers(key)
    if found is None:
        return None
    values, logged = found
    steps = values[logged]
    if not steps.size:
        return None
    if not trusted:
        backward = int((steps[1:] < steps[:-1]).sum())
        if 2 * steps.size < logged.size or backward > max(3, steps.size // 100):
            return None
    return RowSteps(values, logged)
