"""Colours and dashes: on paper, and on a page whose style sheet says what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Dashes of the lines, so that a black-and-white print still tells them apart.
DASHES: Final = ([1, 0], [6, 3], [2, 2], [9, 3, 2, 3], [4, 4], [1, 3], [12, 3], [6, 2, 1, 2])


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours: of the lines in order, of text, of the grid, and of what is beneath."""

    lines: Sequence[str]
    ink: str
    grid: str
    paper: str
    font: str = "Liberation Sans, Arial, sans-serif"


#: For paper: Okabe and Ito's colours, which colour-blind people can tell apart, darkest first.
PAPER: Final = Theme(
    lines=(
        "#0072b2", "#d55e00", "#00785a", "#a8447f", "#8a6d00", "#1f9ad6", "#5d3a9b", "#555555",
    ),
    ink="#1b1f24",
    grid="#d8dde3",
    paper="#ffffff",
)  # fmt: skip

#: For a page, whose style sheet says what the names mean in the light and in the dark.
PAGE: Final = Theme(
    lines=tuple(f"var(--line-{place})" for place in range(8)),
    ink="var(--ink)",
    grid="var(--rule)",
    paper="var(--paper)",
    font="system-ui, sans-serif",
)
