"""A chart before it is drawn: panels of lines on one axis, and what must be said beneath it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dakota_wh.plot.naming import shown
from dakota_wh.plot.series import Series, segments, spacing
from dakota_wh.plot.thinning import MOST_POINTS

#: Lines that one panel holds, and that colours tell apart.
MOST_LINES = 8
#: No axis reaches farther, so that the difference of its ends is a number.
FARTHEST = 8e307


@dataclass(frozen=True, slots=True)
class Level:
    """A mean over a stretch of the axis: a half of the samples."""

    start: float
    end: float
    value: float
    label: str
    #: Position of the panel's line that it belongs to.
    line: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """A place worth a mark: a milestone. ``short`` stands beside the mark."""

    x: float
    y: float
    label: str
    short: str
    #: Position of the panel's line that it belongs to.
    line: int = 0


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


def remarks(chart: Chart) -> list[str]:
    """Return what the lines do not show by themselves: NaN, holes, and the chart's own notes."""
    said = list(chart.notes)
    every = drawn_once(chart)
    for series in every:
        name = shown(series.label or series.metric)
        drawn = series.drawable
        if series.nonfinite:
            counted = "value is" if series.nonfinite == 1 else "values are"
            said.append(f"{name}: {series.nonfinite:,} {counted} NaN or infinite, and not drawn")
        if not len(drawn):
            said.append(f"{name}: no finite value")
            continue
        beyond = int((abs(drawn.values) > FARTHEST).sum())
        if beyond:
            counted = "value beyond" if beyond == 1 else "values beyond"
            said.append(f"{name}: {beyond:,} {counted} {FARTHEST:.0e} in size, drawn at the edge")
        holes = int(segments(series)[-1])
        if holes:
            said.append(f"{name}: {holes:,} {'gap' if holes == 1 else 'gaps'}, left open")
    return said + _run_on(every)


def drawn_once(chart: Chart) -> list[Series]:
    """Return the lines of all panels, one that stands in several once."""
    return list({id(one): one for panel in chart.panels for one in panel.series}.values())


def thinning(chart: Chart) -> list[str]:
    """Return what must be said where at most ``MOST_POINTS`` points of a line are drawn."""
    most = max((len(series) for series in drawn_once(chart)), default=0)
    if most <= MOST_POINTS:
        return []
    return [
        f"lines of more than {MOST_POINTS:,} values (up to {most:,}) are drawn by the least "
        "and the greatest of equal parts; numbers are from all values"
    ]


def _run_on(every: Sequence[Series]) -> list[str]:
    """Return which lines run on across steps without a value: those that have no stride."""
    alike: dict[tuple[str, int, int, int], list[str]] = {}
    for series in every:
        spaced = spacing(series)
        if spaced is None or spaced.regular or spaced.expected <= spaced.held:
            continue
        key = (series.run_id, spaced.held, spaced.expected, spaced.longest)
        alike.setdefault(key, []).append(series.metric)
    said = []
    for (run, held, expected, longest), metrics in alike.items():
        what = shown(metrics[0]) if len(metrics) == 1 else f"{len(metrics)} lines"
        said.append(
            f"{what} of {shown(run)}: {held:,} of {expected:,} steps have a value, up to "
            f"{longest:,} in a row have none; the line runs on across them"
        )
    return said
