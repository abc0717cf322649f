"""The points that a panel draws: as columns, which are short on a page, and as rows for Vega."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from dakota_wh.plot.chart import Panel
from dakota_wh.plot.series import Series, segments
from dakota_wh.plot.smoothing import Smoothing
from dakota_wh.plot.thinning import thinned

#: Places of a line's values that are not finite, at most.
_MOST_BAD: Final = 500


def points(panel: Panel, smoothings: Sequence[Smoothing] = ()) -> list[dict[str, list[Any]]]:
    """Return what each line of a panel draws, as columns; see :func:`line`."""
    return [line(series, smoothings) for series in panel.series]


def line(series: Series, smoothings: Sequence[Smoothing] = ()) -> dict[str, list[Any]]:
    """Return what a line draws, as columns.

    ``x``, ``y``: the finite values (all of them, or thinned), exact. ``b``: 1 where a
    new piece begins, else 0. ``m0``, ``m1``, …: each smoothing at the same places, computed from
    all values, to six digits. ``bad``: places of values that are not finite.
    """
    drawn = series.drawable
    pieces = segments(series)
    kept = thinned(drawn.values, pieces)
    begins = np.diff(pieces[kept], prepend=-1) > 0
    columns: dict[str, list[Any]] = {
        "x": plain(drawn.x[kept]),
        "y": drawn.values[kept].tolist(),
        "b": begins.astype(int).tolist(),
    }
    for place, smoothing in enumerate(smoothings):
        smooth = smoothing(series.values)[series.finite][kept]
        columns[f"m{place}"] = [float(f"{value:.6g}") for value in smooth.tolist()]
    columns["bad"] = bad_places(series)
    return columns


def bad_places(series: Series) -> list[Any]:
    """Return the first places of values that are not finite."""
    bad = ~np.isfinite(series.values) & np.isfinite(series.x)
    return plain(series.x[bad][:_MOST_BAD])


def plain(values: Any) -> list[Any]:
    """Return whole numbers as int: they are half as long on a page."""
    return [int(v) if v.is_integer() and abs(v) < 1e15 else v for v in values.tolist()]


def rows(columns: Sequence[dict[str, list[Any]]], smoothed: int | None) -> list[dict[str, Any]]:
    """Return the points as rows for Vega: s (line), x, y, m (smoothed), p (piece), alone, bad."""
    found: list[dict[str, Any]] = []
    for s, column in enumerate(columns):
        smooth = column[f"m{smoothed}"] if smoothed is not None else [None] * len(column["x"])
        begins = [*column["b"], 1]
        piece = -1
        for i, x in enumerate(column["x"]):
            piece += begins[i]
            alone = bool(begins[i] and begins[i + 1])
            row = {"s": s, "x": x, "y": column["y"][i], "m": smooth[i], "p": piece, "alone": alone}
            found.append(row)
        found += [{"s": s, "x": x, "bad": True} for x in column["bad"]]
    return found
