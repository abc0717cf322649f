"""Where a long history may be cut so that it can be derived piece by piece.

Between two cuts lie whole steps: every step before a cut is less than every step behind it. So what
collapses, sorts and counts by step does so for each block alone, in the memory of a block, and the
blocks' results follow each other. A history whose steps go back and forth has fewer cuts, in the
worst case none but its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

_LEAST: Final = np.iinfo(np.int64).min
_GREATEST: Final = np.iinfo(np.int64).max


def cuts(steps: np.ndarray, known: np.ndarray, ends: Sequence[int]) -> list[int]:
    """Return the ends of the blocks, ascending, the last of them the number of rows.

    Args:
        steps: the step of each row, int64.
        known: the mask of the rows that have one.
        ends: where the parts end; each part gets one cut at most, the last that is possible.
    """
    found: list[int] = []
    starts = [0, *ends][: len(ends)]
    lows = [_low(steps[a:b], known[a:b]) for a, b in zip(starts, ends, strict=True)]
    behind = np.minimum.accumulate([_GREATEST, *reversed(lows)])[::-1]
    before = _LEAST
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        some, has = steps[start:end], known[start:end]
        highs = np.maximum.accumulate(np.append(before, np.where(has, some, _LEAST)))[1:]
        later = np.append(np.where(has, some, _GREATEST)[1:], behind[number + 1])
        possible = np.flatnonzero(highs < np.minimum.accumulate(later[::-1])[::-1])
        if possible.size:
            found.append(start + int(possible[-1]) + 1)
        before = highs[-1] if highs.size else before
    rows = ends[-1] if ends else 0
    return [*(cut for cut in found if cut < rows), rows]


def _low(steps: np.ndarray, known: np.ndarray) -> int:
    return int(np.min(steps, where=known, initial=_GREATEST))


def collapse(
    steps: np.ndarray, values: np.ndarray, again: list[np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return (steps ascending without repeats, the last value of each).

    The rows come in log order. Where steps occur more than once, the mask of the rows that a later
    one of the same step replaces is added to ``again``.
    """
    if steps.size > 1 and not (steps[1:] > steps[:-1]).all():
        order = np.argsort(steps, kind="stable")
        steps, values = steps[order], values[order]
        last = np.append(steps[1:] != steps[:-1], True)
        if again is not None and not last.all():
            replaced = np.empty(last.size, dtype=bool)
            replaced[order] = ~last
            again.append(replaced)
        return steps[last], values[last]
    return steps, values
