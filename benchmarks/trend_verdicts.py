"""How often `trend_evidence` sees a trend where there is none: the rates in its notes.

    uv run python -m benchmarks.trend_verdicts [--trials 1000] [--lengths 20 50 100 200 1000]

Metrics of first-order autoregressive noise, with and without as much white noise on top, are
exported as W&B would, ingested, and the view is asked. `called` is the share that is said to rise
or fall; `plain` the share with |mk_z| >= 1.96 and halves that agree, which is the verdict without a
look at autocorrelation; `both` the share that both tests call; `interval` that of which the plain
interval excludes 0; `shape` what is not level; `tail` what rises or falls in its last quarter.
A second table has the share of real rises, of height 1, that are called.
"""

from __future__ import annotations

import argparse
import csv
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from dakota_wh import api

#: Metrics of one run: more columns make a run slow to ingest.
_METRICS: Final = 250

_CURVES: Final[dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    "line": lambda x: x,
    "rise, then level": lambda x: np.minimum(2.0 * x, 1.0),
    "saturating": lambda x: 1.0 - np.exp(-5.0 * x),
    "step": lambda x: (x > 0.5).astype(float),
}

Row = dict[str, Any]


def wander(random: np.random.Generator, keep: float, points: int, many: int) -> np.ndarray:
    """Return rows of autoregressive noise of variance 1 that keeps a share of the value before."""
    found = np.empty((many, points))
    value = random.standard_normal(many)
    for i in range(points):
        value = keep * value + random.standard_normal(many) * math.sqrt(1.0 - keep * keep)
        found[:, i] = value
    return found


def judged(values: np.ndarray) -> list[Row]:
    """Return what the view says of each row of values, a metric each."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        warehouse = api.open(folder / "warehouse")
        for number, start in enumerate(range(0, len(values), _METRICS)):
            some = values[start : start + _METRICS]
            file = folder / f"r{number}_history.csv"
            with file.open("w", newline="", encoding="utf-8") as stream:
                writer = csv.writer(stream)
                writer.writerow(["_step", *(f"m{i}" for i in range(len(some)))])
                writer.writerows([step, *row] for step, row in enumerate(some.T.tolist()))
            warehouse.ingest(file)
        return warehouse.query("trend_evidence").dicts()


def shares(rows: list[Row]) -> dict[str, float]:
    """Return the share of rows of which each thing is said."""
    moving = ("rising", "falling")
    said = {
        "called": [row["verdict"] in moving for row in rows],
        "plain": [row["verdict"] in (*moving, "too correlated") for row in rows],
        "both": [row["support"] == "both tests" for row in rows],
        "interval": [(row["half_difference_low"] or 0) > 0 for row in rows],
        "shape": [row["shape"] != "level" for row in rows],
        "tail": [row["tail_state"] in moving for row in rows],
    }
    below = [(row["half_difference_high"] or 0) < 0 for row in rows]
    said["interval"] = [a or b for a, b in zip(said["interval"], below, strict=True)]
    return {name: sum(held) / len(rows) for name, held in said.items()}


def line(rows: list[Row]) -> str:
    """Return the shares as columns."""
    return "  ".join(f"{name} {share:6.1%}" for name, share in shares(rows).items())


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="How often trend_evidence errs.")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--lengths", type=int, nargs="+", default=[20, 50, 100, 200, 1000])
    options = parser.parse_args()
    random = np.random.default_rng(20260101)
    for white in (0.0, 1.0):
        for keep in (0.0, 0.5, 0.8, 0.95, 0.99):
            for points in options.lengths:
                values = wander(random, keep, points, options.trials)
                values += white * random.standard_normal(values.shape)
                print(
                    f"keep {keep:<4g} white {white:g} n {points:4d}  {line(judged(values))}",
                    flush=True,
                )
    many = options.trials // 4
    for points in options.lengths:
        x = np.arange(points) / points
        for name, curve in _CURVES.items():
            for noise, keep in ((0.1, 0.0), (0.3, 0.0), (1.0, 0.0), (0.3, 0.8), (0.1, 0.95)):
                values = curve(x) + noise * wander(random, keep, points, many)
                about = f"{name:16s} noise {noise:g} keep {keep:<4g} n {points:4d}"
                print(f"{about}  {line(judged(values))}", flush=True)


if __name__ == "__main__":
    main()
