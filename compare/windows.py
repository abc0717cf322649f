"""One quantity of all trainings: the range that their curves share, and its two windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from dakota_wh.compare.alignment import Curve, Span, common_span
from dakota_wh.compare.quantities import Quantity

#: The names of the windows, in the order in which they are told.
LAST: Final = "last"
ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Aligned:
    """A quantity with the curves of the trainings that log it."""

    quantity: Quantity
    #: By training; only those with a finite value.
    curves: Mapping[str, Curve]
    #: What all of them cover; None where they share nothing.
    span: Span | None
    #: Share of the span that is the last window.
    share: float
    #: By training: values that are not finite, and values without a place on the axis.
    left_out: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, quantity: Quantity, curves: Mapping[str, Curve], share: float) -> Aligned:
        """Align the curves."""
        finite = {name: curve for name, curve in curves.items() if len(curve)}
        left_out = {name: (curve.nonfinite, curve.unplaced) for name, curve in curves.items()}
        return cls(quantity, finite, common_span(finite.values()), share, left_out)

    def windows(self) -> list[tuple[str, Span | None]]:
        """Return the two windows by name; their spans are None without a common range."""
        if self.span is None:
            return [(LAST, None), (ALL, None)]
        return [(LAST, self.span.last(self.share)), (ALL, self.span)]

    def score(self, training: str, span: Span | None) -> tuple[float | None, int]:
        """Return (mean of the training's values in a span, how many they are)."""
        curve = self.curves.get(training)
        inside = None if curve is None or span is None else curve.within(span)
        if inside is None or not len(inside):
            return None, 0
        return mean(inside.value), len(inside)


def mean(values: np.ndarray) -> float:
    """Return the mean of finite values, also where their sum is more than a double holds."""
    low, high = float(values.min()), float(values.max())
    scale = max(abs(low), abs(high))
    found = float((values / scale).mean()) * scale if scale > 1e100 else float(values.mean())
    return min(max(found, low), high)  # of a constant, itself
