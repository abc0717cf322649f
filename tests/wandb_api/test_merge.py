"""Merging pieces by step: the union, each step from the best piece that has it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.ingest.wandb_api.merge import Merged
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


@settings(deadline=None)
@given(pieces())
def test_each_step_comes_from_the_first_piece_that_has_it(given_pieces: list[Piece]) -> None:
    flat = [[step for block in piece for step in block] for piece in given_pieces]
    expected = []
    for step in range(13):
        owner = next((n for n, steps in enumerate(flat) if step in steps), None)
        if owner is not None:
            places = [i for i, s in enumerate(flat[owner]) if s == step]
            expected += [(step, owner, place) for place in places]
    merged = Merged()
    found = []
    for block in merged.blocks([blocks(n, piece) for n, piece in enumerate(given_pieces)]):
        cells = (block.columns[("of",)].to_pylist(), block.columns[("row",)].to_pylist())
        found += list(zip(block.steps.tolist(), *cells, strict=True))
    assert found == expected
    assert merged.rows == len(expected)
    assert merged.distinct == len({step for step, _, _ in expected})
    assert merged.overlapping == sum(map(len, flat)) - len(expected)
    assert merged.last_step == (expected[-1][0] if expected else None)
