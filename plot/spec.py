"""A panel as a Vega-Lite specification.

Names of runs and metrics never become field names or expressions: lines are numbered, and what a
person reads is a value, so that no name can mean anything to Vega.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dakota_wh.plot.chart import Panel
from dakota_wh.plot.marks import diamonds, levels, stacked_words
from dakota_wh.plot.series import Series
from dakota_wh.plot.theme import DASHES, Theme
from dakota_wh.plot.value_axis import ends_of, numbers, value_scale

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
#: The release of Vega-Lite that the specifications are written for, as vl-convert numbers them.
VEGA_LITE: Final = "6.4"


def layers(
    panel: Panel,
    theme: Theme,
    *,
    faint: Any = 1.0,
    labels: int = 52,
    apart: float = 0.06,
    only: Sequence[dict[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Return the marks of a panel: values, smoothed line, single points, NaN, halves, milestones.

    Args:
        panel: the panel.
        theme: its colours.
        faint: opacity of the values as logged, a number or a Vega expression; below 1 there is a
            smoothed line over them.
        labels: room for the labels of the vertical axis (``label_room``).
        apart: how far from each other two milestones stand whose words fit beside each other, as a
            share of the horizontal axis.
        only: transforms of the halves and milestones, which have data of their own.
    """
    ends = ends_of(panel)
    stacked = stacked_words(panel, apart)
    axis = {"minExtent": labels, "maxExtent": labels, "titleX": -labels, **numbers(*ends)}
    scale = value_scale(ends, max((words.row for words in stacked), default=-1) + 1)
    y = {"field": "y", "type": "quantitative", "title": panel.unit, "scale": scale, "axis": axis}
    piece = {"field": "p", "type": "nominal"}
    dashed = _by_line(panel.series, list(DASHES))
    # with a smoothed line over them the values are plain: what is faint has no dashes to see
    if not isinstance(faint, dict):
        plain = {} if faint < 1 else {"strokeDash": dashed}
    else:
        solid = {"test": f"{faint['expr']} < 1", "value": [1, 0]}
        plain = {"strokeDash": {**dashed, "condition": solid}}
    lines: list[dict[str, Any]] = [
        {
            "transform": [{"filter": "isValid(datum.y)"}],
            "mark": {"type": "line", "clip": True, "strokeWidth": 1.2, "opacity": faint},
            "encoding": {"y": y, "detail": piece, **plain},
        },
        {
            "transform": [{"filter": "isValid(datum.m)"}],
            "mark": {"type": "line", "clip": True, "strokeWidth": 2.2},
            "encoding": {
                "y": {"field": "m", "type": "quantitative"},
                "detail": piece,
                "strokeDash": dashed,
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
    return lines + levels(panel, theme, only) + diamonds(panel, theme, stacked, only)


def bands(panel: Panel, theme: Theme, *, faint: Any) -> list[dict[str, Any]]:
    """Return the marks of lines that are drawn as bands from a least to a greatest value."""
    across = {"x": {"field": "x", "type": "quantitative"}, "x2": {"field": "x2"}}
    return [
        {
            "transform": [{"filter": f"isValid(datum.{low})"}],
            "mark": {"type": "rect", "clip": True, "strokeWidth": 1, "opacity": opacity},
            "encoding": {
                **across,
                "y": {"field": low, "type": "quantitative"},
                "y2": {"field": high},
                "stroke": _by_line(panel.series, list(theme.lines)),
            },
        }
        for low, high, opacity in (("lo", "hi", faint), ("mlo", "mhi", 1))
    ]


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
        # the unit lies above the axis: beside it, it lies on labels that are long
        "axisY": {
            "tickCount": 5,
            "titleAngle": 0,
            "titleAlign": "left",
            "titleAnchor": "end",
            "titleBaseline": "bottom",
            "titleY": -7,
        },
        "title": {"color": theme.ink, "font": theme.font, "fontSize": 14, "anchor": "start"},
        "view": {"stroke": None},
        "text": {"font": theme.font},
    }
