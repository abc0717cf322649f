"""What a handful of seeds says: interquartile mean, intervals, and the chance that one is higher.

Definitions of Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical
Precipice", as their library rliable computes them for one task: the interquartile mean is the mean
without the lowest and the highest quarter, floor(n / 4) values on either side; its interval is the
percentile interval of a bootstrap that draws seeds anew within each group; the probability of
improvement is Mann and Whitney's U / (n m), a tie counting one half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from dakota_wh.compare.student_t import two_sided_quantile


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; the ends are None where there is none to give."""

    value: float
    low: float | None = None
    high: float | None = None


class Resampling:
    """Bootstrap samples of groups, the same for the same seed, metric and group."""

    def __init__(self, resamples: int, confidence: float, seed: int) -> None:
        self.resamples = resamples
        self.confidence = confidence
        self._seed = seed

    def draws(self, count: int, *names: str) -> np.ndarray:
        """Return places 0 … count - 1, drawn with replacement: int64, (resamples, count).

        The names make the draws of one group independent of another's, and keep them the same
        whatever else is compared.
        """
        key = [self._seed, *(crc32(name.encode("utf-8", "surrogatepass")) for name in names)]
        return np.random.default_rng(key).integers(0, count, size=(self.resamples, count))

    def interval(self, value: float, drawn: np.ndarray) -> Estimate:
        """Return a value with the percentile interval of its bootstrap values."""
        tail = (1.0 - self.confidence) / 2.0
        low, high = np.quantile(drawn, [tail, 1.0 - tail])
        return Estimate(value, float(low), float(high))


def iqm(scores: np.ndarray) -> float:
    """Return the interquartile mean of the scores of some seeds, 1-d."""
    return float(iqms(scores[np.newaxis])[0])


def iqms(scores: np.ndarray) -> np.ndarray:
    """Return the interquartile mean of each row of (samples, seeds)."""
    count = scores.shape[1]
    cut = count // 4
    mean: np.ndarray = np.sort(scores, axis=1)[:, cut : count - cut].mean(axis=1)
    return mean


def probability_higher(
    scores: np.ndarray,
    baseline: np.ndarray,
    resampling: Resampling,
    draws: np.ndarray,
    baseline_draws: np.ndarray,
) -> Estimate:
    """Return P(a seed of the one is above a seed of the other), a tie counting one half.

    ``draws`` and ``baseline_draws`` are the places of ``Resampling.draws`` for either group; with a
    single seed in one of them there is no interval.
    """
    above = np.sign(scores[:, np.newaxis] - baseline[np.newaxis]) / 2.0 + 0.5
    value = float(above.mean())
    if min(scores.size, baseline.size) < 2:
        return Estimate(value)
    weights = _counts(draws, scores.size)
    other = _counts(baseline_draws, baseline.size)
    drawn = ((weights @ above) * other).sum(axis=1) / above.size
    return resampling.interval(value, drawn)


def _counts(draws: np.ndarray, count: int) -> np.ndarray:
    """Return how often each place was drawn, (resamples, count)."""
    rows = draws.shape[0]
    flat = (draws + np.arange(rows)[:, np.newaxis] * count).ravel()
    return np.bincount(flat, minlength=rows * count).reshape(rows, count).astype(np.float64)


def welch(scores: np.ndarray, baseline: np.ndarray, confidence: float) -> Estimate:
    """Return the difference of the means with Welch's t interval; no interval below two seeds."""
    difference = float(scores.mean() - baseline.mean())
    if min(scores.size, baseline.size) < 2:
        return Estimate(difference)
    one = float(scores.var(ddof=1)) / scores.size
    two = float(baseline.var(ddof=1)) / baseline.size
    if one + two == 0.0:
        return Estimate(difference, difference, difference)
    # Divided first: a tiny variance squared is 0.
    share = one / (one + two)
    df = 1.0 / (share**2 / (scores.size - 1) + (1.0 - share) ** 2 / (baseline.size - 1))
    half = two_sided_quantile(confidence, df) * math.sqrt(one + two)
    return Estimate(difference, difference - half, difference + half)
