"""A chart before it is drawn: panels of lines on one axis, and what must be said beneath it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dakota_wh.plot.naming import shown
from dakota_wh.plot.series import Series, segments
from dakota_wh.plot.thinning import MOST_POINTS

#: Lines that one panel holds, and that colours tell apart.
MOST_LINES = 8


@dataclass(frozen=True, slots=True)
class Level:
    """A mean over a stretch of the axis: a half of the samples."""

    start: float
    end: float
    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Point:
    """A place worth a mark: a milestone."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines that share both axes. ``unit`` is what the vertical axis says."""

    title: str
    unit: str
    series: Sequence[Series]
    levels: Sequence[Level] = ()
    points: Sequence[Point] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels above each other on one horizontal axis."""

    title: str
    x_title: str
    panels: Sequence[Panel]
    notes: Sequence[str] = ()

    @property
    def values(self) -> int:
        """How many values it shows."""
        return sum(len(series) for panel in self.panels for series in panel.series)


def remarks(chart: Chart, *, thinned: bool = True) -> list[str]:
    """Return what the lines do not show by themselves: NaN, holes, thinning, and its own notes.

    Args:
        chart: the chart.
        thinned: whether the drawing keeps at most ``MOST_POINTS`` points a line.
    """
    said = list(chart.notes)
    every = {id(one): one for panel in chart.panels for one in panel.series}.values()
    for series in every:
        name = shown(series.label or series.metric)
        finite = len(series.drawable)
        if series.nonfinite:
            counted = "value is" if series.nonfinite == 1 else "values are"
            said.append(f"{name}: {series.nonfinite:,} {counted} NaN or infinite, and not drawn")
        if not finite:
            said.append(f"{name}: no finite value")
            continue
        holes = int(segments(series)[-1])
        if holes:
            said.append(f"{name}: {holes:,} {'gap' if holes == 1 else 'gaps'}, left open")
    long = [series for series in every if len(series.drawable) > MOST_POINTS]
    if thinned and long:
        most = max(len(series) for series in long)
        said.append(
            f"lines of more than {MOST_POINTS:,} values (up to {most:,}) are drawn by the least "
            "and the greatest of equal parts; numbers are from all values"
        )
    return said
