"""The lines of a panel as a page's script reads them: all of a line, or bands of a very long one.

A short line is columns of numbers. Of a longer one the page holds every value, packed, while its
figure is within the page's allowance; the script then draws as much of it as can be seen. Beyond
that a line is bands: equal parts of its values, each with its least and its greatest. Between them
nothing is claimed, however near a reader looks.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dakota_wh.plot.chart import Panel
from dakota_wh.plot.points import bad_places, line, plain
from dakota_wh.plot.series import Series, segments
from dakota_wh.plot.smoothing import Smoothing
from dakota_wh.plot.thinning import MOST_POINTS

#: Values of long lines that a page holds, of all its figures; each takes about 27 bytes.
WHOLE_VALUES: Final = 200_000
#: Bands that a line has at most.
BANDS: Final = 600
_LARGEST_FLOAT: Final = 3e38


def long_values(panels: Sequence[Panel]) -> int:
    """Return how many values the lines hold that are too long to be drawn value by value."""
    counts = (len(series.drawable) for panel in panels for series in panel.series)
    return sum(count for count in counts if count > MOST_POINTS)


def page_lines(
    panel: Panel, smoothings: Sequence[Smoothing], *, whole: bool
) -> list[dict[str, Any]]:
    """Return each line of a panel as JSON values.

    A line of at most ``MOST_POINTS`` values has columns ``x``, ``y``, ``b``, ``m0`` …, ``bad``
    (see :func:`dakota_wh.plot.points.line`). A longer one has ``packed``, or ``bands`` where it
    is not ``whole``. ``packed``: little-endian doubles in base64 as ``x`` and ``y`` (``x`` may be
    first place and stride), the positions where a new piece begins as ``cuts``, and the smoothings
    as floats. ``bands``: columns ``x`` and
    ``x2`` (the places of its first value and of the next band's), ``n`` values, ``lo``, ``hi``, and
    ``m0`` … as pairs of columns.
    """
    name, form = ("packed", _packed) if whole else ("bands", _bands)
    return [
        line(series, smoothings)
        if len(series.drawable) <= MOST_POINTS
        else {name: form(series, smoothings), "bad": bad_places(series)}
        for series in panel.series
    ]


def _packed(series: Series, smoothings: Sequence[Smoothing]) -> dict[str, Any]:
    drawn = series.drawable
    packed: dict[str, Any] = {
        "x": _places(drawn.x),
        "y": _base64(drawn.values, "<f8"),
        "cuts": (np.flatnonzero(np.diff(segments(series))) + 1).tolist(),
    }
    for place, smooth in enumerate(_smoothed(series, smoothings)):
        fits = float(np.abs(smooth).max()) < _LARGEST_FLOAT
        packed[f"m{place}"] = _base64(smooth, "<f4" if fits else "<f8")
    return packed


def _bands(series: Series, smoothings: Sequence[Smoothing]) -> dict[str, Any]:
    drawn = series.drawable
    bounds = band_bounds(segments(series))
    starts, ends = bounds[:, 0], bounds[:, 1]
    last = len(drawn) - 1
    bands: dict[str, Any] = {
        "x": plain(drawn.x[starts]),
        "x2": plain(drawn.x[np.minimum(ends, last)]),
        "n": (np.minimum(ends, last) - starts + 1).tolist(),
    }
    for name, values in (("", drawn.values), *_named(_smoothed(series, smoothings))):
        pieces = [values[start : end + 1] for start, end in bounds.tolist()]
        bands[f"{name}lo"] = [float(piece.min()) for piece in pieces]
        bands[f"{name}hi"] = [float(piece.max()) for piece in pieces]
    return bands


def band_bounds(pieces: NDArray[np.int64], most: int = BANDS) -> NDArray[np.int64]:
    """Return the first and the last position of each band.

    A band ends on the value that the next one begins with, so that bands touch as the line does;
    only where the line is broken do they not.

    Args:
        pieces: the number of each value's unbroken piece, ascending (``series.segments``).
        most: bands at most, unless there are more breaks than that.
    """
    count = len(pieces)
    cuts = np.flatnonzero(np.diff(pieces)) + 1
    parts = max(most - len(cuts), most // 2)
    starts = np.unique(np.concatenate((np.linspace(0, count, parts + 1).astype(np.int64), cuts)))
    ends = starts[1:].copy()
    broken = (ends == count) | np.isin(ends, cuts)
    ends[broken] -= 1
    return np.column_stack((starts[:-1], ends))


def _smoothed(series: Series, smoothings: Sequence[Smoothing]) -> list[NDArray[np.float64]]:
    return [smoothing(series.values)[series.finite] for smoothing in smoothings]


def _named(
    columns: Sequence[NDArray[np.float64]],
) -> list[tuple[str, NDArray[np.float64]]]:
    return [(f"m{place}", column) for place, column in enumerate(columns)]


def _places(x: NDArray[np.float64]) -> str | list[float]:
    """Return first place and stride where those say all, else all places."""
    first, stride = float(x[0]), float(x[1] - x[0])
    if np.array_equal(first + stride * np.arange(len(x)), x):
        return [first, stride]
    return _base64(x, "<f8")


def _base64(values: NDArray[np.float64], kind: str) -> str:
    return b64encode(values.astype(kind).tobytes()).decode("ascii")
