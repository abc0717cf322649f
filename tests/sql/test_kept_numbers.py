"""The numbers that are kept with a series are those that the views compute where none are kept."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dakota_wh.warehouse.series_numbers import Numbers, numbers

if TYPE_CHECKING:
    from tests.sql.conftest import Ask, Row, Tables

HIGHEST = 1.7976931348623157e308
VIEWS = ("metric_stats", "metric_trends", "metric_health")

Series = list[float]
anything = st.floats() | st.sampled_from([0.0, -0.0, 0.1, 1e308, -1e308, 1e-310, HIGHEST, 1e100])
hostile = st.one_of(
    st.lists(anything, min_size=1, max_size=30),
    st.builds(lambda value, n: [value] * n, anything, st.integers(1, 30)),
    st.lists(st.integers(-3, 3).map(float), min_size=11, max_size=30),
    st.lists(st.sampled_from([math.nan, math.inf, -math.inf]), min_size=1, max_size=12),
    st.lists(st.floats(0.8, 1.0), min_size=11, max_size=40),
    st.lists(st.floats(1e6, 1e6 + 1), min_size=11, max_size=40),  # far from 0, close together
    st.lists(st.floats(-1e-300, 1e-300), min_size=2, max_size=20),
    st.lists(st.floats(-1e300, 1e300), min_size=11, max_size=20),
)


def test_by_hand() -> None:
    got = numbers(np.arange(5, 17), np.array([math.nan, *range(1, 11), 0.9], dtype=float))
    exact = replace(got, std=None, improvement=None, improvement_pct=None)
    assert exact == Numbers(
        numbers=1,
        mean=55.9 / 11,
        median=5.0,
        min=0.9,
        max=10.0,
        initial=1.0,
        final=0.9,
        initial_step=6,
        final_step=16,
        first_half_mean=3.0,
        second_half_mean=40.9 / 6,
        high_values=6,
    )
    assert got.std == pytest.approx(statistics.stdev([*range(1, 11), 0.9]), rel=1e-14)
    assert got.improvement == pytest.approx(40.9 / 6 - 3.0, rel=1e-15)
    assert got.improvement_pct == pytest.approx((40.9 / 6 - 3.0) / 3.0 * 100, rel=1e-15)


@settings(max_examples=50)
@given(many=st.lists(hostile, min_size=1, max_size=6))
@example(many=[[0.1] * 12, [HIGHEST] * 12, [HIGHEST, -HIGHEST] * 8, [5e-324] * 3, [math.nan]])
@example(many=[[0.0] * 5 + [1.0] * 6, [-1.0] * 6 + [1.0] * 6, [1e-310] * 6 + [1e308] * 6])
def test_they_are_those_of_the_views(
    ask_again: Ask, new_tables: type[Tables], many: list[Series]
) -> None:
    computed, kept = new_tables(), new_tables()
    for tables in (computed, kept):
        tables.run("r", "orchestrator", duplicate_steps=0)
        for place, values in enumerate(many):
            tables.metric("r", f"score {place}", values)
    for row, values in zip(kept.rows["stored_series"], many, strict=True):
        row.update(asdict(numbers(np.arange(len(values)), np.array(values))))
    kept.rows["stored_metrics"].clear()  # nothing is computed from them
    for view in VIEWS:
        query = f"FROM {view} ORDER BY metric"
        want, got = ask_again(computed, query), ask_again(kept, query)
        assert [row["metric"] for row in got] == [row["metric"] for row in want]
        for one, other in zip(got, want, strict=True):
            place = int(str(one["metric"]).split()[1])
            agree(view, one, other, many[place])


def agree(view: str, got: Row, want: Row, values: Series) -> None:
    finite = [value for value in values if math.isfinite(value)]
    peak = max(map(abs, finite), default=0.0)
    assert got.keys() == want.keys()
    for name, value in want.items():
        if name == "improvement_pct":
            half_mean = want["first_half_mean"]
            # Relative to what the halves' means are exact to.
            slack = 1e-12 * peak / abs(half_mean) * 1e2 if half_mean else 0.0
            assert same(got[name], value, max(abs(value or 0.0), slack * 1e12)), (view, name)
        elif isinstance(value, float) or isinstance(got[name], float):
            exact = name in ("min", "max", "initial", "final", "high_share")
            assert same(got[name], value, 0.0 if exact else peak), (view, name, got[name], value)
        else:
            assert got[name] == value, (view, name)


def same(got: float | None, want: float | None, size: float) -> bool:
    """To 1e-12 of a size; at the edge of DOUBLE's range either may be undefined."""
    if got is None or want is None:
        return got is want or abs(got or want or 0.0) > 0.999999999 * HIGHEST
    return abs(got / 4 - want / 4) <= 1e-12 * size / 4 + 1e-321
