"""An interval for the mean of values that follow each other and are not independent.

The values are cut into batches so long that the means of batches are nearly independent; their
spread gives the standard error, and Student's t the width (Law and Carson 1979; Flegal and Jones
2010). A batch is five correlation times long, where that leaves between 5 and 20 batches.

The correlation time is 1 + 2 Σ ρ(k), summed up to the first lag that is five times as long as
the sum itself (Sokal 1997). It is that of the values without their straight line: a drift over the
window widens the interval by how far it moves the batches, and does not look like correlation.
Where the lag-1 autocorrelation alone says more, (1 + ρ) / (1 - ρ) with ρ freed of its bias in a
short series (Kendall 1954), that is taken. The same is asked of the means of 2, 4, 8, … neighbours:
where slow wandering lies under white noise, as batch noise over the training's own course, only
there it is seen. The longest answer counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from dakota_wh.compare.student_t import two_sided_quantile

#: Batches are this many correlation times long.
_LENGTH: Final = 5.0
_FEWEST: Final = 5
_MOST: Final = 20
#: With fewer effective points the correlation time itself is a guess, and there is no interval.
LEAST_EFFECTIVE: Final = 8.0
_SOKAL: Final = 5.0
#: Means of neighbours are asked while there are so many, and believed where their lag-1
#: autocorrelation is above the least and beyond the one-sided 5 % point of white noise.
_LEAST_BINS: Final = 20
_LEAST_LAG1: Final = 0.2
_CLEAR: Final = 1.645


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its interval; ``low`` and ``high`` are None where there are too few points."""

    mean: float
    low: float | None
    high: float | None
    points: int
    #: Points / longest correlation time: as good as so many independent values, or somewhat
    #: better; None for fewer than 3 points.
    effective: float | None
    batches: int | None


def mean_interval(values: np.ndarray, confidence: float) -> Mean:
    """Return the mean of values in their order, with an interval of that confidence.

    Args:
        values: float64, finite, at least one.
        confidence: such as 0.95.
    """
    count = int(values.size)
    scale = float(np.abs(values).max())
    if float(values.min()) == float(values.max()):
        value = float(values[0])
        certain = value if count >= LEAST_EFFECTIVE else None
        return Mean(value, certain, certain, count, float(count), None)
    scaled = values / scale
    mean = float(scaled.mean())
    time = correlation_time(scaled)
    effective = None if time is None else count / time
    if effective is None or effective < LEAST_EFFECTIVE:
        return Mean(mean * scale, None, None, count, effective, None)
    batches = int(min(max(effective / _LENGTH, _FEWEST), _MOST))
    means = np.array([batch.mean() for batch in np.array_split(scaled, batches)])
    error = float(means.std(ddof=1)) / math.sqrt(batches)
    half = two_sided_quantile(confidence, batches - 1) * error
    return Mean(
        mean * scale, (mean - half) * scale, (mean + half) * scale, count, effective, batches
    )


def correlation_time(values: np.ndarray) -> float | None:
    """Return the longest correlation time that is seen, in points, at least 1.

    None for fewer than three values. Of autoregressive noise it is its correlation time, or up to
    about twice as much; of slow wandering under white noise it is that of the wandering.
    """
    if values.size < 3:
        return None
    longest = _time_at(values, 0.0)
    width = 2
    while values.size // width >= _LEAST_BINS:
        bins = values.size // width
        means = values[values.size - bins * width :].reshape(bins, width).mean(axis=1)
        clear = max(_CLEAR / math.sqrt(bins), _LEAST_LAG1)
        longest = max(longest, width * _time_at(means, clear))
        width *= 2
    return longest


def _time_at(values: np.ndarray, least: float) -> float:
    """Return the correlation time, or 0 where the lag-1 autocorrelation is below ``least``."""
    count = values.size
    rho = _autocorrelation(_without_line(values))
    if rho is None:  # a straight line, with nothing around it
        return 1.0 if least == 0.0 else 0.0
    if least > 0.0 and rho[1] < least:
        return 0.0
    sums = 2.0 * np.cumsum(rho) - 1.0
    enough = np.flatnonzero(np.arange(count) >= _SOKAL * sums)
    summed = float(sums[enough[0]]) if enough.size else float(sums.max())
    lag1 = float(rho[1])
    lag1 = min(lag1 + (1.0 + 4.0 * lag1) / count, 0.999)
    return max(1.0, summed, (1.0 + lag1) / (1.0 - lag1))


def _without_line(values: np.ndarray) -> np.ndarray:
    time = np.arange(values.size) - (values.size - 1) / 2.0
    rest = values - values.mean()
    without: np.ndarray = rest - time * (float(time @ rest) / float(time @ time))
    return without


def _autocorrelation(rest: np.ndarray) -> np.ndarray | None:
    """Return ρ(0), ρ(1), … of values around 0; None where they are 0 but for rounding."""
    if float(np.abs(rest).max()) < 1e-13:
        return None
    rest = rest / np.abs(rest).max()
    count = rest.size
    power = np.abs(np.fft.rfft(rest, 2 * count)) ** 2
    covariance = np.fft.irfft(power)[:count]
    rho: np.ndarray = covariance / covariance[0]
    return rho
