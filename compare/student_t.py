"""Quantiles of Student's t distribution, for intervals of means of few values.

The distribution function is the regularised incomplete beta function (Abramowitz and Stegun
26.7.1), by its continued fraction (26.5.8) in Lentz's form; the quantile is found by bisection.
SciPy, which has both, is too heavy to ask for on their account.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

_TINY: Final = 1e-300
_STEPS: Final = 10_000
_ENOUGH: Final = 1e-15


def _continued_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _STEPS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _not_zero(1.0 + numerator * d)
            c = _not_zero(1.0 + numerator / c)
            value *= c * d
        if abs(c * d - 1.0) < _ENOUGH:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _incomplete_beta(a: float, b: float, x: float) -> float:
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _continued_fraction(a, b, x) / a
    return 1.0 - front * _continued_fraction(b, a, 1.0 - x) / b


def two_sided_tail(t: float, df: float) -> float:
    """Return P(|T| > t) for ``df`` degrees of freedom, t >= 0."""
    return _incomplete_beta(df / 2.0, 0.5, df / (df + t * t))


@cache
def two_sided_quantile(confidence: float, df: float) -> float:
    """Return the t with P(|T| <= t) = ``confidence``, to about 1e-12 relative."""
    tail = 1.0 - confidence
    low, high = 0.0, 1.0
    while two_sided_tail(high, df) > tail:
        low, high = high, high * 2.0
    while high - low > 1e-13 * high:
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        if two_sided_tail(middle, df) > tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
