"""Fewer points for the eye: the least and the greatest of each of many equal parts.

For display only: a spike stays a spike, and every number that is printed is from all values.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Points that a line is drawn with at most; a chart is rarely wider than so many pixels.
MOST_POINTS: Final = 1200


def thinned(
    values: NDArray[np.float64], pieces: NDArray[np.int64], most: int = MOST_POINTS
) -> NDArray[np.int64]:
    """Return the positions to draw, ascending: all where there are at most ``most``.

    Args:
        values: finite values in order.
        pieces: the number of each value's unbroken piece, ascending (``series.segments``).
        most: points at most; 4 or more.

    Of ``most // 4`` equal parts the least, the greatest, and the two ends stay. Ends of pieces
    stay too where that does not take more than half of the points.
    """
    count = len(values)
    if count <= most:
        return np.arange(count)
    ends = np.flatnonzero(np.diff(pieces))
    edges = np.concatenate((ends, ends + 1)) if 4 * len(ends) <= most else ends[:0]
    parts = max(1, (most - len(edges)) // 4)
    bounds = np.linspace(0, count, parts + 1).astype(np.int64)
    kept = [edges, bounds[:-1], bounds[1:] - 1]
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        part = values[low:high]
        kept.append(np.array([low + int(part.argmin()), low + int(part.argmax())]))
    return np.unique(np.concatenate(kept))
