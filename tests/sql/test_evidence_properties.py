"""Trends, slopes and correlations of random series, against SciPy and NumPy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.sql.conftest import Ask, Row, Tables

Values = list[float | None]
BINS, BATCHES, LEAST_HALF = 20, 10, 50

SHAPES = ("noise", "ramp", "skewed", "few values", "constant", "plateau", "outlier", "walk")
series = st.tuples(
    st.sampled_from(SHAPES),
    st.integers(0, 2**32 - 1),  # the generator's seed
    st.integers(11, 130),  # how long
    st.sampled_from([0, 0, 0, 600, 900, -600, -900]),  # times 2 to the power of
    st.sampled_from([0.0, 0.0, 0.2]),  # the share that is NaN or not logged
)
rarely = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])


def made(shape: str, seed: int, length: int, power: int, holes: float) -> Values:
    random = np.random.default_rng(seed)
    steps = np.arange(length)
    y: np.ndarray = {
        "noise": random.normal(5, 1, length),
        "ramp": steps * random.normal() + random.normal(0, 1, length),
        "skewed": random.lognormal(0, 2, length),
        "few values": random.integers(0, 3, length).astype(float),
        "constant": np.full(length, random.normal()),
        "plateau": np.where(steps < length // 3, 0.3, 0.9),
        "outlier": random.normal(0, 1, length) + 1e6 * (steps == length // 2),
        "walk": random.normal(0, 1, length).cumsum(),
    }[shape]
    values: Values = [math.ldexp(float(value), power) for value in y]
    for index in np.flatnonzero(random.random(length) < holes):
        values[index] = random.choice([math.nan, math.inf]) if index % 2 else None
    return values


def points(values: Values, power: int) -> tuple[np.ndarray, np.ndarray]:
    """(steps, values) of the finite ones, without the power of two, which no statistic may feel."""
    kept = [(i, math.ldexp(v, -power)) for i, v in enumerate(values) if v and math.isfinite(v)]
    kept += [(i, 0.0) for i, v in enumerate(values) if v == 0]
    steps, finite = zip(*sorted(kept), strict=True) if kept else ((), ())
    return np.array(steps, float), np.array(finite, float)


def kendall(means: np.ndarray) -> tuple[int, float]:
    """Mann-Kendall's S and the variance that it has without a trend."""
    n = len(means)
    signs = np.sign(means[None, :] - means[:, None])
    _, ties = np.unique(means, return_counts=True)
    full = n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()
    return int(np.triu(signs, 1).sum()), float(full / 18)


