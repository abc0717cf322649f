"""The curves of trainings along an axis, read from the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dakota_wh.compare.alignment import Curve
from dakota_wh.compare.quantities import Quantity
from dakota_wh.compare.trainings import Training
from dakota_wh.errors import NothingFound
from dakota_wh.warehouse.snapshot import Points, Snapshot

#: By quantity's name, then by training.
Curves = Mapping[str, Mapping[str, Curve]]


def read_curves(
    snapshot: Snapshot, trainings: Sequence[Training], quantities: Sequence[Quantity], axis: str
) -> Curves:
    """Return the curve of each quantity in each training that logs it.

    On the axis of time a point lies at its run's own runtime. On that of tokens it lies at the
    tokens that the training had used at the same step, or the last step before it that counts them.

    Raises:
        NothingFound: a training logs no count of tokens, and they are the axis.
    """
    wanted: dict[str, list[str]] = {run: [] for t in trainings for run in t.run_ids}
    counts = _counts_of_tokens(snapshot, trainings) if axis == "tokens" else {}
    for run_id, metric, _ in counts.values():
        wanted[run_id].append(metric)
    for quantity in quantities:
        for logged in quantity.logged.values():
            wanted[logged.run_id].append(logged.metric)
    points = snapshot.points(wanted)
    tokens = {
        name: _tokens(points[run_id, metric], kind)
        for name, (run_id, metric, kind) in counts.items()
        if (run_id, metric) in points
    }
    return {
        quantity.name: {
            name: _curve(points[logged.run_id, logged.metric], logged.sign, axis, tokens.get(name))
            for name, logged in quantity.logged.items()
            if (logged.run_id, logged.metric) in points
        }
        for quantity in quantities
    }


def _counts_of_tokens(
    snapshot: Snapshot, trainings: Sequence[Training]
) -> dict[str, tuple[str, str, str]]:
    """Return (run, metric, kind) of the count of tokens that each training logs."""
    runs = {run_id: t.training_id for t in trainings for run_id in t.run_ids}
    rows: Sequence[Mapping[str, Any]] = snapshot.rows("series", list(runs))
    found: dict[str, tuple[str, str, str]] = {}
    for kind in ("total_tokens", "step_tokens"):
        ranked = [row for row in rows if row["kind"] == kind and row["samples"]]
        for row in sorted(ranked, key=lambda row: (row["kind_rank"], row["run_id"])):
            found.setdefault(runs[row["run_id"]], (row["run_id"], row["metric"], kind))
    for training in trainings:
        if training.training_id not in found:
            raise NothingFound(
                f"{training.described()} logs no count of tokens that is known here.",
                hint="Align on something else: --align step, or --align time",
            )
    return found


def _tokens(points: Points, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (steps, tokens used up to and with each of them)."""
    finite = np.isfinite(points.value)
    value = points.value[finite]
    used = value if kind == "total_tokens" else np.cumsum(value)
    # A count that falls was begun anew by a restart; the axis does not run back.
    return points.step[finite], np.maximum.accumulate(used)


def _curve(
    points: Points, sign: int, axis: str, tokens: tuple[np.ndarray, np.ndarray] | None
) -> Curve:
    if axis == "step":
        position = points.step.astype(np.float64)
    elif axis == "time":
        position = points.runtime
    else:
        position = _at_tokens(points.step, tokens)
    finite = np.isfinite(points.value)
    placed = np.isfinite(position)
    keep = finite & placed
    position, value = position[keep], sign * points.value[keep]
    order = np.argsort(position, kind="stable")
    return Curve(
        position[order],
        value[order],
        nonfinite=int((~finite).sum()),
        unplaced=int((finite & ~placed).sum()),
    )


def _at_tokens(step: np.ndarray, tokens: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
    position = np.full(step.size, np.nan)
    if tokens is None or not tokens[0].size:
        return position
    steps, used = tokens
    place = np.searchsorted(steps, step, side="right") - 1
    known = place >= 0
    position[known] = used[place[known]]
    return position
