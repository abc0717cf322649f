"""What stands on the lines of a panel: the means of halves, and milestones with their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dakota_wh.plot.chart import Panel, Point
from dakota_wh.plot.theme import Theme


def levels(panel: Panel, theme: Theme, only: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    if not panel.levels:
        return []
    values = [
        {"x": lv.start, "x2": lv.end, "y": lv.value, "t": lv.label, "s": lv.line}
        for lv in panel.levels
    ]
    return [
        {
            "data": {"values": values},
            "transform": list(only),
            "mark": {
                "type": "rule", "clip": True, "strokeWidth": 1.5, "strokeDash": [5, 3],
                "opacity": 0.75,
            },
            "encoding": {
                "x": {"field": "x", "type": "quantitative"},
                "x2": {"field": "x2"},
                "y": {"field": "y", "type": "quantitative"},
                "description": {"field": "t"},
                **_ink(panel, theme),
            },
        }
    ]  # fmt: skip


def _ink(panel: Panel, theme: Theme) -> dict[str, Any]:
    """Return the colour of what belongs to a line: that of the text where there is one line."""
    return {} if len(panel.series) > 1 else {"color": {"value": theme.ink}}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of milestones at one place: their row, 0 the highest, and the side they are on."""

    point: Point
    row: int
    left: bool


def stacked_words(panel: Panel, apart: float) -> list[Words]:
    """Return the panel's milestones, those at one place of a line as one, in rows.

    Words in one row do not lie on each other; those near the right edge stand left of their thread.
    """
    merged: dict[tuple[int, float], Point] = {}
    for one in panel.points:
        before = merged.get((one.line, one.x))
        if before is not None:
            short = f"{before.short.removesuffix(' %')}, {one.short}"
            one = Point(one.x, one.y, f"{before.label}; {one.label}", short, one.line)
        merged[one.line, one.x] = one
    drawn = [series.drawable.x for series in panel.series if len(series.drawable)]
    if not merged or not drawn:
        return []
    last = max(float(x.max()) for x in drawn)
    span = last - min(float(x.min()) for x in drawn)
    taken: list[float] = []  # by row, where its last words end
    words = []
    for one in sorted(merged.values(), key=lambda one: one.x):
        width = apart * span * max(1.0, len(one.short) / 4)
        left = one.x + width > last
        start = one.x - width if left else one.x
        row = next((i for i, end in enumerate(taken) if end <= start), len(taken))
        taken[row : row + 1] = [start + width]
        words.append(Words(one, row, left))
    return words


def diamonds(
    panel: Panel,
    theme: Theme,
    stacked: Sequence[Words],
    only: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Return diamonds on the line, each with its words above all lines and a thread to them."""
    if not stacked:
        return []
    values = [
        {
            "x": words.point.x, "y": words.point.y, "s": words.point.line, "n": words.point.short,
            "t": words.point.label, "top": 4 + 13 * words.row, "left": words.left,
        }
        for words in stacked
    ]  # fmt: skip
    data = {"data": {"values": values}, "transform": list(only)}
    place = {
        "x": {"field": "x", "type": "quantitative"},
        "y": {"field": "y", "type": "quantitative"},
        **_ink(panel, theme),
    }
    above = {"y": {"value": {"expr": "datum.top"}}}
    return [
        {
            **data,
            "mark": {"type": "rule", "clip": True, "strokeWidth": 1, "opacity": 0.5},
            "encoding": {**place, "y2": {"value": {"expr": "datum.top"}}},
        },
        {
            **data,
            "mark": {
                "type": "point", "clip": True, "shape": "diamond", "filled": True, "size": 70,
                "opacity": 1,
            },
            "encoding": {**place, "description": {"field": "t"}},
        },
        {
            **data,
            "mark": {
                "type": "text", "clip": True, "baseline": "top", "fontSize": 11,
                "align": {"expr": "datum.left ? 'right' : 'left'"},
                "dx": {"expr": "datum.left ? -3 : 3"},
            },
            "encoding": {**place, **above, "text": {"field": "n", "type": "nominal"}},
        },
    ]  # fmt: skip
