"""The axes of a panel in characters: what they span, and the labels along them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dakota_wh.plot.chart import Panel
from dakota_wh.plot.naming import number
from dakota_wh.plot.ticks import round_ticks, tick_text

#: Columns left of the drawing, for the labels of the vertical axis.
MARGIN: Final = 10
#: No axis reaches farther, so that the difference of its ends is a number.
_FARTHEST: Final = 8e307


@dataclass(frozen=True, slots=True)
class Frame:
    """What the axes of a panel span."""

    left: float
    right: float
    bottom: float
    top: float


def frame_of(panel: Panel) -> Frame | None:
    """Return what the axes of a panel span; None where it has no finite value."""
    drawn = [series.drawable for series in panel.series]
    drawn = [series for series in drawn if len(series)]
    if not drawn:
        return None
    left, right = min(s.x.min() for s in drawn), max(s.x.max() for s in drawn)
    bottom, top = min(s.values.min() for s in drawn), max(s.values.max() for s in drawn)
    return Frame(*_apart(float(left), float(right)), *_apart(float(bottom), float(top)))


def _apart(low: float, high: float) -> tuple[float, float]:
    """Return limits that differ, and whose difference is a number."""
    low, high = (min(max(end, -_FARTHEST), _FARTHEST) for end in (low, high))
    if low == high:
        pad = abs(low) * 0.1 or 1.0
        return low - pad, high + pad
    return low, high


def with_axes(rows: list[str], frame: Frame, room: int, height: int) -> Iterator[str]:
    """Return the lines of a drawing of ``room`` columns and ``height`` rows with both axes."""
    span = frame.top - frame.bottom
    ticks = round_ticks(frame.bottom, frame.top, max(3, height // 3))
    step = ticks[1] - ticks[0] if len(ticks) > 1 else span
    labels: dict[int, str] = {}
    for tick in ticks:
        row = min(height - 1, int((frame.top - tick) / span * height))
        labels[row] = tick_text(tick, step)[: MARGIN - 1]
    if len(ticks) < 2:
        labels = {0: number(frame.top), height - 1: number(frame.bottom)}
    for i, drawn in enumerate(rows):
        edge = "┤" if i in labels else "│"
        yield f"{labels.get(i, ''):>{MARGIN - 1}} {edge}{drawn}".rstrip("\u2800 ")
    yield from _bottom(frame, room)


def _bottom(frame: Frame, room: int) -> Iterator[str]:
    span = frame.right - frame.left
    ticks = round_ticks(frame.left, frame.right, max(2, room // 12))
    step = ticks[1] - ticks[0] if len(ticks) > 1 else span
    edge = ["─"] * room
    labels = [" "] * (room + MARGIN + 1)
    end = 0
    for tick in ticks:
        column = min(room - 1, int((tick - frame.left) / span * room))
        text = tick_text(tick, step)
        start = min(max(end, MARGIN + 1 + column - len(text) // 2), len(labels) - len(text))
        if start < end:
            continue
        edge[column] = "┴"
        labels[start : start + len(text)] = text
        end = start + len(text) + 1
    yield f"{'':{MARGIN}}└{''.join(edge)}"
    yield "".join(labels).rstrip()
