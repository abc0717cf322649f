"""Merging pieces by step: the union, each step from the best piece that has it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.ingest.wandb_api.merge import Merged
from dakota_wh.ingest.wandb_api.merge import Piece as Given
from dakota_wh.ingest.wandb_api.step_block import StepBlock

Piece = list[list[int]]


def blocks(number: int, piece: Piece) -> Iterator[StepBlock]:
    """Yield blocks whose rows say which piece they are of and their place in it."""
    place = 0
    for steps in piece:
        rows = pa.array(range(place, place + len(steps)), pa.int64())
        owner = pa.array([number] * len(steps), pa.int64())
        place += len(steps)
        yield StepBlock(np.array(steps, np.int64), {("row",): rows, ("of",): owner})


@st.composite
def pieces(draw: st.DrawFn) -> list[Piece]:
    found = []
    for _ in range(draw(st.integers(1, 4))):
        steps = sorted(draw(st.lists(st.integers(0, 12), max_size=15)))
        cuts = sorted(draw(st.lists(st.integers(0, len(steps)), max_size=3)))
        bounds = [0, *cuts, len(steps)]
        found.append([steps[a:b] for a, b in pairwise(bounds)])
    return found


@given(pieces(), st.integers(0, 3))
def test_each_step_comes_from_the_first_piece_that_has_it(
    given_pieces: list[Piece], before: int
) -> None:
    """Each piece says where it begins, or some steps before."""
    flat = [[step for block in piece for step in block] for piece in given_pieces]
    expected = []
    for step in range(13):
        owner = next((n for n, steps in enumerate(flat) if step in steps), None)
        if owner is not None:
            places = [i for i, s in enumerate(flat[owner]) if s == step]
            expected += [(step, owner, place) for place in places]
    merged = Merged()
    found = []
    said = [
        Given(blocks(n, piece), min(flat[n], default=0) - before)
        for n, piece in enumerate(given_pieces)
    ]
    for block in merged.blocks(said):
        cells = (block.columns[("of",)].to_pylist(), block.columns[("row",)].to_pylist())
        found += list(zip(block.steps.tolist(), *cells, strict=True))
    assert found == expected
    assert merged.rows == len(expected)
    assert merged.distinct == len({step for step, _, _ in expected})
    assert merged.overlapping == sum(map(len, flat)) - len(expected)
    assert merged.last_step == (expected[-1][0] if expected else None)


def test_a_piece_is_opened_when_the_others_have_come_to_where_it_begins() -> None:
    """Files that follow each other are read one after another, those that overlap together."""
    opened: list[int] = []

    def told(number: int, *steps: int) -> Given:
        def read() -> Iterator[StepBlock]:
            opened.append(number)
            for step in steps:
                yield from blocks(number, [[step]])

        return Given(read(), steps[0])

    pieces_given = [told(4, 10), told(0, 0, 1, 4), told(1, 3, 5), told(2, 8, 9), told(3, 9)]
    found = {}
    for block in Merged().blocks(pieces_given):
        found[int(block.steps[-1])] = list(opened)
    assert found == {
        0: [0], 1: [0], 3: [0, 1], 4: [0, 1], 5: [0, 1], 8: [0, 1, 2], 9: [0, 1, 2, 3],
        10: [0, 1, 2, 3, 4],
    }  # fmt: skip


def test_a_piece_that_begins_late_and_says_so_nowhere_opens_no_other() -> None:
    """As the live tail behind the files of an export: it is read first, and its rows come last."""
    opened: list[int] = []

    def read(number: int) -> Iterator[StepBlock]:
        opened.append(number)
        yield from blocks(number, [[number]])

    given_pieces = [*(Given(read(n), n) for n in range(3)), Given(read(9))]
    order = [(int(b.steps[0]), list(opened)) for b in Merged().blocks(given_pieces)]
    assert order == [(0, [9, 0]), (1, [9, 0, 1]), (2, [9, 0, 1, 2]), (9, [9, 0, 1, 2])]
