"""Smoothing of a series: the debiased exponential mean, and the trailing mean.

Both count values and not steps, as pandas' ``ewm`` and ``rolling`` do, and both leave out what is
not finite: there the smoothed value is NaN, and the values after it do not see it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from dakota_wh.errors import UsageProblem

Floats = NDArray[np.float64]

_SPEC: Final = re.compile(r"(ema):(0|0?\.[0-9]+)|(ma):([1-9][0-9]{0,5})")
#: Beyond this a sum of values may leave DOUBLE's range; dividing by a power of two is exact.
_LARGE: Final = 1e290
_UNIT: Final = 2.0**40


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How to smooth: ``ema`` with a weight in [0, 1), or ``ma`` over a number of values."""

    kind: Literal["ema", "ma"]
    amount: float

    @property
    def name(self) -> str:
        """What a legend says."""
        if self.kind == "ema":
            return f"EMA {self.amount:g}"
        return f"mean of {self.amount:g}"

    def __call__(self, values: Floats) -> Floats:
        """Return the smoothed values, as many as given; NaN where a value is not finite."""
        smooth = np.full(len(values), np.nan)
        finite = np.isfinite(values)
        kept = values[finite]
        if not len(kept):
            return smooth
        unit = _UNIT if float(np.abs(kept).max()) > _LARGE else 1.0
        kept = kept / unit
        mean = ema(kept, self.amount) if self.kind == "ema" else trailing(kept, int(self.amount))
        if unit > 1.0:  # a mean of the largest doubles may be rounded to beyond them
            mean = np.clip(mean, kept.min(), kept.max())
        smooth[finite] = mean * unit
        return smooth


def parse_smoothing(text: str) -> Smoothing:
    """Return the smoothing that ``ema:0.6`` or ``ma:20`` names.

    Raises:
        UsageProblem: it names none, or a weight outside [0, 1).
    """
    found = _SPEC.fullmatch(text.strip().lower())
    if found is None:
        raise UsageProblem(
            f"There is no smoothing {text!r}.",
            hint="ema:WEIGHT with a weight from 0 to below 1, as ema:0.6; or ma:VALUES, as ma:20",
        )
    if found[1]:
        return Smoothing("ema", float(found[2]))
    return Smoothing("ma", float(found[4]))


def ema(values: Floats, weight: float) -> Floats:
    """Return the debiased exponential mean of finite values.

    ``e[t] = weight * e[t-1] + (1 - weight) * v[t]``, divided by ``1 - weight^(t+1)``, so that the
    start is not drawn towards 0: pandas' ``ewm(alpha=1 - weight, adjust=True).mean()``.
    """
    total = share = 0.0
    means = []
    for value in values.tolist():
        total = weight * total + (1 - weight) * value
        share = weight * share + (1 - weight)
        means.append(total / share)
    return np.array(means, dtype=np.float64)


def trailing(values: Floats, window: int) -> Floats:
    """Return the mean of each finite value and the ``window - 1`` before it, fewer at the start.

    The sum of a window is that of the end of one block and the beginning of the next, so that
    nothing is ever subtracted: a huge value does not blur the means after it.
    """
    count = len(values)
    window = min(window, count)
    if window <= 1:
        return values.astype(np.float64)
    blocks = np.zeros((-(-count // window), window))
    blocks.reshape(-1)[:count] = values
    begun = np.cumsum(blocks, axis=1)
    ended = np.cumsum(blocks[:, ::-1], axis=1)[:, ::-1]
    sums = begun.copy()
    sums[1:, :-1] += ended[:-1, 1:]
    flat: Floats = sums.reshape(-1)[:count]
    divided: Floats = flat / np.minimum(np.arange(1, count + 1), window)
    return divided
