"""Where lines are broken, which points stay when they are thinned, and where ticks stand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dakota_wh.plot.naming import shown
from dakota_wh.plot.series import Series, segments
from dakota_wh.plot.thinning import thinned
from dakota_wh.plot.ticks import round_ticks, tick_text


def series(steps: list[float], values: list[float] | None = None) -> Series:
    places = np.array(steps, dtype=np.float64)
    return Series("run", "metric", places, places, np.array(values or steps, dtype=np.float64))


def test_a_missing_step_breaks_a_line() -> None:
    assert segments(series([0, 1, 2, 3, 5, 6, *range(7, 30)])).tolist() == [0] * 4 + [1] * 25


def test_a_metric_logged_every_k_steps_is_one_line() -> None:
    assert set(segments(series([float(s) for s in range(0, 500, 25)])).tolist()) == {0}


def test_a_sampled_run_breaks_only_at_wide_holes() -> None:
    steps = [0, 2, 3, 6, 8, 9, 12, 14, 15, 18, 60, 61, 64, 66]
    assert segments(series([float(s) for s in steps])).tolist() == [0] * 10 + [1] * 4


def test_a_value_that_is_no_number_breaks_a_line_and_is_counted() -> None:
    one = series([0, 1, 2, 3, 4], [1.0, math.nan, 2.0, math.inf, 3.0])
    assert segments(one).tolist() == [0, 1, 2]
    assert one.nonfinite == 2
    assert one.drawable.values.tolist() == [1.0, 2.0, 3.0]


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=300), st.integers(8, 120))
def test_thinning_keeps_ends_and_extremes(values: list[float], most: int) -> None:
    array = np.array(values)
    kept = thinned(array, np.zeros(len(array), dtype=np.int64), most)
    assert len(kept) <= most
    assert (np.diff(kept) > 0).all()
    assert kept[0] == 0
    assert kept[-1] == len(array) - 1
    assert array[kept].min() == array.min()
    assert array[kept].max() == array.max()


@given(st.integers(200, 900), st.sets(st.integers(1, 199), max_size=8))
def test_thinning_keeps_both_sides_of_a_gap(count: int, cuts: set[int]) -> None:
    pieces = np.zeros(count, dtype=np.int64)
    for cut in cuts:
        pieces[cut:] += 1
    kept = set(thinned(np.sin(np.arange(count)), pieces, 100).tolist())
    if 4 * len(cuts) <= 100 and count > 100:
        assert {side for cut in cuts for side in (cut - 1, cut)} <= kept


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 12))
def test_ticks_are_round_few_and_within(low: float, span: float, most: int) -> None:
    high = low + span
    assume(high - low > abs(low) * 1e-9)
    ticks = round_ticks(low, high, most)
    slack = (high - low) * 1e-6
    assert len(ticks) <= most
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        mantissa = step / 10.0 ** math.floor(math.log10(step) + 1e-9)
        assert min(abs(mantissa - m) for m in (1, 2, 5, 10)) < 1e-3


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.3, 0.1, "0.3"),
        (200.0, 200.0, "200"),
        (-0.0005, 0.0005, "-0.0005"),
        (2e7, 1e7, "2e7"),
        (1.5e-5, 5e-6, "1.5e-5"),
        (12000.0, 2000.0, "12,000"),
        (0.0, 0.1, "0"),
    ],
)
def test_tick_labels_tell_ticks_apart(value: float, step: float, text: str) -> None:
    assert tick_text(value, step) == text


@given(st.text(max_size=300), st.integers(10, 60))
def test_a_name_on_paper_is_visible_and_fits(name: str, longest: int) -> None:
    on_paper = shown(name, longest)
    assert len(on_paper) <= longest
    assert on_paper.isprintable()


def test_a_long_name_keeps_its_ends() -> None:
    assert shown("reward/" + "x" * 10_000 + "/mean", 20) == "reward/xxxxx…xx/mean"


def test_marks_that_turn_the_writing_are_spelled_out() -> None:
    assert shown("a\u202eb\nc") == "a\\u202eb\\nc"
