"""The axes of a panel in characters: what they span, and the labels along them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dakota_wh.plot.chart import FARTHEST, Panel
from dakota_wh.plot.naming import number
from dakota_wh.plot.ticks import round_ticks, tick_text

#: Columns left of the drawing for the labels of the vertical axis, where there is room.
_MARGIN: Final = 10
#: A drawing of fewer columns shows nothing.
_LEAST_ROOM: Final = 8
#: A terminal narrower than this gives the labels no more than they need.
_NARROW: Final = 40


@dataclass(frozen=True, slots=True)
class Frame:
    """What the axes of a panel span."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a drawing of ``room`` columns and ``height`` rows lies, and its labels by row."""

    margin: int
    room: int
    height: int
    labels: Mapping[int, str]


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
    low, high = (min(max(end, -FARTHEST), FARTHEST) for end in (low, high))
    if low == high:
        pad = abs(low) * 0.1 or 1.0
        return low - pad, high + pad
    return low, high


def layout_of(frame: Frame, width: int, height: int) -> Layout | None:
    """Return how a panel fits a width; None where nothing could be seen in it.

    A label that does not fit is left out, never cut: a number that is cut is another number.
    """
    labels = _left_labels(frame, height)
    longest = max(map(len, labels.values()))
    margin = longest + 1 if width < _NARROW else max(_MARGIN, longest + 1)
    if width - margin - 1 < _LEAST_ROOM:
        margin, labels = 0, {}
    room = width - margin - 1
    return Layout(margin, room, height, labels) if room >= _LEAST_ROOM else None


def _left_labels(frame: Frame, height: int) -> dict[int, str]:
    span = frame.top - frame.bottom
    ticks = round_ticks(frame.bottom, frame.top, max(3, height // 3))
    if len(ticks) < 2:
        return {0: number(frame.top), height - 1: number(frame.bottom)}
    step = ticks[1] - ticks[0]
    return {
        min(height - 1, int((frame.top - tick) / span * height)): tick_text(tick, step)
        for tick in ticks
    }


def with_axes(rows: list[str], frame: Frame, layout: Layout) -> Iterator[str]:
    """Return the lines of a drawing with both axes."""
    for i, drawn in enumerate(rows):
        edge = "┤" if i in layout.labels else "│"
        label = f"{layout.labels.get(i, ''):>{max(layout.margin - 1, 0)}}"
        yield f"{label}{' ' if layout.margin else ''}{edge}{drawn}".rstrip("\u2800 ")
    yield from _bottom(frame, layout.room, layout.margin)


def _bottom(frame: Frame, room: int, margin: int) -> Iterator[str]:
    span = frame.right - frame.left
    ticks = round_ticks(frame.left, frame.right, max(2, room // 12))
    step = ticks[1] - ticks[0] if len(ticks) > 1 else span
    edge = ["─"] * room
    labels = [" "] * (room + margin + 1)
    end = 0
    for tick in ticks:
        column = min(room - 1, int((tick - frame.left) / span * room))
        text = tick_text(tick, step)
        start = min(max(end, margin + 1 + column - len(text) // 2), len(labels) - len(text))
        if start < end:
            continue
        edge[column] = "┴"
        labels[start : start + len(text)] = text
        end = start + len(text) + 1
    yield f"{'':{margin}}└{''.join(edge)}"
    yield "".join(labels).rstrip()
