"""A panel as a Vega-Lite specification.

Names of runs and metrics never become field names or expressions: lines are numbered, and what a
person reads is a value, so that no name can mean anything to Vega.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dakota_wh.plot.chart import Panel
from dakota_wh.plot.series import Series

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
#: The release of Vega-Lite that the specifications are written for, as vl-convert numbers them.
VEGA_LITE: Final = "6.4"

#: No axis reaches farther; what does is cut off at the panel's edge.
_FARTHEST: Final = 8e307

#: Dashes of the smoothed lines, so that a black-and-white print still tells them apart.
_DASHES: Final = ([1, 0], [6, 3], [2, 2], [9, 3, 2, 3], [4, 4], [1, 3], [12, 3], [6, 2, 1, 2])


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours: of the lines in order, of text, of the grid, and of what is beneath."""

    lines: Sequence[str]
    ink: str
    grid: str
    paper: str
    font: str = "Liberation Sans, Arial, sans-serif"


#: For paper: Okabe and Ito's colours, which colour-blind people can tell apart, darkest first.
PAPER: Final = Theme(
    lines=(
        "#0072b2", "#d55e00", "#00785a", "#a8447f", "#8a6d00", "#1f9ad6", "#5d3a9b", "#555555",
    ),
    ink="#1b1f24",
    grid="#d8dde3",
    paper="#ffffff",
)  # fmt: skip

#: For a page, whose style sheet says what the names mean in the light and in the dark.
PAGE: Final = Theme(
    lines=tuple(f"var(--line-{place})" for place in range(8)),
    ink="var(--ink)",
    grid="var(--rule)",
    paper="var(--paper)",
    font="system-ui, sans-serif",
)


def layers(panel: Panel, theme: Theme, *, faint: Any = 1.0) -> list[dict[str, Any]]:
    """Return the marks of a panel: values, smoothed line, single points, NaN, halves, milestones.

    Args:
        panel: the panel.
        theme: its colours.
        faint: opacity of the values as logged, a number or a Vega expression.
    """
    y = {"field": "y", "type": "quantitative", "title": panel.unit, "scale": _scale(panel)}
    piece = {"field": "p", "type": "nominal"}
    lines: list[dict[str, Any]] = [
        {
            "transform": [{"filter": "isValid(datum.y)"}],
            "mark": {"type": "line", "clip": True, "strokeWidth": 1.2, "opacity": faint},
            "encoding": {"y": y, "detail": piece},
        },
        {
            "transform": [{"filter": "isValid(datum.m)"}],
            "mark": {"type": "line", "clip": True, "strokeWidth": 2.2},
            "encoding": {
                "y": {"field": "m", "type": "quantitative"},
                "detail": piece,
                "strokeDash": _by_line(panel.series, list(_DASHES)),
            },
        },
        {
            "transform": [{"filter": "datum.alone"}],
            "mark": {"type": "point", "clip": True, "filled": True, "size": 14, "opacity": 1},
            "encoding": {"y": {"field": "y", "type": "quantitative"}},
        },
    ]
    if any(series.nonfinite for series in panel.series):
        lines.append(
            {
                "transform": [{"filter": "datum.bad"}],
                "mark": {
                    "type": "point", "clip": True, "shape": "triangle-up", "filled": True,
                    "size": 40, "opacity": 0.9, "y": {"expr": "height - 4"},
                },
            }
        )  # fmt: skip
    return lines + _levels(panel, theme) + _points(panel, theme)


def _by_line(series: Sequence[Series], range_: list[Any]) -> dict[str, Any]:
    domain = list(range(len(series)))
    return {
        "field": "s",
        "type": "ordinal",
        "scale": {"domain": domain, "range": range_[: len(domain)]},
        "legend": None,
    }


def colour(panel: Panel, theme: Theme) -> dict[str, Any]:
    """Return the encoding that gives each line its colour."""
    return _by_line(panel.series, list(theme.lines))


def _scale(panel: Panel) -> dict[str, Any]:
    """Return a linear scale over all values, with a little room, that need not hold 0.

    It is said and not left to Vega, so that it stays where it is when lines are switched off.
    """
    values = [series.drawable.values for series in panel.series]
    values = [v for v in values if len(v)]
    low = min((float(v.min()) for v in values), default=0.0)
    high = max((float(v.max()) for v in values), default=1.0)
    # a browser's own arithmetic has no room beyond DOUBLE's range either
    low, high = (min(max(end, -_FARTHEST), _FARTHEST) for end in (low, high))
    pad = (high - low) * 0.04 or abs(low) * 0.1 or 1.0
    return {"domain": [low - pad, high + pad], "nice": False, "zero": False}


def _levels(panel: Panel, theme: Theme) -> list[dict[str, Any]]:
    if not panel.levels:
        return []
    values = [{"x": lv.start, "x2": lv.end, "y": lv.value, "t": lv.label} for lv in panel.levels]
    return [
        {
            "data": {"values": values},
            "mark": {
                "type": "rule", "clip": True, "strokeWidth": 1.5, "strokeDash": [5, 3],
                "stroke": theme.ink, "opacity": 0.75,
            },
            "encoding": {
                "x": {"field": "x", "type": "quantitative"},
                "x2": {"field": "x2"},
                "y": {"field": "y", "type": "quantitative"},
                "color": {"value": theme.ink},
                "description": {"field": "t"},
            },
        }
    ]  # fmt: skip


def _points(panel: Panel, theme: Theme) -> list[dict[str, Any]]:
    if not panel.points:
        return []
    values = [{"x": p.x, "y": p.y, "t": p.label} for p in panel.points]
    short = {"field": "n", "type": "nominal"}
    for value, point in zip(values, panel.points, strict=True):
        value["n"] = point.label.split(" of ")[0]
    place = {
        "x": {"field": "x", "type": "quantitative"},
        "y": {"field": "y", "type": "quantitative"},
        "color": {"value": theme.ink},
    }
    return [
        {
            "data": {"values": values},
            "mark": {
                "type": "point", "clip": True, "shape": "diamond", "filled": True, "size": 70,
                "opacity": 1,
            },
            "encoding": {**place, "description": {"field": "t"}},
        },
        *(
            {
                "data": {"values": values},
                "mark": {
                    "type": "text", "clip": True, "align": "left", "dx": 8, "dy": 7,
                    "fontSize": 11, **edge,
                },
                "encoding": {**place, "text": short},
            }
            # first an edge of paper, so that the line beneath does not cross out the words
            for edge in ({"stroke": theme.paper, "strokeWidth": 3, "opacity": 0.85}, {})
        ),
    ]  # fmt: skip


def config(theme: Theme) -> dict[str, Any]:
    """Return Vega's own settings: axes in the theme's colours, no frame."""
    text = {"labelColor": theme.ink, "titleColor": theme.ink, "labelFont": theme.font}
    return {
        "font": theme.font,
        "axis": {
            **text,
            "titleFont": theme.font,
            "titleFontWeight": "normal",
            "labelFontSize": 12,
            "titleFontSize": 12,
            "gridColor": theme.grid,
            "domainColor": theme.grid,
            "tickColor": theme.grid,
        },
        "axisX": {"tickCount": 10},
        "axisY": {"tickCount": 5, "minExtent": 52, "maxExtent": 52, "titleAnchor": "middle"},
        "title": {"color": theme.ink, "font": theme.font, "fontSize": 14, "anchor": "start"},
        "view": {"stroke": None},
        "text": {"font": theme.font},
    }
