"""A chart on a page: its specifications, its points, what is said beneath it, and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dakota_wh.plot.chart import Chart, Panel, remarks
from dakota_wh.plot.naming import number, shown
from dakota_wh.plot.page.lines import BANDS, long_values, page_lines
from dakota_wh.plot.page.table import Table
from dakota_wh.plot.smoothing import Smoothing
from dakota_wh.plot.spec import SCHEMA, bands, colour, config, layers
from dakota_wh.plot.theme import DASHES, PAGE
from dakota_wh.plot.thinning import MOST_POINTS
from dakota_wh.plot.value_axis import label_room

#: What a reader can choose between, beside the values as logged.
SMOOTHINGS: Final = (Smoothing("ema", 0.6), Smoothing("ema", 0.9), Smoothing("ma", 20))
#: Rows of a figure's table, about.
_ROWS: Final = 40


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart and all that stands around it."""

    #: Unique on the page; letters, digits and hyphens.
    key: str
    chart: Chart
    #: The SELECTs that make it, each as it can be typed into ``dakota-wh sql``.
    sql: Sequence[str] = ()
    #: Which smoothing is shown first; None is the values as logged.
    smoothing: Smoothing | None = None
    caption: str = ""

    @property
    def smoothings(self) -> list[Smoothing]:
        """The smoothings to choose from."""
        own = [self.smoothing] if self.smoothing and self.smoothing not in SMOOTHINGS else []
        return [*SMOOTHINGS, *own]

    @property
    def chosen(self) -> int:
        """Position of the smoothing shown first; -1 for none."""
        return self.smoothings.index(self.smoothing) if self.smoothing else -1

    @property
    def panels(self) -> list[Panel]:
        """The panels that have a line."""
        return [panel for panel in self.chart.panels if panel.series]

    @property
    def long_values(self) -> int:
        """How many values its lines hold that are too long to be drawn value by value."""
        return long_values(self.panels)

    def remarks(self, *, whole: bool) -> list[str]:
        """Return what is said beneath it; see ``data`` for whether it is whole."""
        said = remarks(self.chart)
        most = max((len(s.drawable) for panel in self.panels for s in panel.series), default=0)
        if most <= MOST_POINTS:
            return said
        lines = f"lines of more than {MOST_POINTS:,} values (up to {most:,})"
        if whole:
            return [
                *said,
                f"{lines} are drawn by the least and the greatest of equal parts of what is shown; "
                f"zoomed in to {MOST_POINTS:,} or fewer, by every value",
            ]
        return [
            *said,
            f"{lines} are drawn as bands, each from the least to the greatest of up to "
            f"{-(-most // BANDS):,} values: this page does not hold the values within a band, and "
            "zooming in does not show them; the SQL does",
        ]

    @property
    def extent(self) -> tuple[float, float]:
        """The least and the greatest place on its axis."""
        ends = [s.drawable.x for panel in self.panels for s in panel.series]
        ends = [x for x in ends if len(x)]
        if not ends:
            return 0.0, 1.0
        low, high = min(float(x.min()) for x in ends), max(float(x.max()) for x in ends)
        return (low, high) if low < high else (low - 0.5, high + 0.5)

    def legend(self, panel: Panel) -> list[str]:
        """Return the names of a panel's lines."""
        return [shown(series.label or series.metric) for series in panel.series]

    def described(self, panel: Panel) -> str:
        """Return what a picture shows, for who does not see it."""
        facts = []
        for series, name in zip(panel.series, self.legend(panel), strict=True):
            values = series.drawable.values
            if not len(values):
                facts.append(f"{name}: no finite value")
                continue
            counted = f"{len(values):,} {'value' if len(values) == 1 else 'values'}"
            facts.append(
                f"{name}: {counted} from {number(float(values.min()))} to "
                f"{number(float(values.max()))}, the first {number(float(values[0]))}, "
                f"the last {number(float(values[-1]))}"
            )
        facts += [level.label for level in panel.levels]
        facts += [f"{point.label}: {number(point.y)}" for point in panel.points]
        return f"Line chart, {shown(panel.title)} along {self.chart.x_title}. {'; '.join(facts)}."

    def dash(self, place: int) -> str:
        """Return a line's dashes, for its legend."""
        return " ".join(map(str, DASHES[place]))

    def data(self, *, whole: bool = True) -> dict[str, Any]:
        """Return what the page's script needs, as JSON values.

        Args:
            whole: whether the page holds every value of lines that are drawn by fewer points.
        """
        low, high = self.extent
        banded = not whole and self.long_values > 0
        return {
            "from": low,
            "to": high,
            "smoothed": self.chosen,
            "most": MOST_POINTS,
            "panels": [
                {
                    "spec": _spec(panel, self, banded=banded),
                    "lines": page_lines(panel, self.smoothings, whole=whole),
                }
                for panel in self.panels
            ],
        }

    def table(self) -> Table:
        """Return the lines as numbers: the mean, least and greatest of parts of the axis."""
        lines = [(panel, s) for panel in self.panels for s in panel.series]
        parts = max(4, _ROWS // max(1, len(lines)))
        low, high = self.extent
        edges = np.linspace(low, high, parts + 1)
        rows: list[list[Any]] = []
        for panel, series in lines:
            drawn = series.drawable
            place = np.clip(np.searchsorted(edges, drawn.x, side="right") - 1, 0, parts - 1)
            name = shown(series.label or series.metric)
            if len(self.panels) > 1 and shown(panel.title) != name:
                name = f"{shown(panel.title)}: {name}"
            for part in range(parts):
                here = drawn.x[place == part], drawn.values[place == part]
                if len(here[0]):
                    rows.append([name, *_between(here[0]), *_summed(here[1])])
        columns = ["line", "from", "to", "values", "mean", "least", "greatest"]
        return Table(f"{self.chart.title} along {self.chart.x_title}, in parts", columns, rows)


def _between(x: Any) -> tuple[Any, Any]:
    low, high = float(x[0]), float(x[-1])
    return (int(low), int(high)) if low.is_integer() and high.is_integer() else (low, high)


def _summed(values: Any) -> tuple[int, float, float, float]:
    mean = float((values / len(values)).sum())
    return len(values), mean, float(values.min()), float(values.max())


def _spec(panel: Panel, figure: Figure, *, banded: bool) -> dict[str, Any]:
    """Return a panel's specification; the script puts the points in."""
    low, high = figure.extent
    whole = {"y": {"value": 0}, "y2": {"value": {"expr": "height"}}}
    cursor = {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "stroke": PAGE.ink, "opacity": {"expr": "at === null ? 0 : 0.6"}},
        "encoding": {
            "x": {"value": {"expr": "at === null ? 0 : scale('x', at)"}},
            **whole,
            "color": {"value": PAGE.ink},
        },
    }
    dragged = {
        "data": {"values": [{}]},
        "mark": {"type": "rect", "opacity": 0.15, "fill": PAGE.ink},
        "encoding": {
            "x": {"value": {"expr": "drag[0]"}},
            "x2": {"value": {"expr": "drag[1]"}},
            **whole,
            "color": {"value": PAGE.ink},
        },
    }
    switched_on = [{"filter": "indexof(hidden, datum.s) < 0"}]
    faint = {"expr": "faint"}
    lines = layers(
        panel, PAGE, faint=faint, labels=label_room(figure.panels), apart=0.11, only=switched_on
    )
    if banded:
        lines[1:1] = bands(panel, PAGE, faint=faint)  # behind the one that says the scale
    return {
        "$schema": SCHEMA,
        "description": shown(panel.title),
        "width": "container",
        "height": 230 if len(figure.panels) == 1 else 150,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "background": None,
        "padding": {"left": 2, "right": 10, "top": 4, "bottom": 2},
        "params": [
            {"name": "from", "value": low},
            {"name": "to", "value": high},
            {"name": "at", "value": None},
            {"name": "drag", "value": [0, 0]},
            {"name": "hidden", "value": []},
            {"name": "faint", "value": 1},
        ],
        "transform": switched_on,
        "encoding": {
            "x": {
                "field": "x",
                "type": "quantitative",
                "title": figure.chart.x_title,
                "scale": {"domain": [{"expr": "from"}, {"expr": "to"}], "nice": False},
            },
            "color": colour(panel, PAGE),
        },
        "layer": [*lines, cursor, dragged],
        "config": {**config(PAGE), "aria": False},
    }
