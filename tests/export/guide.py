"""The rules of the owner's guide, written again from their description with pandas.

An oracle: nothing here is of ours. Where the guide's scripts were wrong, this is right; what they
did instead stands in ``docs/guide-scripts.md``.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

KEY_METRICS = [
    *("loss/mean", "loss/std", "entropy/mean", "entropy/median"),
    *("inference_probs/mean", "trainer_probs/mean", "perf/throughput", "perf/mfu"),
    *("optim/lr", "optim/grad_norm"),
]


def reward_columns(frame: pd.DataFrame) -> list[str]:
    return named(frame, "reward", "score")


def named(frame: pd.DataFrame, *words: str) -> list[str]:
    """Return the columns whose name has one of the words, in any case, sorted."""
    return sorted(c for c in map(str, frame) if any(word in c.lower() for word in words))


def reward_analysis(frame: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {
        "total_steps": len(frame),
        "reward_columns": reward_columns(frame),
        "reward_statistics": {},
        "reward_trends": {},
    }
    for column in found["reward_columns"]:
        values = frame[column].dropna()
        if values.empty:
            continue
        std = float(values.std())
        found["reward_statistics"][column] = {
            "mean": float(values.mean()),
            "median": float(values.median()),
            "std": None if math.isnan(std) else std,
            "min": float(values.min()),
            "max": float(values.max()),
            "final": float(values.iloc[-1]),
            "samples": len(values),
        }
        if len(values) > 10:
            half = len(values) // 2
            first, second = values.iloc[:half].mean(), values.iloc[half:].mean()
            found["reward_trends"][column] = {
                "first_half_mean": float(first),
                "second_half_mean": float(second),
                "improvement": float(second - first),
                "improvement_pct": float((second - first) / abs(first) * 100) if first else 0,
            }
    return found


def training_analysis(frame: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {"total_steps": len(frame), "key_metrics": {}, "final_values": {}}
    for column in KEY_METRICS:
        values = frame[column].dropna() if column in frame else pd.Series(dtype=float)
        if values.empty:
            continue
        falls = len(values) > 10 and values.iloc[-1] < values.iloc[0]
        std = float(values.std())
        found["key_metrics"][column] = {
            "mean": float(values.mean()),
            "std": None if math.isnan(std) else std,
            "min": float(values.min()),
            "max": float(values.max()),
            "final": float(values.iloc[-1]),
            "trend": "improving" if falls else "degrading",
        }
        found["final_values"][column] = float(values.iloc[-1])
    return found


def sample_efficiency(frame: pd.DataFrame, column: str) -> dict[str, Any]:
    """``frame`` has a row per step; the step of a milestone is that of its own value."""
    there = frame[["_step", column]].dropna()
    values, steps = there[column], there["_step"]
    initial, final = values.iloc[0], values.iloc[-1]
    rise = final - initial
    milestones = {}
    for share in (0.25, 0.5, 0.75, 0.9) if rise > 0 else ():
        reached = steps[values >= initial + share * rise]
        milestones[f"{round(share * 100)}%_improvement"] = {
            "step": int(reached.iloc[0]),
            "value": initial + share * rise,
        }
    span = steps.iloc[-1] - steps.iloc[0]
    return {
        "initial_value": initial,
        "final_value": final,
        "max_value": values.max(),
        "total_improvement": rise,
        "improvement_pct": rise / abs(initial) * 100 if initial else 0,
        "learning_rate": rise / span if span else 0,
        "milestones": milestones,
        "total_steps": len(values),
    }


def kl_divergence(frame: pd.DataFrame) -> dict[str, Any]:
    found = {}
    for column in named(frame, "kl", "divergence"):
        values = frame[column].dropna()
        if not values.empty:
            rises = len(values) > 10 and values.iloc[-1] > values.iloc[0]
            found[column] = {
                "mean": values.mean(),
                "median": values.median(),
                "std": values.std(),
                "min": values.min(),
                "max": values.max(),
                "final": values.iloc[-1],
                "trend": "increasing" if rises else "decreasing",
            }
    return found


def assert_close(got: Any, wanted: Any, at: str = "") -> None:
    """Compare documents: the same keys in the same order, numbers to 1e-9 relative."""
    if isinstance(wanted, dict):
        assert list(got) == list(wanted), at
        for key in wanted:
            assert_close(got[key], wanted[key], f"{at}/{key}")
    elif isinstance(wanted, bool | str | list) or wanted is None:
        assert got == wanted, at
    else:
        assert math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-300), (at, got, wanted)
