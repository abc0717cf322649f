"""Statistics of random series, against exact arithmetic and against pandas."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.sql.conftest import Ask, Tables

HIGHEST = 1.7976931348623157e308

Series = list[float | None]
anything = st.floats() | st.sampled_from([0.0, -0.0, 0.1, 1e308, -1e308, 1e-310, HIGHEST, 1.0])
series = st.one_of(
    st.lists(anything | st.none(), max_size=30),
    st.builds(lambda value, n: [value] * n, anything, st.integers(1, 30)),
    st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=30),
)
ordinary = st.lists(
    st.floats(1e-3, 1e6) | st.sampled_from([math.nan, 1.0]), min_size=1, max_size=40
)


def finite(values: Series) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def mean(values: Sequence[float]) -> float:
    return float(sum(map(Fraction, values)) / len(values))


def deviation(values: Sequence[float]) -> float | None:
    """The exact sample standard deviation; None where there is none, or DOUBLE cannot hold it."""
    if len(values) < 2:
        return None
    exact = statistics.variance(list(map(Fraction, values)))
    with localcontext(prec=60, Emin=-9999, Emax=9999):
        root = (Decimal(exact.numerator) / Decimal(exact.denominator)).sqrt()
    return float(root) if root <= Decimal(HIGHEST) else None


def agrees(got: float | None, exact: float | None, peak: float) -> bool:
    """To 1e-9 of the series' greatest size, or the last bits of what DOUBLE can hold."""
    if got is None or exact is None:
        # A rounding error apart from the highest number, either may be out of range.
        return got is exact or max(got or 0, exact or 0) > 0.999999999 * HIGHEST
    return abs(got / 4 - exact / 4) <= 1e-9 * peak / 4 + 1e-321


@settings(max_examples=100)
@given(many=st.lists(series, min_size=1, max_size=6))
def test_stats_are_those_of_exact_arithmetic(
    ask_again: Ask, new_tables: type[Tables], many: list[Series]
) -> None:
    tables = new_tables()
    for number, values in enumerate(many):
        tables.metric("r", f"score {number}", values)
    rows = {row["metric"]: row for row in ask_again(tables, "FROM reward_stats")}
    for number, values in enumerate(many):
        logged, numbers = [v for v in values if v is not None], finite(values)
        row = rows.pop(f"score {number}", None)
        if row is None:
            assert not logged
            continue
        assert (row["samples"], row["nonfinite"]) == (len(numbers), len(logged) - len(numbers))
        if not numbers:
            assert row["mean"] is row["median"] is row["std"] is row["min"] is row["final"] is None
            continue
        peak = max(map(abs, numbers))
        assert (row["min"], row["max"]) == (min(numbers), max(numbers))
        assert (row["initial"], row["final"]) == (numbers[0], numbers[-1])
        assert agrees(row["mean"], mean(numbers), peak)
        assert agrees(row["median"], float(statistics.median(map(Fraction, numbers))), peak)
        assert agrees(row["std"], deviation(numbers), peak)
    assert not rows


@settings(max_examples=100)
@given(many=st.lists(series, min_size=1, max_size=6))
def test_trends_are_those_of_exact_arithmetic(
    ask_again: Ask, new_tables: type[Tables], many: list[Series]
) -> None:
    tables = new_tables()
    for number, values in enumerate(many):
        tables.metric("r", f"score {number}", values)
    rows = {row["metric"]: row for row in ask_again(tables, "FROM reward_trends")}
    for number, values in enumerate(many):
        numbers = finite(values)
        row = rows.pop(f"score {number}", None)
        assert (row is not None) == (len(numbers) > 10)
        if row is None:
            continue
        half, peak = len(numbers) // 2, max(map(abs, numbers))
        a, b = row["first_half_mean"], row["second_half_mean"]
        assert agrees(a, mean(numbers[:half]), peak)
        assert agrees(b, mean(numbers[half:]), peak)
        gain = Fraction(b) - Fraction(a)
        assert row["improvement"] == in_range(gain)
        assert row["improvement_pct"] == (in_range(gain / abs(Fraction(a)) * 100) if a else None)


def in_range(exact: Fraction) -> object:
    """What a column of DOUBLE can say of it; at the very edge of the range, anything."""
    if abs(exact) > Fraction(HIGHEST):
        return None
    return pytest.approx(float(exact), rel=1e-9, abs=1e-321)


@settings(max_examples=100)
@given(values=ordinary)
def test_stats_and_trends_are_those_of_pandas(
    ask_again: Ask, new_tables: type[Tables], values: list[float]
) -> None:
    tables = new_tables()
    tables.metric("r", "score", list(values))
    column = pd.Series(values, dtype=float).dropna()
    (row,) = ask_again(tables, "FROM reward_stats")
    assert row["samples"] == len(column)
    if len(column):
        assert row["mean"] == pytest.approx(column.mean(), rel=1e-9)
        assert row["median"] == pytest.approx(column.median(), rel=1e-9)
    if len(column) > 1:
        assert row["std"] == pytest.approx(column.std(), rel=1e-9, abs=1e-9)
    trends = ask_again(tables, "FROM reward_trends")
    assert len(trends) == (len(column) > 10)
    for trend in trends:
        half = len(column) // 2
        a, b = column.iloc[:half].mean(), column.iloc[half:].mean()
        assert trend["improvement"] == pytest.approx(b - a, rel=1e-9, abs=1e-7)
        assert trend["improvement_pct"] == pytest.approx((b - a) / abs(a) * 100, rel=1e-7, abs=1e-7)
