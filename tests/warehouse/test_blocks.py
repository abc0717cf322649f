"""Blocks of rows: no step is in two of them, and they are as many as the steps allow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dakota_wh.warehouse import history as history_module
from dakota_wh.warehouse.blocks import cuts
from dakota_wh.warehouse.column_names import KeyPath
from dakota_wh.warehouse.history import HistoryWriter, StoredHistory

LEAST, GREATEST = -(2**63), 2**63 - 1
steps = st.lists(st.none() | st.integers(-4, 4) | st.sampled_from([LEAST, GREATEST]), max_size=30)
nearly = st.lists(st.none() | st.integers(0, 30), max_size=30).map(
    lambda found: sorted(found, key=lambda step: (step is None, step or 0))
)


def divided(rows: int, share: int) -> list[int]:
    """The ends of parts of ``share`` rows."""
    return [min(rows, start + share) for start in range(0, rows, share)]


@given(steps | nearly, st.integers(1, 9))
@example([0, 1, 1, 2, None, 2, 3], 3)
@example([3, 2, 1], 1)
def test_no_step_is_in_two_blocks(logged: list[int | None], share: int) -> None:
    known = np.array([step is not None for step in logged], dtype=bool)
    values = np.array([step or 0 for step in logged], dtype=np.int64)
    ends = divided(len(logged), share)
    found = cuts(values, known, ends)
    assert found[-1] == len(logged)
    assert found == sorted(set(found))
    blocks = [
        [step for step in logged[start:stop] if step is not None]
        for start, stop in zip([0, *found], found, strict=False)
    ]
    filled = [block for block in blocks if block]
    for one, next_one in pairwise(filled):
        assert max(one) < min(next_one)
    # Not one cut fewer than there may be: the last in each part that divides the steps.
    for start, end in zip([0, *ends], ends, strict=False):
        possible = [at for at in range(start + 1, end + 1) if divides(logged, at)]
        if possible and possible[-1] < len(logged) and {LEAST, GREATEST}.isdisjoint(logged):
            assert possible[-1] in found


def divides(logged: Sequence[int | None], at: int) -> bool:
    before = [step for step in logged[:at] if step is not None]
    after = [step for step in logged[at:] if step is not None]
    return not before or not after or max(before) < min(after)


def test_ascending_steps_make_a_block_of_each_part() -> None:
    known = np.ones(10, dtype=bool)
    assert cuts(np.arange(10), known, [4, 8, 10]) == [4, 8, 10]
    assert cuts(np.repeat(np.arange(5), 2), known, [3, 6, 10]) == [2, 6, 10]
    assert cuts(np.arange(10)[::-1], known, [4, 8, 10]) == [10]
    assert cuts(np.zeros(0, np.int64), np.zeros(0, bool), []) == [0]


@settings(max_examples=30)
@given(
    st.lists(st.none() | st.floats(allow_nan=False), min_size=1, max_size=20),
    st.integers(1, 7),
    st.sets(st.integers(1, 19)),
)
def test_numbers_in_blocks_are_all_of_them(
    tmp_path_factory: pytest.TempPathFactory,
    logged: list[float | None],
    share: int,
    some_ends: set[int],
) -> None:
    folder: Path = tmp_path_factory.mktemp("blocks")
    rows = len(logged)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history_module, "PART_ROWS", share)
        writer = HistoryWriter(folder)
        for value in logged:
            there: dict[KeyPath, pa.Array] = {("other",): pa.array([1])}
            if value is not None:
                there[("k",)] = pa.array([value], pa.float64())
            writer.add(1, there)
        writer.flush()
    history = StoredHistory(writer.written)
    try:
        ends = [*sorted(end for end in some_ends if end < rows), rows]
        found = list(history.number_blocks(("k",), ends))
    finally:
        history.close()
    lengths = [stop - start for start, stop in zip([0, *ends], ends, strict=False)]
    assert [values.size for values, _ in found] == [mask.size for _, mask in found] == lengths
    assert [
        value if there else None
        for values, mask in found
        for value, there in zip(values.tolist(), mask.tolist(), strict=True)
    ] == logged
