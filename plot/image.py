"""A chart as SVG or PNG on white, drawn by Vega-Lite without a browser."""

from __future__ import annotations

from typing import Any

from dakota_wh.plot.chart import Chart, Panel, remarks, thinning
from dakota_wh.plot.libraries import library
from dakota_wh.plot.naming import shown
from dakota_wh.plot.points import points, rows
from dakota_wh.plot.smoothing import Smoothing
from dakota_wh.plot.spec import SCHEMA, VEGA_LITE, colour, config, layers
from dakota_wh.plot.theme import PAPER
from dakota_wh.plot.value_axis import label_room

_WIDTH = 760


def as_svg(chart: Chart, smoothing: Smoothing | None) -> str:
    """Return the chart as SVG.

    Raises:
        WarehouseError: vl-convert is not installed.
    """
    convert = library("vl_convert", "A picture of a chart")
    text: str = convert.vegalite_to_svg(_spec(chart, smoothing), vl_version=VEGA_LITE)
    return text


def as_png(chart: Chart, smoothing: Smoothing | None) -> bytes:
    """Return the chart as PNG, two pixels for each point.

    Raises:
        WarehouseError: vl-convert is not installed.
    """
    convert = library("vl_convert", "A picture of a chart")
    data: bytes = convert.vegalite_to_png(_spec(chart, smoothing), vl_version=VEGA_LITE, scale=2)
    return data


def _spec(chart: Chart, smoothing: Smoothing | None) -> dict[str, Any]:
    drawn = [panel for panel in chart.panels if panel.series]
    notes = [*_explained(drawn), *remarks(chart), *thinning(chart)]
    if smoothing is not None:
        notes = [f"{smoothing.name} over the values as logged (faint)", *notes]
    lines = [line for note in notes for line in _wrapped(note)]
    labels = label_room(drawn)
    return {
        "$schema": SCHEMA,
        "background": "white",
        "padding": 16,
        "params": [
            {"name": f"names_{place}", "value": _names(panel)} for place, panel in enumerate(drawn)
        ],
        "vconcat": [
            _panel(panel, chart.x_title, smoothing, place, labels)
            for place, panel in enumerate(drawn)
        ],
        "spacing": 24,
        "resolve": {"scale": {"color": "independent", "strokeDash": "independent"}},
        "title": {"text": lines, "anchor": "start", "orient": "bottom", "fontSize": 11,
                  "fontWeight": "normal", "offset": 14, "frame": "bounds"} if lines else None,
        "config": config(PAPER),
    }  # fmt: skip


def _explained(panels: list[Panel]) -> list[str]:
    """Return what the dashed levels and the diamonds of the panels are."""
    said = []
    for panel in panels:
        if panel.levels:
            said.append(f"dashed: {'; '.join(level.label for level in panel.levels)}")
        if panel.points:
            said.append(f"diamonds: {'; '.join(point.label for point in panel.points)}")
    return said


def _wrapped(text: str) -> list[str]:
    from textwrap import wrap

    return wrap(text, 120)


def _names(panel: Panel) -> list[str]:
    return [shown(series.label or series.metric) for series in panel.series]


def _panel(
    panel: Panel, x_title: str, smoothing: Smoothing | None, place: int, labels: int
) -> dict[str, Any]:
    columns = points(panel, [smoothing] if smoothing else [])
    lines = layers(panel, PAPER, faint=0.35 if smoothing else 1.0, labels=labels)
    key = colour(panel, PAPER)
    key["legend"] = {
        "title": None, "orient": "top", "direction": "vertical", "labelLimit": 640,
        "labelExpr": f"names_{place}[datum.value]", "symbolType": "stroke", "symbolStrokeWidth": 3,
        "symbolOpacity": 1,
        "labelFontSize": 12, "columns": 1 if max(map(len, _names(panel))) > 30 else 3,
    }  # fmt: skip
    return {
        "title": shown(panel.title),
        "width": _WIDTH,
        "height": 240,
        "data": {"values": rows(columns, 0 if smoothing else None)},
        "encoding": {
            "x": {
                "field": "x", "type": "quantitative", "title": x_title, "scale": {"nice": False},
            },
            "color": key,
        },
        "layer": lines,
    }  # fmt: skip
