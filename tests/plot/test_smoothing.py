"""Smoothing gives what pandas' ewm and rolling give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dakota_wh.errors import UsageProblem
from dakota_wh.plot.smoothing import Smoothing, ema, parse_smoothing, trailing

FINITE = st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=80)
MIXED = st.lists(
    st.one_of(st.floats(-1e6, 1e6), st.sampled_from([np.nan, np.inf, -np.inf])), max_size=60
)


@given(FINITE, st.sampled_from([0.0, 0.1, 0.6, 0.9, 0.999]))
def test_ema_is_that_of_pandas(values: list[float], weight: float) -> None:
    expected = pd.Series(values).ewm(alpha=1 - weight, adjust=True).mean().to_numpy()
    scale = max(map(abs, values))
    assert_allclose(ema(np.array(values), weight), expected, rtol=1e-9, atol=1e-9 * scale)


@given(FINITE, st.integers(1, 100))
def test_the_trailing_mean_is_that_of_pandas(values: list[float], window: int) -> None:
    expected = [np.mean(values[max(0, i - window + 1) : i + 1]) for i in range(len(values))]
    rolling = pd.Series(values).rolling(window, min_periods=1).mean().to_numpy()
    scale = max(map(abs, values))
    found = trailing(np.array(values), window)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * scale)
    assert_allclose(found, rolling, rtol=1e-6, atol=1e-6 * scale)  # pandas adds and subtracts


def test_a_huge_value_does_not_blur_what_comes_after_it() -> None:
    values = np.array([1e17, *[0.1] * 10])
    assert trailing(values, 3)[3:].tolist() == pytest.approx([0.1] * 8, rel=1e-15)


@given(MIXED, st.sampled_from([Smoothing("ema", 0.6), Smoothing("ma", 5)]))
def test_what_is_not_finite_is_left_out(values: list[float], smoothing: Smoothing) -> None:
    given_ = np.array(values, dtype=np.float64)
    finite = np.isfinite(given_)
    smooth = smoothing(given_)
    assert np.isnan(smooth[~finite]).all()
    assert_allclose(smooth[finite], smoothing(given_[finite]))


def test_values_near_the_end_of_double_stay_finite() -> None:
    values = np.full(50, 1.7e308)
    for smoothing in (Smoothing("ema", 0.9), Smoothing("ma", 20)):
        assert_allclose(smoothing(values), values, rtol=1e-12)


def test_the_owners_ema_is_the_one_of_the_notes() -> None:
    # by hand: e = .6 e + .4 v, divided by 1 - .6^n
    assert ema(np.array([1.0, 2.0, 4.0]), 0.6).tolist() == pytest.approx(
        [1.0, (0.6 * 0.4 * 1 + 0.4 * 2) / 0.64, (0.36 * 0.4 + 0.6 * 0.8 + 1.6) / (1 - 0.216)]
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ema:0.6", Smoothing("ema", 0.6)),
        ("EMA:.95", Smoothing("ema", 0.95)),
        ("ema:0", Smoothing("ema", 0.0)),
        ("ma:20", Smoothing("ma", 20)),
    ],
)
def test_smoothings_have_names(text: str, expected: Smoothing) -> None:
    assert parse_smoothing(text) == expected


@pytest.mark.parametrize("text", ["", "ema", "ema:1", "ema:-1", "ma:0", "ma:1.5", "ma:nan", "x:1"])
def test_anything_else_is_no_smoothing(text: str) -> None:
    with pytest.raises(UsageProblem, match="smoothing"):
        parse_smoothing(text)
