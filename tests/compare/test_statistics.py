"""The statistics against SciPy, theory and hand calculation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats

from dakota_wh.compare.batch_means import correlation_time, mean_interval
from dakota_wh.compare.seeds import Resampling, iqm, iqms, probability_higher, welch
from dakota_wh.compare.student_t import two_sided_quantile, two_sided_tail

SCORES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40).map(np.array)
SOME = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0]), min_size=2, max_size=12).map(np.array)


def wander(keep: float, points: int, rng: np.random.Generator) -> np.ndarray:
    noise: np.ndarray = signal.lfilter([1.0], [1.0, -keep], rng.standard_normal(points + 1000))
    return noise[1000:]


@given(st.floats(0.5, 0.9999), st.floats(0.7, 1000.0))
@settings(max_examples=60)
def test_quantiles_of_t(confidence: float, df: float) -> None:
    expected = stats.t.ppf(0.5 + confidence / 2.0, df)
    assert two_sided_quantile(confidence, df) == pytest.approx(expected, rel=1e-8)


@given(st.floats(0.0, 50.0), st.floats(0.7, 1000.0))
@settings(max_examples=60)
def test_tail_of_t(t: float, df: float) -> None:
    assert two_sided_tail(t, df) == pytest.approx(2.0 * stats.t.sf(t, df), rel=1e-8, abs=1e-7)


@given(SCORES)
def test_interquartile_mean(scores: np.ndarray) -> None:
    expected = stats.trim_mean(scores, 0.25)
    assert iqm(scores) == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_interquartile_mean_by_hand() -> None:
    # A quarter of 3 is less than one: nothing is cut. Of 4, and of 7, one on either side.
    assert iqm(np.array([1.0, 2.0, 6.0])) == 3.0
    assert iqm(np.array([9.0, 1.0, 2.0, 4.0])) == 3.0
    assert iqm(np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 99.0])) == 3.0


@pytest.mark.filterwarnings("ignore:Precision loss occurred:RuntimeWarning")
@given(SOME, SOME)
def test_welch(one: np.ndarray, two: np.ndarray) -> None:
    found = welch(one, two, 0.9)
    assert found.value == pytest.approx(one.mean() - two.mean(), abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    if one.var() + two.var() == 0.0:
        assert found.low == found.high == found.value
        return
    expected = stats.ttest_ind(one, two, equal_var=False).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(SOME, SOME)
def test_probability_is_that_of_mann_and_whitney(one: np.ndarray, two: np.ndarray) -> None:
    resampling = Resampling(100, 0.95, 0)
    draws = [resampling.draws(x.size, name) for x, name in ((one, "a"), (two, "b"))]
    found = probability_higher(one, two, resampling, *draws)
    statistic = stats.mannwhitneyu(one, two, method="asymptotic").statistic
    assert found.value == pytest.approx(statistic / (one.size * two.size), abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert 0.0 <= found.low <= found.high <= 1.0
    # Every bootstrap value by its definition, pair by pair.
    drawn = [
        ((a[:, None] > b[None]) + 0.5 * (a[:, None] == b[None])).mean()
        for a, b in zip(one[draws[0]], two[draws[1]], strict=True)
    ]
    expected = np.quantile(drawn, [0.025, 0.975])
    assert [found.low, found.high] == pytest.approx(expected, abs=1e-9)


def test_bootstrap_is_the_percentile_bootstrap_of_scipy() -> None:
    scores = np.random.default_rng(5).gamma(2.0, size=12)
    resampling = Resampling(20_000, 0.95, 0)
    found = resampling.interval(iqm(scores), iqms(scores[resampling.draws(12, "m", "g")]))
    expected = stats.bootstrap(
        (scores,),
        lambda x, axis: stats.trim_mean(x, 0.25, axis=axis),
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    width = expected.confidence_interval.high - expected.confidence_interval.low
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.03 * width)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.03 * width)


def test_draws_are_the_same_for_the_same_names_only() -> None:
    one, again = Resampling(50, 0.95, 7), Resampling(50, 0.95, 7)
    assert (one.draws(4, "m", "g") == again.draws(4, "m", "g")).all()
    assert (one.draws(4, "m", "g") != one.draws(4, "m", "h")).any()
    assert (one.draws(4, "m", "g") != Resampling(50, 0.95, 8).draws(4, "m", "g")).any()


def test_coverage_over_seeds() -> None:
    rng, resampling, held = np.random.default_rng(3), Resampling(400, 0.95, 0), 0
    for trial in range(200):
        groups = [rng.standard_normal(8) + shift for shift in (0.5, 0.0)]
        drawn = [iqms(g[resampling.draws(8, str(trial), str(i))]) for i, g in enumerate(groups)]
        found = resampling.interval(0.5, drawn[0] - drawn[1])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.5 <= found.high
    assert held >= 180


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.9])
def test_correlation_time_of_a_long_series(keep: float) -> None:
    rng = np.random.default_rng(11)
    found = [correlation_time(wander(keep, 20_000, rng)) or 0.0 for _ in range(9)]
    time = (1.0 + keep) / (1.0 - keep)
    assert 0.9 * time < float(np.median(found)) < 2.25 * time


def test_slow_wandering_is_seen_under_white_noise() -> None:
    rng = np.random.default_rng(13)
    slow = [wander(0.98, 4000, rng) * math.sqrt(1.0 - 0.98**2) for _ in range(9)]
    found = [correlation_time(x + 1.5 * rng.standard_normal(4000)) or 0.0 for x in slow]
    # That of the wandering is 99; lag 1 of the sum is 0.3, and says 1.9.
    assert 60.0 < float(np.median(found)) < 240.0


def test_correlation_time_does_not_see_a_straight_line() -> None:
    values = np.random.default_rng(2).standard_normal(400)
    drift = values + np.linspace(0.0, 50.0, 400)
    assert correlation_time(drift) == pytest.approx(correlation_time(values), rel=0.1)
    assert correlation_time(np.linspace(0.0, 1.0, 30)) == 1.0


def test_batch_means_by_hand() -> None:
    values = np.random.default_rng(4).standard_normal(200) + 3.0
    found = mean_interval(values, 0.95)
    assert found.batches == 20
    means = values.reshape(20, 10).mean(axis=1)
    expected = stats.t.interval(0.95, 19, means.mean(), stats.sem(means))
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-9)
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)


def test_batches_are_fewer_where_values_hang_together() -> None:
    values = wander(0.8, 400, np.random.default_rng(6))
    found = mean_interval(values, 0.95)
    assert found.effective is not None
    assert 8.0 < found.effective < 80.0  # 44 for a series without end
    assert found.batches == max(int(found.effective / 5.0), 5)
    means = [part.mean() for part in np.array_split(values, found.batches)]
    half = stats.t.ppf(0.975, found.batches - 1) * stats.sem(means)
    assert found.low == pytest.approx(values.mean() - half, rel=1e-9)


@pytest.mark.parametrize(("keep", "points", "at_most"), [(0.0, 50, 20), (0.8, 250, 24)])
def test_false_alarms_on_noise(keep: float, points: int, at_most: int) -> None:
    rng, alarms = np.random.default_rng(8), 0
    silent = 0
    for _ in range(200):
        found = mean_interval(wander(keep, points, rng) - wander(keep, points, rng), 0.95)
        if found.low is None or found.high is None:
            silent += 1
        else:
            alarms += found.low > 0.0 or found.high < 0.0
    assert silent <= 30
    assert alarms <= at_most
    assert alarms >= 2  # an interval that never errs is too wide


def test_no_interval_without_enough_that_is_independent() -> None:
    assert mean_interval(np.arange(5.0), 0.95).low is None
    assert mean_interval(np.array([1.0]), 0.95).effective == 1.0
    slow = mean_interval(np.cos(np.linspace(0.0, 2.0 * math.pi, 300)), 0.95)
    assert slow.low is None
    assert slow.effective is not None
    assert slow.effective < 8.0


def test_constants_and_extremes() -> None:
    same = mean_interval(np.full(20, 0.1), 0.95)
    assert (same.mean, same.low, same.high) == (0.1, 0.1, 0.1)
    huge = np.random.default_rng(9).standard_normal(100) * 1e307
    found, scaled = mean_interval(huge, 0.95), mean_interval(huge / 1e307, 0.95)
    assert found.low is not None
    assert scaled.low is not None
    assert found.low / 1e307 == pytest.approx(scaled.low, rel=1e-9)
    tiny = mean_interval(huge / 1e307 * 1e-300, 0.95)
    assert tiny.effective == pytest.approx(scaled.effective, rel=1e-9)


def test_what_rliable_says() -> None:
    """Compare with what rliable 1.2.0 gave for these scores as one task, 50,000 resamples."""
    a = np.array([0.31, 0.36, 0.29, 0.41, 0.33, 0.38, 0.35, 0.3, 0.44, 0.37])
    b = np.array([0.35, 0.42, 0.36, 0.4, 0.47, 0.39, 0.45, 0.36])
    resampling = Resampling(50_000, 0.95, 0)
    draws = {"a": resampling.draws(10, "m", "a"), "b": resampling.draws(8, "m", "b")}
    for scores, name, middle, low, high in (
        (a, "a", 0.35, 0.31833333, 0.38666667),
        (b, "b", 0.3925, 0.36, 0.4375),
    ):
        found = resampling.interval(iqm(scores), iqms(scores[draws[name]]))
        assert found.value == pytest.approx(middle, rel=1e-12)
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.002)
    above = probability_higher(b, a, resampling, draws["b"], draws["a"])
    assert above.value == pytest.approx(0.75625, rel=1e-12)
    assert (above.low, above.high) == pytest.approx((0.51234375, 0.95), abs=0.015)
