"""A section of the report: a heading, words, and blocks in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dakota_wh.plot.page.figure import Figure
from dakota_wh.plot.page.table import Table
from dakota_wh.warehouse.findings import Finding


@dataclass(frozen=True, slots=True)
class Card:
    """One fact that is read first."""

    label: str
    value: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page; ``key`` is its anchor."""

    key: str
    title: str
    words: Sequence[str] = ()
    cards: Sequence[Card] = ()
    blocks: Sequence[Figure | Table] = ()
    findings: Sequence[Finding] = field(default=())

    @property
    def figures(self) -> list[Figure]:
        """The figures among the blocks."""
        return [block for block in self.blocks if isinstance(block, Figure)]
