"""Curves laid over each other, by hand: gaps, other cadences, other first steps, other axes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.compare.alignment import Curve, Span, common_span, matched, part_means


def curve(points: Mapping[float, float]) -> Curve:
    return Curve(np.array(list(points), dtype=float), np.array(list(points.values()), dtype=float))


def test_the_common_range_is_what_all_cover() -> None:
    curves = [curve({0: 1, 5: 1, 9: 1}), curve({1: 1, 12: 1}), curve({-3: 1, 7: 1})]
    assert common_span(curves) == Span(1.0, 7.0)
    assert common_span([curve({0: 1, 1: 1}), curve({2: 1, 3: 1})]) is None
    assert common_span([curve({0: 1, 2: 1}), curve({2: 1, 3: 1})]) == Span(2.0, 2.0)
    assert common_span([curve({}), curve({2: 1})]) is None
    assert common_span([]) is None


def test_the_last_window() -> None:
    span = Span(0.0, 999.0).last(0.25)
    steps = curve(dict.fromkeys(range(1000), 1.0))
    assert steps.within(span).position.tolist() == list(range(750, 1000))
    assert Span(4.0, 4.0).last(0.25) == Span(4.0, 4.0)
    assert Span(4.0, 4.0).parts(20) == [Span(4.0, 4.0)]


def test_gaps_leave_the_steps_that_both_logged() -> None:
    one = curve({0: 1, 1: 2, 3: 4, 4: 5})
    two = curve({0: 10, 2: 30, 3: 40, 4: 50})
    found = matched(one, two, Span(0, 4), "step")
    assert found is not None
    assert found.by == "steps"
    assert found.value.tolist() == [1, 4, 5]
    assert found.baseline.tolist() == [10, 40, 50]


def test_one_that_logs_each_tenth_step_is_met_there() -> None:
    every = curve({step: float(step) for step in range(100)})
    tenth = curve({step: -float(step) for step in range(0, 100, 10)})
    found = matched(every, tenth, Span(0, 90), "step")
    assert found is not None
    assert found.value.tolist() == list(range(0, 100, 10))
    assert (found.value == -found.baseline).all()


def test_steps_that_never_meet_are_compared_in_parts() -> None:
    # 8 points each on 0 … 15: 4 parts, [0, 3.75) [3.75, 7.5) [7.5, 11.25) [11.25, 15].
    even = curve({step: float(step) for step in range(0, 16, 2)})
    odd = curve({step: float(step) for step in range(1, 17, 2)})
    found = matched(even, odd, Span(0, 15), "step")
    assert found is not None
    assert found.by == "parts"
    # Even: 0 2 | 4 6 | 8 10 | 12 14; odd: 1 3 | 5 7 | 9 11 | 13 15.
    assert found.value.tolist() == [1, 5, 9, 13]
    assert found.baseline.tolist() == [2, 6, 10, 14]


def test_one_based_steps_are_aligned_as_logged() -> None:
    zero = curve({step: float(step) for step in range(10)})
    one = curve({step: float(step) for step in range(1, 11)})
    span = common_span([zero, one])
    assert span == Span(1.0, 9.0)
    found = matched(zero, one, span, "step")
    assert found is not None
    assert (found.value == found.baseline).all()
    assert found.value.size == 9


def test_time_is_compared_in_parts_even_where_it_meets() -> None:
    one = curve({0: 1, 1: 1, 2: 3, 3: 3})
    found = matched(one, one, Span(0, 3), "time")
    assert found is not None
    assert (found.by, found.value.tolist()) == ("parts", [1.0, 3.0])


def test_a_part_without_points_of_both_is_left_out() -> None:
    # 4 points: 2 parts of 0 … 10; the second curve has all its points in the first but the last.
    one = curve({0: 1, 1: 1, 2: 1, 10: 5})
    two = curve({0: 2, 1: 2, 2: 2, 3: 2, 4: 2})
    found = matched(one, two, Span(0, 10), "tokens")
    assert found is not None
    assert (found.value.tolist(), found.baseline.tolist()) == ([1], [2])


def test_curves_that_do_not_meet() -> None:
    one, two = curve({0: 1, 1: 1, 8: 1}), curve({7: 1})
    assert matched(one, two, Span(0, 5), "step") is None
    assert matched(one, two, Span(0, 8), "time") is not None


def test_sums_of_large_values_stay_finite() -> None:
    (means,) = part_means([curve({0: 1e308, 1: 1e308, 2: 1e308, 3: 1e308})], Span(0, 3), 1)
    assert means.tolist() == pytest.approx([1e308])


POINTS = st.dictionaries(st.integers(0, 50), st.floats(-1e3, 1e3), min_size=1).map(
    lambda points: curve(dict(sorted(points.items())))
)


@given(POINTS, POINTS, st.sampled_from(["step", "time"]))
def test_matching_is_symmetric_and_stays_within_what_was_logged(
    one: Curve, two: Curve, axis: str
) -> None:
    span = common_span([one, two])
    if span is None:
        return
    found, turned = matched(one, two, span, axis), matched(two, one, span, axis)
    if found is None or turned is None:
        assert found is turned
        return
    assert found.value.tolist() == turned.baseline.tolist()
    assert found.baseline.tolist() == turned.value.tolist()
    for values, source in ((found.value, one), (found.baseline, two)):
        inside = source.within(span).value
        slack = 1e-9 * (1.0 + np.abs(inside).max())
        assert values.min() >= inside.min() - slack
        assert values.max() <= inside.max() + slack


@given(POINTS, st.integers(1, 30))
def test_parts_together_hold_every_point(points: Curve, parts: int) -> None:
    span = Span(float(points.position[0]), float(points.position[-1]))
    (means,) = part_means([points], span, parts)
    ones = Curve(points.position, np.ones(len(points)))
    assert np.nansum(part_means([ones], span, parts)[0]) == np.isfinite(means).sum()
