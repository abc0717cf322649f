"""A chart as text: braille dots in panels above each other, for a terminal or a log.

With colours every line has its own. Without, the raw values are dots and every line has a
letter; a smoothed line is drawn with its letter over the dots of the values beneath it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from dakota_wh.plot.chart import Chart, Panel, remarks
from dakota_wh.plot.libraries import library
from dakota_wh.plot.naming import number, shown
from dakota_wh.plot.series import Floats, Series, segments
from dakota_wh.plot.smoothing import Smoothing
from dakota_wh.plot.text_axes import frame_of, layout_of, with_axes
from dakota_wh.plot.thinning import thinned
from dakota_wh.rendering.layout import fold, hanging, width_of

#: Colours of the 256 that every terminal has, dark enough on white and light enough on black.
_COLOURS: Final = (33, 208, 35, 170, 178, 141, 44, 203)
_FAINT: Final = 245
_LETTERS: Final = "abcdefgh"
_LEAST_WIDTH: Final = 16
_MOST_WIDTH: Final = 160
#: A narrower terminal loses as little as may be to indentation.
_ROOMY: Final = 40
#: A line over braille cells does not need more points than it has dots.
_DOTS: Final = 2000


def as_text(
    chart: Chart, *, width: int = 80, colour: bool = False, smoothing: Smoothing | None = None
) -> str:
    """Return the chart as lines of at most ``width`` characters (16 to 160).

    Raises:
        WarehouseError: plotille is not installed.
    """
    plotille = library("plotille", "A chart in the terminal")
    # plotille has its own mind: it colours only where stdout is a terminal and NO_COLOR is not set
    colour = colour and plotille.color("x", fg=_FAINT, mode="byte") != "x"
    width = min(max(width, _LEAST_WIDTH), _MOST_WIDTH)
    height = 14 if len(chart.panels) == 1 else 8
    lines: list[str] = []
    for panel in chart.panels:
        lines += _panel(plotille, panel, chart.x_title, width, height, colour, smoothing)
        lines.append("")
    for remark in remarks(chart):
        lines += hanging("note: ", remark, width, 6 if width >= _ROOMY else 2)
    return "\n".join(lines).rstrip("\n") + "\n"


def as_ascii(text: str) -> str:
    """Return a drawing in ASCII, for a console of another encoding: a dot for a braille cell."""
    cells: dict[int, str] = {
        ord(one): other for one, other in zip("│┤└─┴━⠒…−→", "|++-+-:~->", strict=True)
    }
    cells |= {code: "." for code in range(0x2801, 0x2900) if code not in cells}
    plain = text.translate({**cells, 0x2800: " "})
    return "".join(f"{line.rstrip()}\n" for line in plain.splitlines())


def _panel(
    plotille: Any,
    panel: Panel,
    x_title: str,
    width: int,
    height: int,
    colour: bool,
    smoothing: Smoothing | None,
) -> Iterator[str]:
    yield from _folded(shown(panel.title, 120), width)
    frame = frame_of(panel)
    layout = None if frame is None else layout_of(frame, width, height)
    letters = not colour and (len(panel.series) > 1 or smoothing is not None)
    marks = _LETTERS.upper() if len(panel.series) > 1 else "+"
    if frame is None:
        yield "  no finite value"
        return
    if layout is None:
        yield "(too narrow to draw)"
    else:
        canvas = plotille.Canvas(
            layout.room, height, frame.left, frame.bottom, frame.right, frame.top, mode="byte"
        )
        _draw(canvas, panel.series, colour, letters, smoothing)
        for level in panel.levels:
            ink = _ink(colour, _FAINT if len(panel.series) == 1 else _COLOURS[level.line])
            at = _within(canvas, level.value)
            canvas.line(level.start, at, level.end, at, color=ink)
        for point in panel.points:
            _write(canvas, point.x, point.y, marks[point.line])
        yield from with_axes(canvas.plot(linesep="\n").split("\n"), frame, layout)
        indent = layout.margin + 1 if layout.margin + 1 + len(x_title) <= width else 0
        yield from (f"{'':{indent}}{line}" for line in _folded(x_title, width - indent))
        if not layout.labels:
            yield from _folded(f"from {number(frame.bottom)} to {number(frame.top)}", width)
    for place, series in enumerate(panel.series):
        yield from _legend(plotille, series, place, width, colour, letters)
    for level in panel.levels:
        yield from hanging("  ─ ", level.label, width, 4)
    for point in panel.points:
        yield from hanging(f"  {marks[point.line]} ", f"{point.label}: {number(point.y)}", width, 4)
    if smoothing is not None:
        under = "faint" if colour else "dots"
        yield from hanging("  ", f"{smoothing.name} over the values as logged ({under})", width, 2)


def _folded(text: str, width: int) -> Iterator[str]:
    return (line.rstrip() for line in fold(text, width))


def _ink(colour: bool, number_: int) -> int | None:
    return number_ if colour else None


def _draw(
    canvas: Any,
    lines: Sequence[Series],
    colour: bool,
    letters: bool,
    smoothing: Smoothing | None,
) -> None:
    """Draw the values as logged, then what stands out: a cell has the colour of its last dot."""
    for place, series in enumerate(lines):
        ink = _ink(colour, _FAINT if smoothing else _COLOURS[place])
        _line(canvas, series, series.drawable.values, ink)
    for place, series in enumerate(lines):
        drawn = series.drawable
        top = smoothing(series.values)[series.finite] if smoothing else drawn.values
        if letters:
            _lettered(canvas, drawn.x, top, place, every=len(lines))
        elif smoothing:
            _line(canvas, series, top, _ink(colour, _COLOURS[place]))


def _line(canvas: Any, series: Series, values: Floats, ink: int | None) -> None:
    pieces = segments(series)
    drawn = series.drawable
    kept = thinned(drawn.values, pieces, _DOTS)
    values = np.clip(values, canvas.ymin, canvas.ymax)
    x, y, piece = (part[kept].tolist() for part in (drawn.x, values, pieces))
    for i in range(len(kept)):
        if i and piece[i - 1] == piece[i]:
            canvas.line(x[i - 1], y[i - 1], x[i], y[i], color=ink)
        else:
            canvas.point(x[i], y[i], color=ink)


def _lettered(canvas: Any, x: Any, y: Any, place: int, *, every: int) -> None:
    """Write the line's letter at the mean of what lies in a column.

    Of several lines each has its own columns, so that lines that lie on each other are all seen.
    """
    span = canvas.xmax - canvas.xmin
    columns = np.minimum(((x - canvas.xmin) / span * canvas.width).astype(int), canvas.width - 1)
    present = np.unique(columns)
    for column in present[place % min(every, len(present)) :: every]:
        here = np.clip(y[columns == column], canvas.ymin, canvas.ymax)
        height = float((here / len(here)).sum())
        if math.isfinite(height):
            middle = canvas.xmin + (column + 0.5) / canvas.width * span
            _write(canvas, middle, height, _LETTERS[place])


def _write(canvas: Any, x: float, y: float, letter: str) -> None:
    """Write a letter; what lies on or beyond an edge is drawn just inside."""
    canvas.text(min(x, canvas.xmax_inside), _within(canvas, y), letter)


def _within(canvas: Any, y: float) -> float:
    return float(min(max(y, canvas.ymin), canvas.ymax_inside))


def _legend(
    plotille: Any, series: Series, place: int, width: int, colour: bool, letters: bool
) -> Iterator[str]:
    mark = _LETTERS[place] if letters else "⠒"
    if colour:
        mark = plotille.color("━━", fg=_COLOURS[place], mode="byte")
    drawn = series.drawable
    facts = f"{len(drawn):,} {'value' if len(drawn) == 1 else 'values'}"
    if len(drawn):
        values = drawn.values
        facts += f", {number(float(values.min()))} to {number(float(values.max()))}"
        facts += f", last {number(float(values[-1]))}"
    name = shown(series.label or series.metric)
    left = 5 if colour else 4
    if left + width_of(f"{name}: {facts}") <= width:
        yield f"  {mark} {name}: {facts}"
        return
    first, *more = fold(name, width - left)
    yield f"  {mark} {first.rstrip()}"
    yield from (f"    {line.rstrip()}" for line in more)
    yield from hanging("    ", facts, width, 4)
