"""Least squares over rows that come block by block: no more than a block of them is in memory.

Householder reflections turn the rows seen so far into a triangle of as many rows as columns, from
which the same weights follow as from all rows (Golub and Van Loan, Matrix Computations, 5.3; block
by block it is the "tall and skinny" QR of Demmel et al., 2012). What is left over is added up in
further passes, with the weights known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

#: Gives the rows anew at each call: x (m × k) and y (m).
Rows = Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]]

#: Rows that are reduced at once.
_AT_ONCE: Final = 8192
#: Two columns share a direction that the rows do not determine where it has this much of both.
_SHARED: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Fit:
    """Weights of the columns, and what they leave over."""

    weights: np.ndarray
    intercept: float
    #: k × k, true where two columns share a direction that the rows do not determine.
    mixed: np.ndarray
    #: Of the residuals: the greatest size, the sum of squares, that of their steps' deviations.
    residual: float
    squares: float
    squares_of_changes: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit through 0 and one with an intercept, and how y itself varies."""

    rows: int
    plain: Fit
    free: Fit
    #: Of y about its mean: the greatest deviation, the sum of squares; then of its steps.
    deviation: float
    squares: float
    deviation_of_changes: float
    squares_of_changes: float
    #: Mean of the second half of the rows less that of the first, of each column and then of y.
    gains: np.ndarray


@dataclass(slots=True)
class _Seen:
    """What one pass finds of the rows."""

    rows: int
    sums: np.ndarray
    first: np.ndarray
    last: np.ndarray
    gains: np.ndarray
    plain: np.ndarray
    free: np.ndarray


def fit(rows: Rows, count: int, columns: int, *, nothing: float) -> Fitted:
    """Fit y to the columns of x, through 0 and with an intercept.

    Args:
        rows: gives all rows, the same at each call.
        count: how many there are, at least two more than columns.
        columns: how many columns x has; each varies.
        nothing: a direction counts as undetermined where its singular value, of columns in units
            of their length, is below this part of the greatest.
    """
    seen = _look(rows, count, columns)
    mean = seen.sums / count
    found = [
        _solve(seen.plain, columns, np.zeros(columns + 1), nothing),
        _solve(seen.free, columns, mean, nothing),
    ]
    about = [np.zeros(columns + 1), mean]
    drift = (seen.last - seen.first) / (count - 1)
    left = [
        _LeftOver(origin, weights, drift[-1] - drift[:-1] @ weights)
        for origin, (weights, _, _) in zip(about, found, strict=True)
    ]
    itself = _LeftOver(mean, np.zeros(columns), drift[-1])
    for x, y in rows():
        for one in (*left, itself):
            one.add(x, y)
    fits = [
        Fit(weights, intercept, mixed, one.greatest, one.squares, one.squares_of_changes)
        for one, (weights, intercept, mixed) in zip(left, found, strict=True)
    ]
    return Fitted(
        count,
        fits[0],
        fits[1],
        itself.greatest,
        itself.squares,
        itself.greatest_change,
        itself.squares_of_changes,
        seen.gains,
    )


def _look(rows: Rows, count: int, columns: int) -> _Seen:
    width, half, at = columns + 1, count // 2, 0
    halves = [np.zeros(width), np.zeros(width)]
    first = last = np.zeros(width)
    plain, free = np.zeros((0, width)), np.zeros((0, width + 1))
    for x, y in rows():
        for start in range(0, y.size, _AT_ONCE):
            some = np.column_stack([x[start : start + _AT_ONCE], y[start : start + _AT_ONCE]])
            first, last = (some[0] if not at else first), some[-1]
            middle = min(max(half - at, 0), len(some))
            halves[0] += some[:middle].sum(axis=0)
            halves[1] += some[middle:].sum(axis=0)
            at += len(some)
            plain = _triangle(np.vstack([plain, some]))
            ones = np.column_stack([np.ones(len(some)), some - first])
            free = _triangle(np.vstack([free, ones]))
    gains = halves[1] / (count - half) - halves[0] / half
    # Less its first row and column it is the triangle of the columns about their means, whatever
    # was taken off them before: the first row keeps digits where all lie far from 0.
    return _Seen(count, halves[0] + halves[1], first, last, gains, plain, free[1:, 1:])


def _triangle(rows: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.linalg.qr(rows, mode="r")  # type: ignore[assignment]  # as numpy says
    return found


def _solve(
    triangle: np.ndarray, columns: int, mean: np.ndarray, nothing: float
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return (weights, intercept, which columns share an undetermined direction)."""
    x, y = triangle[:columns, :columns], triangle[:columns, columns]
    length = np.sqrt((x * x).sum(axis=0))
    u, sizes, directions = np.linalg.svd(x / length)
    known = sizes > nothing * sizes[0]
    along = (u.T[known] @ y) / sizes[known]
    weights = (directions[known].T @ along) / length
    lost = directions[~known].T @ directions[~known]
    return weights, float(mean[-1] - mean[:-1] @ weights), np.abs(lost) > _SHARED


class _LeftOver:
    """Adds up what weights leave over of y, and of its steps from row to row."""

    def __init__(self, origin: np.ndarray, weights: np.ndarray, drift: float) -> None:
        self._origin, self._weights, self._drift = origin, weights, drift
        self._before = np.zeros(0)
        self.greatest = self.squares = self.greatest_change = self.squares_of_changes = 0.0

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        left = (y - self._origin[-1]) - (x - self._origin[:-1]) @ self._weights
        steps = np.diff(np.concatenate([self._before, left])) - self._drift
        self._before = left[-1:] if left.size else self._before
        self.greatest = max(self.greatest, float(np.abs(left).max(initial=0.0)))
        self.squares += float((left * left).sum())
        self.greatest_change = max(self.greatest_change, float(np.abs(steps).max(initial=0.0)))
        self.squares_of_changes += float((steps * steps).sum())