def expected(x: np.ndarray, y: np.ndarray) -> dict[str, float | None]:
    n, half = len(y), len(y) // 2
    line = scipy.stats.linregress(x, y)
    centred = y - y.mean()
    acf = float((centred[1:] * centred[:-1]).sum() / (centred * centred).sum())
    found: dict[str, float | None] = {
        "ols_slope": line.slope,
        "ols_r2": line.rvalue**2,
        "lag1_autocorrelation": acf,
        "effective_samples": n * (1 - acf) / (1 + acf) if acf > 0 else n,
        "half_difference": y[half:].mean() - y[:half].mean(),
        "half_difference_se": None,
    }
    if half >= LEAST_HALF:
        size = [half // BATCHES, (n - half) // BATCHES]
        means = [
            y[start : start + BATCHES * m].reshape(BATCHES, m).mean(1)
            for start, m in zip((0, half), size, strict=True)
        ]
        found["half_difference_se"] = math.sqrt(sum(b.var(ddof=1) for b in means) / BATCHES)
    return found


def hanging_together(parts: np.ndarray) -> float:
    """Kendall's unbiased lag-1 autocorrelation around the straight line, held to [0, 0.95]."""
    place = np.arange(len(parts))
    line = scipy.stats.linregress(place, parts)
    rest = parts - line.intercept - line.slope * place
    r = float((rest[1:] * rest[:-1]).sum() / (rest * rest).sum())
    return min(max(r + (1 + 4 * r) / len(parts), 0.0), 0.95)


def turned(y: np.ndarray, parts: np.ndarray, s: int) -> float:
    """The largest move against the trend / with it, less what independent noise turns back."""
    moves = np.triu(parts[None, :] - parts[:, None], 1)
    along, against = (moves.max(), -moves.min())[:: 1 if s > 0 else -1]
    error = 0.0
    if len(y) >= 5 * len(parts):
        error = math.sqrt((np.diff(y) ** 2).mean() / 2 * len(parts) / len(y))
    if along >= 6 * error:
        against = max(against - 2 * error, 0.0)
    return float(against / along)


def scaled_back(row: Row, column: str, power: int) -> float | None:
    free = ("ols_r2", "lag1_autocorrelation", "effective_samples")
    value = row[column]
    return value if value is None or column in free else math.ldexp(value, -power)


def near(got: float | None, wanted: float | None, size: float) -> bool:
    """To 1e-9, or 1e-13 of the largest value where it is the difference of larger ones."""
    if got is None or wanted is None:
        return got is wanted
    return abs(got - wanted) <= max(1e-9 * abs(wanted), 1e-13 * size)


@rarely
@given(many=st.lists(series, min_size=4, max_size=10))
def test_trends_are_those_of_scipy(
    ask_again: Ask, new_tables: type[Tables], many: list[tuple[str, int, int, int, float]]
) -> None:
    tables = new_tables()
    for number, parameters in enumerate(many):
        tables.metric("r", f"score {number}", made(*parameters))
    rows = {row["metric"]: row for row in ask_again(tables, "FROM trend_evidence")}
    for number, parameters in enumerate(many):
        power = parameters[3]
        x, y = points(made(*parameters), power)
        row = rows.pop(f"score {number}", None)
        assert (row is not None) == (len(y) > 10)
        if row is None:
            continue
        assert row["samples"] == len(y)
        if y.min() == y.max():
            assert (row["verdict"], row["mk_z"]) == ("constant", None)
            assert (row["ols_slope"], row["ols_r2"], row["half_difference"]) == (0, None, 0)
            continue
        size = float(np.abs(y - np.median(y)).max())
        for column, wanted in expected(x, y).items():
            got = scaled_back(row, column, power)
            assert near(got, wanted, size), (column, parameters, got, wanted)

        means = np.array([part.mean() for part in np.array_split(y, min(BINS, len(y)))])
        gaps = np.abs(np.diff(np.sort(means))) / (size * 1e-6)
        if not ((gaps > 0) & (gaps < 1)).any():  # nothing that may or may not be a tie
            s, variance = kendall(means)
            assert (row["mk_bins"], row["mk_s"]) == (len(means), s)
            assert row["mk_variance"] == pytest.approx(variance)
            z = (s - np.sign(s)) / math.sqrt(variance) if variance else None
            assert row["mk_z"] == (z if z is None else pytest.approx(float(z)))
            if z is None or np.ptp(means) <= 1e-9 * size:
                continue
            rho = hanging_together(means)
            assert row["effective_parts"] == pytest.approx(len(means) * (1 - rho) / (1 + rho))
            assert row["mk_z_adjusted"] == pytest.approx(
                float(z) * math.sqrt((1 - rho) / (1 + rho))
            )
            if s:
                assert row["turned_back"] == pytest.approx(turned(y, means, s), rel=1e-4, abs=1e-5)
    assert not rows


@rarely
@given(many=st.lists(series, min_size=3, max_size=6))
def test_slopes_are_those_of_scipy(
    ask_again: Ask, new_tables: type[Tables], many: list[tuple[str, int, int, int, float]]
) -> None:
    tables = new_tables()
    for number, parameters in enumerate(many):
        tables.metric("r", f"score {number}", made(*parameters))
    for row in ask_again(tables, "FROM theil_sen"):
        parameters = many[int(row["metric"].split()[1])]
        x, y = points(made(*parameters), parameters[3])
        wanted = scipy.stats.theilslopes(y, x).slope
        got = math.ldexp(row["theil_sen_slope"], -parameters[3])
        assert got == pytest.approx(float(wanted), rel=1e-9, abs=1e-12), parameters
        assert row["pairs"] == len(y) * (len(y) - 1) // 2


@rarely
@given(one=series, other=series)
def test_correlations_are_those_of_scipy(
    ask_again: Ask,
    new_tables: type[Tables],
    one: tuple[str, int, int, int, float],
    other: tuple[str, int, int, int, float],
) -> None:
    tables = new_tables()
    tables.run("r", "single")
    for kind, parameters in (("reward", one), ("loss", other)):
        tables.metric("r", kind, made(*parameters), role="single", kind=kind, kind_rank=1)
    rewards = dict(zip(*(a.tolist() for a in points(made(*one), one[3])), strict=True))
    losses = dict(zip(*(a.tolist() for a in points(made(*other), other[3])), strict=True))
    rows = ask_again(tables, "FROM reward_loss_correlation")
    assert len(rows) <= 11
    for row in rows:
        steps = [step for step in sorted(rewards) if step + row["lag"] in losses]
        x = np.array([rewards[step] for step in steps])
        y = np.array([losses[step + row["lag"]] for step in steps])
        assert (row["n"], row["n_diff"]) == (len(x), len(x) - 1)
        same(row["pearson"], x, y)
        same(row["pearson_diff"], np.diff(x), np.diff(y))


def same(got: float | None, x: np.ndarray, y: np.ndarray) -> None:
    if len(x) < 3 or np.ptp(x) <= 1e-9 or np.ptp(y) <= 1e-9:
        assert got is None or np.ptp(x) * np.ptp(y) > 0
        return
    assert got == pytest.approx(float(scipy.stats.pearsonr(x, y).statistic), rel=1e-6, abs=1e-7)


def test_the_documented_quantile_is_that_of_students_t() -> None:
    assert scipy.stats.t.ppf(0.975, 2 * BATCHES - 2) == pytest.approx(2.10092204024096, rel=1e-13)


def test_noise_is_not_called_a_trend_more_often_than_the_header_says(
    ask_again: Ask, new_tables: type[Tables]
) -> None:
    """Ten seeds of white noise: about 5 in 100, and fewer by both tests."""
    tables: Any = new_tables()
    random = np.random.default_rng(7)
    for seed in range(10):
        for metric in range(8):
            values = random.normal(0, 1, 100).tolist()
            tables.metric(f"seed {seed}", f"loss {metric}", values, role="trainer")
    rows = ask_again(tables, "FROM trend_evidence")
    assert len(rows) == 80
    called = [row for row in rows if row["verdict"] != "not distinguishable"]
    assert len(called) <= 10
    assert len([row for row in called if row["support"] == "both tests"]) <= 5
    assert {row["better"] for row in rows} == {None}


def test_slow_wandering_is_not_called_a_trend(ask_again: Ask, new_tables: type[Tables]) -> None:
    """Each of 200 values keeps 0.95 of the one before: Mann-Kendall alone calls a third of them."""
    tables: Any = new_tables()
    random = np.random.default_rng(11)
    for number in range(60):
        value, values = float(random.normal()), []
        for noise in random.normal(0, math.sqrt(1 - 0.95**2), 200):
            value = 0.95 * value + float(noise)
            values.append(value)
        tables.metric("r", f"loss {number}", values, role="trainer")
    rows = ask_again(tables, "FROM trend_evidence")
    assert len([row for row in rows if row["mk_significant"]]) >= 12
    assert len([row for row in rows if row["verdict"] in ("rising", "falling")]) <= 9
    assert len([row for row in rows if row["tail_state"] in ("rising", "falling")]) <= 9


def test_noise_does_not_hide_a_rise(ask_again: Ask, new_tables: type[Tables]) -> None:
    """A rise that ends half-way, and a step, of twice to three times the noise's deviation."""
    tables: Any = new_tables()
    random = np.random.default_rng(12)
    x = np.arange(200) / 200
    for number in range(20):
        noise = random.normal(0, 0.3, 200)
        tables.metric("r", f"rise {number}", (np.minimum(2 * x, 1) + noise).tolist())
        tables.metric("r", f"step {number}", ((x > 0.5) + noise).tolist())
    rows = ask_again(tables, "FROM trend_evidence")
    assert len([row for row in rows if row["verdict"] == "rising"]) >= 34
