"""Curves laid over each other: the range they share, and their values at the same places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

#: The axes on which curves can be aligned.
AXES: Final = ("step", "tokens", "time")
#: A curve is cut into this many parts at most where places do not meet.
_MOST_PARTS: Final = 400


@dataclass(frozen=True, slots=True)
class Curve:
    """The finite values of one metric along an axis."""

    #: float64, not descending: steps, tokens since the start, or seconds since the start.
    position: np.ndarray
    #: float64, finite.
    value: np.ndarray
    #: Values that are NaN or Infinity.
    nonfinite: int = 0
    #: Finite values without a place on the axis.
    unplaced: int = 0

    def within(self, span: Span) -> Curve:
        """Return the part of the curve that lies in a span, its ends included."""
        keep = (self.position >= span.low) & (self.position <= span.high)
        return Curve(self.position[keep], self.value[keep])

    def __len__(self) -> int:
        return int(self.position.size)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the axis, both ends included."""

    low: float
    high: float

    def last(self, share: float) -> Span:
        """Return the last part of the span, such as 0.25 of its length."""
        return Span(self.high - share * (self.high - self.low), self.high)

    def parts(self, count: int) -> list[Span]:
        """Return the span in equal parts; one where it is a single place."""
        if self.high == self.low:
            return [self]
        edges = np.linspace(self.low, self.high, count + 1).tolist()
        return [Span(low, high) for low, high in pairwise(edges)]


@dataclass(frozen=True, slots=True)
class Matched:
    """Values of two curves at the same places, float64, and how the places were found."""

    value: np.ndarray
    baseline: np.ndarray
    #: ``steps``: at steps that both logged; ``parts``: means over equal parts of the axis.
    by: str


def common_span(curves: Iterable[Curve]) -> Span | None:
    """Return the range that all the curves cover, None if they share none."""
    logged = list(curves)
    if not logged or any(not len(curve) for curve in logged):
        return None
    low = max(float(curve.position[0]) for curve in logged)
    high = min(float(curve.position[-1]) for curve in logged)
    return Span(low, high) if low <= high else None


def matched(curve: Curve, baseline: Curve, span: Span, axis: str) -> Matched | None:
    """Return the values of two curves at the same places of a span, None where they never meet.

    On the axis of steps these are the steps that both logged. Where fewer than half of the points
    of the sparser curve have such a partner, and on the other axes, the span is cut into equal
    parts, two points of the sparser curve to a part, and those that both have points in are
    compared by their means.
    """
    one, two = curve.within(span), baseline.within(span)
    sparser = min(len(one), len(two))
    if not sparser:
        return None
    if axis == "step":
        steps, here, there = np.intersect1d(one.position, two.position, return_indices=True)
        if 2 * steps.size >= sparser:
            return Matched(one.value[here], two.value[there], "steps")
    parts = min(max(sparser // 2, 1), _MOST_PARTS)
    first, second = _means(one, span, parts), _means(two, span, parts)
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return None
    return Matched(first[both], second[both], "parts")


def _means(curve: Curve, span: Span, parts: int) -> np.ndarray:
    """Return the mean in each of the equal parts of a span, NaN where there is no point."""
    width = span.high - span.low
    share = (curve.position - span.low) / width if width else np.zeros(len(curve))
    place = np.minimum((share * parts).astype(np.int64), parts - 1)
    counts = np.bincount(place, minlength=parts)
    largest = float(np.abs(curve.value).max(initial=0.0))
    # The sum of large values may be more than a double holds.
    scale = largest if largest > 1e100 else 1.0
    sums = np.bincount(place, weights=curve.value / scale, minlength=parts)
    means = np.full(parts, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    if largest == 0.0:
        return means
    # A constant stays what it is, whatever is rounded on the way.
    clipped: np.ndarray = np.clip(means * scale, curve.value.min(), curve.value.max())
    return clipped


def part_means(curves: Sequence[Curve], span: Span, parts: int) -> list[np.ndarray]:
    """Return, for each curve, its mean in each part of a span, NaN where it has no point."""
    return [_means(curve.within(span), span, parts) for curve in curves]
