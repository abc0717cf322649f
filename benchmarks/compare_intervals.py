"""How often the intervals of `dakota-wh compare` are wrong: the numbers of docs/comparing.md.

    uv run python -m benchmarks compare_intervals [TRIALS]

Two runs: curves without any difference, from first-order autoregressive noise, with and without
white noise on top; the share of trials in which the interval excludes 0. Groups: seeds from one
distribution; how often an interval holds the truth, and how often the verdict is wrong.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from dakota_wh.compare.batch_means import mean_interval
from dakota_wh.compare.seeds import Resampling, iqm, iqms, welch
from dakota_wh.compare.verdicts import side_of_zero

RNG = np.random.default_rng(20260101)


def wander(keep: float, points: int) -> np.ndarray:
    """Return autoregressive noise of variance 1 that keeps a share of the value before."""
    value = RNG.standard_normal()
    noise = RNG.standard_normal(points) * math.sqrt(1.0 - keep * keep)
    found = np.empty(points)
    for i in range(points):
        value = found[i] = keep * value + noise[i]
    return found


def runs(trials: int) -> None:
    """Print how often two runs that do not differ are said to."""
    print("keep  points   false alarms  no interval   with white noise: false alarms  no interval")
    for keep in (0.0, 0.5, 0.8, 0.95, 0.99):
        for points in (25, 50, 250, 1000):
            line = []
            for white in (0.0, 1.0):
                alarms = silent = 0
                for _ in range(trials):
                    curves = [
                        wander(keep, points) + white * RNG.standard_normal(points) for _ in "ab"
                    ]
                    mean = mean_interval(curves[0] - curves[1], 0.95)
                    silent += mean.low is None
                    alarms += side_of_zero(mean.low, mean.high) != 0
                line += [alarms / trials, silent / trials]
            print(
                f"{keep:4g}  {points:6d}  {line[0]:12.1%}  {line[1]:11.1%}"
                f"  {line[2]:30.1%}  {line[3]:11.1%}",
                flush=True,
            )


def groups(trials: int) -> None:
    """Print how often an interval of seeds holds the truth."""
    resampling = Resampling(2000, 0.95, 0)
    print("seeds  noise     IQM in interval  difference in interval: IQM    t   wrong verdict")
    for name, draw, centre in (
        ("normal", RNG.standard_normal, 0.0),
        ("skewed", lambda size: RNG.exponential(size=size), None),
    ):
        for seeds in (3, 5, 10, 20):
            truth = centre
            if truth is None:  # the interquartile mean over samples of that size
                truth = float(iqms(draw((200_000, seeds))).mean())
            one = two = three = wrong = 0
            for trial in range(trials):
                a, b = draw(seeds), draw(seeds)
                drawn = [
                    iqms(x[resampling.draws(seeds, str(trial), n)]) for x, n in ((a, "a"), (b, "b"))
                ]
                held = resampling.interval(iqm(a), drawn[0])
                one += held.low <= truth <= held.high
                apart = resampling.interval(iqm(a) - iqm(b), drawn[0] - drawn[1])
                mean = welch(a, b, 0.95)
                sides = side_of_zero(apart.low, apart.high), side_of_zero(mean.low, mean.high)
                two += sides[0] == 0
                three += sides[1] == 0
                wrong += sides[0] == sides[1] != 0
            print(
                f"{seeds:5d}  {name}  {one / trials:16.1%}  {two / trials:27.1%}"
                f"  {three / trials:6.1%}  {wrong / trials:9.1%}",
                flush=True,
            )


def main() -> None:
    """Print both tables."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    groups(trials)
    runs(trials)


if __name__ == "__main__":
    main()
