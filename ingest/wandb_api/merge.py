"""Pieces of a history into one, by ``_step``: nothing twice, nothing lost, bounded memory.

Pieces come with their best first. A step that an earlier piece has is not taken from a later one;
several rows of one step within a piece are all kept. Each piece must be in the order of its steps.
A piece is opened when the others have come to where it begins: of a long run's hundred files only
those that overlap are read at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from dakota_wh.ingest.wandb_api.step_block import StepBlock


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows in the order of their steps, of which none is before the step ``first``."""

    blocks: Iterator[StepBlock]
    first: int = np.iinfo(np.int64).min


@dataclass(slots=True)
class Merged:
    """What a merge found, complete when it was read to its end."""

    rows: int = 0
    distinct: int = 0
    overlapping: int = 0  # rows of a step that an earlier piece has too
    last_step: int | None = None
    _last_piece: int = -1

    def blocks(self, pieces: Sequence[Piece]) -> Iterator[StepBlock]:
        """Yield the rows of all pieces in the order of their steps."""
        heads = [_Head(piece) for piece in pieces]
        while (frontier := _frontier(heads)) is not None:
            taken = [(i, h.take_to(frontier)) for i, h in enumerate(heads) if h.filled]
            yield from self._woven([(i, block) for i, block in taken if len(block)])

    def _woven(self, taken: Sequence[tuple[int, StepBlock]]) -> Iterator[StepBlock]:
        """Yield rows of several pieces up to one step, which each of them has given in full."""
        kept: list[tuple[int, StepBlock, np.ndarray]] = []
        seen = np.zeros(0, np.int64)
        for piece, block in taken:
            fresh = ~np.isin(block.steps, seen)
            if self.last_step is not None and piece != self._last_piece:
                fresh &= block.steps != self.last_step
            self.overlapping += int(fresh.size - fresh.sum())
            seen = np.union1d(seen, block.steps)
            kept.append((piece, block, np.flatnonzero(fresh)))
        steps = np.concatenate([block.steps[rows] for _, block, rows in kept])
        owner = np.concatenate([np.full(rows.size, k) for k, (_, _, rows) in enumerate(kept)])
        place = np.concatenate([rows for _, _, rows in kept])
        order = np.argsort(steps, kind="stable")
        yield from self._cut(kept, steps[order], owner[order], place[order])

    def _cut(
        self,
        kept: Sequence[tuple[int, StepBlock, np.ndarray]],
        steps: np.ndarray,
        owner: np.ndarray,
        place: np.ndarray,
    ) -> Iterator[StepBlock]:
        """Yield the longest stretches that lie side by side in one block."""
        if not steps.size:
            return
        new = np.diff(steps) != 0
        first_is_new = self.last_step is None or int(steps[0]) != self.last_step
        self.distinct += int(new.sum()) + int(first_is_new)
        self.rows += int(steps.size)
        self.last_step, self._last_piece = int(steps[-1]), kept[int(owner[-1])][0]
        breaks = np.flatnonzero((np.diff(owner) != 0) | (np.diff(place) != 1)) + 1
        bounds = [0, *breaks.tolist(), int(steps.size)]
        for start, stop in pairwise(bounds):
            block = kept[int(owner[start])][1]
            yield block.slice(int(place[start]), int(place[stop - 1]) + 1)


def _frontier(heads: Sequence[_Head]) -> int | None:
    """Fill the heads that may have rows up to a step and return the step; None at the end of all.

    Every head that is filled has given all of its rows up to there.
    """
    while True:
        lasts = [int(head.block.steps[-1]) for head in heads if head.is_open and head.fill()]
        reached = min(lasts, default=None)
        following = min((h for h in heads if not h.is_open), key=lambda h: h.first, default=None)
        if following is None or (reached is not None and following.first > reached):
            return reached
        following.is_open = True


_NOTHING: Final = StepBlock(np.zeros(0, np.int64), {})


class _Head:
    """The next rows of one piece."""

    def __init__(self, piece: Piece) -> None:
        self._piece = piece.blocks
        self.first = piece.first
        self.is_open = False
        self.block = _NOTHING

    @property
    def filled(self) -> bool:
        """Tell whether there are rows to take."""
        return len(self.block) > 0

    def fill(self) -> bool:
        """Get the next rows where none are left; False at the end of the piece."""
        while not self.filled:
            block = next(self._piece, None)
            if block is None:
                return False
            self.block = block
        return True

    def take_to(self, frontier: int) -> StepBlock:
        """Return the rows up to a step and keep the rest."""
        stop = int(np.searchsorted(self.block.steps, frontier, side="right"))
        taken = self.block.slice(0, stop)
        # A slice of nothing would keep what it is a slice of.
        self.block = (
            self.block.slice(stop, len(self.block)) if taken is not self.block else _NOTHING
        )
        return taken
