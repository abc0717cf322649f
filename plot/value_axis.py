"""The vertical axis of a panel: what it spans, and how its numbers are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dakota_wh.plot.chart import FARTHEST, Panel
from dakota_wh.plot.ticks import tick_text


def ends_of(panel: Panel) -> tuple[float, float]:
    """Return the least and the greatest value, within what an axis can reach."""
    values = [series.drawable.values for series in panel.series]
    values = [v for v in values if len(v)]
    low = min((float(v.min()) for v in values), default=0.0)
    high = max((float(v.max()) for v in values), default=1.0)
    low, high = (min(max(end, -FARTHEST), FARTHEST) for end in (low, high))
    return low, high


def value_scale(ends: tuple[float, float], rows: int) -> dict[str, Any]:
    """Return a linear scale over all values, with a little room, that need not hold 0.

    It is said and not left to Vega, so that it stays where it is when lines are switched off. Above
    the values there is room for so many rows of words. What lies beyond what an axis can reach is
    drawn at its edge: a browser's own arithmetic has no room beyond DOUBLE's range either.
    """
    low, high = ends
    pad = (high - low) * 0.04 or abs(low) * 0.1 or 1.0
    above = pad + (high - low) * 0.075 * rows
    return {"domain": [low - pad, high + above], "nice": False, "zero": False, "clamp": True}


def label_room(panels: Sequence[Panel]) -> int:
    """Return the width that the labels of the panels' vertical axes need (px)."""
    longest = 0
    for low, high in map(ends_of, panels):
        step = _step(low, high)
        longest = max(longest, *(len(tick_text(end, step)) for end in (low, high)))
    return max(52, 7 * longest + 10)


def _step(low: float, high: float) -> float:
    span = max((high - low) or abs(low) or 1.0, 1e-300)
    return float(10.0 ** math.floor(math.log10(span / 5)))


def numbers(low: float, high: float) -> dict[str, Any]:
    """Return how an axis writes its numbers: powers of ten where they are very large or small."""
    most = max(abs(low), abs(high))
    if most == 0 or 1e-3 <= most < 1e6:
        return {"labelLimit": 0}
    digits = min(15, max(0, math.floor(math.log10(most) - math.log10(_step(low, high)))))
    short = f"replace(format(datum.value, '.{digits}~e'), 'e+', 'e')"
    return {"labelLimit": 0, "labelExpr": f"datum.value == 0 ? '0' : {short}"}
