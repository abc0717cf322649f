"""What a reward is made of: weights that a fit finds, and what it says where it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.ingest import components
from dakota_wh.ingest.components import Values, explain
from dakota_wh.warehouse.components import Component

Columns = Mapping[str, np.ndarray]


def noise(seed: int, rows: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, rows)


def at(values: np.ndarray | Sequence[float], steps: Sequence[int] | None = None) -> Values:
    array = np.asarray(values, dtype=float)
    return Values(np.arange(array.size) if steps is None else np.asarray(steps), array)


def explain_at_once(metric: str, reward: Values, columns: Mapping[str, Values]) -> list[Component]:
    return explain(metric, columns, lambda: iter([(reward, columns)]))


def explained(reward: np.ndarray, columns: Columns) -> dict[str, Component]:
    rows = explain_at_once(
        "reward", at(reward), {name: at(values) for name, values in columns.items()}
    )
    assert [row.metric for row in rows] == sorted(columns)
    assert all(row.evidence and row.method == components.METHOD for row in rows)
    return {row.metric: row for row in rows}


def weights(rows: Mapping[str, Component]) -> dict[str, float | None]:
    return {name: row.weight for name, row in rows.items()}


def test_an_exact_sum() -> None:
    a, b = noise(1), noise(2)
    rows = explained(0.25 * a + 2.0 * b, {"a": a, "b": b})
    assert weights(rows) == pytest.approx({"a": 0.25, "b": 2.0}, rel=1e-9)
    for row in rows.values():
        assert (row.state, row.samples, row.dead) == ("weighted", 60, False)
        assert row.r2 == pytest.approx(1.0, abs=1e-12)
        assert row.residual == pytest.approx(0.0, abs=1e-12)
        assert row.intercept == 0.0


def test_contributions_add_up_to_the_improvement() -> None:
    a, b = np.linspace(0, 1, 41), noise(2, 41)
    reward = 0.3 * a - 0.1 * b
    rows = explained(reward, {"a": a, "b": b})
    for name, values, weight in (("a", a, 0.3), ("b", b, -0.1)):
        gain = weight * (values[20:].mean() - values[:20].mean())
        assert rows[name].contribution == pytest.approx(gain, rel=1e-9)
    improvement = reward[20:].mean() - reward[:20].mean()
    assert sum(r.contribution or 0 for r in rows.values()) == pytest.approx(improvement, rel=1e-9)
    assert sum(r.share or 0 for r in rows.values()) == pytest.approx(1.0, rel=1e-9)


def test_what_never_moved_has_no_weight() -> None:
    a, dead, one = noise(1), np.zeros(60), np.full(60, 0.5)
    rows = explained(0.4 * a, {"a": a, "dead": dead})
    assert rows["a"].weight == pytest.approx(0.4)
    assert rows["a"].assumed_weight_left is None
    assert (rows["dead"].state, rows["dead"].dead, rows["dead"].weight) == (
        "never moved", True, None
    )  # fmt: skip
    assert "cannot be found" in rows["dead"].evidence
    assert (rows["dead"].contribution, rows["dead"].share) == (0.0, 0.0)
    assert rows["dead"].assumed_weight_left == pytest.approx(0.6)
    rows = explained(0.4 * a + 0.2 * one, {"a": a, "one": one})
    assert (rows["one"].state, rows["one"].dead) == ("never moved", False)
    assert rows["a"].weight == pytest.approx(0.4)
    assert rows["a"].intercept == pytest.approx(0.1)
    # 0.6 of it would add 0.3, and 0.1 is what is added.
    assert rows["one"].assumed_weight_left is None


@pytest.mark.parametrize(
    ("used", "added", "constants", "left"),
    [
        (0.4, 0.3, [0.5], 0.6),
        (0.4, 0.0, [0.0], 0.6),
        (0.4, 0.1, [0.0, 0.5], 0.6),
        (0.4, 0.4, [0.0, 0.5], None),  # 0.6 of 0.5 is the most that they can add
        (0.4, 0.1, [0.0], None),  # nothing that is logged adds it
        (0.4, 0.0, [0.5], None),  # it would show
        (1.0, 0.0, [0.0], 0.0),
        (1.7, 0.0, [0.0], None),
        (-0.5, 0.0, [0.0], 1.5),  # a penalty
    ],
)
def test_what_is_left_is_told_where_nothing_refutes_it(
    used: float, added: float, constants: list[float], left: float | None
) -> None:
    still = {f"still {n}": np.full(60, value) for n, value in enumerate(constants)}
    rows = explained(used * noise(1) + added, {"a": noise(1), **still})
    assert weights(rows)["a"] == pytest.approx(used)
    for name in still:
        found = rows[name].assumed_weight_left
        assert found == (None if left is None else pytest.approx(left, abs=1e-9))


def test_nothing_moves() -> None:
    rows = explained(noise(1), {"dead": np.zeros(60)})
    assert (rows["dead"].state, rows["dead"].r2, rows["dead"].contribution) == (
        "never moved", None, None
    )  # fmt: skip
    rows = explained(np.full(60, 0.5), {"a": noise(1)})
    assert (rows["a"].state, rows["a"].weight, rows["a"].r2) == ("too few steps", None, None)
    assert "never moved" in rows["a"].evidence


def test_what_moves_only_together_cannot_be_told_apart() -> None:
    a, b = noise(1), noise(2)
    columns = {"a": a, "twice a": 2 * a, "b": b}
    rows = explained(a + 3.0 * b, columns)
    assert weights(rows) == {"a": None, "b": pytest.approx(3.0), "twice a": None}
    assert rows["a"].state == rows["twice a"].state == "not separable"
    assert "together with twice a:" in rows["a"].evidence
    assert rows["b"].state == "weighted"
    sums = {"a": a, "b": b, "c": a + b, "d": noise(4)}
    rows = explained(2.0 * sums["d"] + a, sums)
    assert weights(rows) == {"a": None, "b": None, "c": None, "d": pytest.approx(2.0)}
    assert "b, c" in rows["a"].evidence


def test_a_reward_that_is_no_sum() -> None:
    a, b = noise(1), noise(2)
    rows = explained(a * b, {"a": a, "b": b, "dead": np.zeros(60)})
    assert weights(rows) == {"a": None, "b": None, "dead": None}
    assert {row.state for row in rows.values()} == {"no weighted sum", "never moved"}
    for row in rows.values():
        assert row.r2 is not None
        assert 0.3 < row.r2 < 0.999
        assert row.contribution is None
        assert row.assumed_weight_left is None


def test_a_common_trend_is_no_sum() -> None:
    ramp = np.linspace(0, 1, 400)
    reward, other = ramp + 0.001 * noise(1, 400), ramp + 0.001 * noise(2, 400)
    (row,) = explained(reward, {"other": other}).values()
    assert row.r2 is not None
    assert row.r2_of_changes is not None
    assert row.r2 > components.WEIGHTED_SUM_R2
    assert row.r2_of_changes < 0.6
    assert (row.state, row.weight) == ("no weighted sum", None)


def test_nearly_a_sum_and_single_precision() -> None:
    a, b = noise(1, 300), noise(2, 300)
    rows = explained(0.5 * a + 0.5 * b + 1e-3 * noise(3, 300), {"a": a, "b": b})
    assert weights(rows) == pytest.approx({"a": 0.5, "b": 0.5}, abs=5e-3)
    single = (0.5 * a + 0.25 * b).astype(np.float32).astype(float)
    columns = {"a": a.astype(np.float32).astype(float), "b": b.astype(np.float32).astype(float)}
    assert weights(explained(single, columns)) == pytest.approx({"a": 0.5, "b": 0.25}, abs=1e-6)


def test_missing_values_and_rows_that_are_not_numbers() -> None:
    a, b, sparse = noise(1), noise(2), noise(3)
    reward = 0.5 * a + 0.25 * b
    reward[3] = np.nan
    given = {
        "a": at(np.where(np.arange(60) == 7, np.inf, a)),
        "b": at(b[10:], range(10, 60)),
        "sparse": at(sparse[::10], range(0, 60, 10)),
        "elsewhere": at(sparse, range(100, 160)),
        "never": at([]),
    }
    rows = {row.metric: row for row in explain_at_once("reward", at(reward), given)}
    assert rows["a"].weight == pytest.approx(0.5)
    assert rows["b"].weight == pytest.approx(0.25)
    assert rows["a"].samples == 50
    for name in ("sparse", "elsewhere", "never"):
        assert (rows[name].state, rows[name].weight) == ("too few steps", None)
    assert "at 6 of the reward's 59 steps" in rows["sparse"].evidence


def test_one_that_moves_only_where_another_is_not_logged() -> None:
    a = noise(1)
    b = np.where(np.arange(60) < 20, noise(2), 0.5)
    rows = explain_at_once("r", at(a + b), {"a": at(a[20:], range(20, 60)), "b": at(b)})
    found = {row.metric: row for row in rows}
    assert found["b"].state == "never moved"
    assert found["a"].weight == pytest.approx(1.0)
    assert found["a"].intercept == pytest.approx(0.5)


def test_too_few_steps() -> None:
    a = noise(1, 10)
    (row,) = explained(a, {"a": a}).values()
    assert (row.state, row.weight) == ("too few steps", None)
    assert "10 steps have all of them, 11 are needed" in row.evidence
    a = noise(1, 11)
    (row,) = explained(a, {"a": a}).values()
    assert row.weight == pytest.approx(1.0)
    assert explain_at_once("r", at([]), {"a": at(a)}) == []
    assert explain_at_once("r", at([np.nan]), {"a": at(a)}) == []
    assert explain_at_once("r", at(a), {}) == []


@pytest.mark.parametrize("size", [1e-300, 1e-12, 1e12, 1e300])
def test_any_size(size: float) -> None:
    a, b = noise(1), noise(2) * size
    rows = explained(size * (0.5 * a) + 0.25 * b, {"a": a, "b": b})
    assert rows["a"].weight == pytest.approx(0.5 * size, rel=1e-6)
    assert rows["b"].weight == pytest.approx(0.25, rel=1e-6)


def test_which_components_stand_beside_the_reward() -> None:
    of_reward = components.of_reward
    assert of_reward("reward/mean", ["metrics/b", "metrics/a"]) == ["metrics/a", "metrics/b"]
    agg = "train/agg/effective/"
    env = "train/wordle/effective/metrics/win/mean"
    both = [f"{agg}metrics/win/mean", f"{agg}rewards/win/mean", env]
    assert of_reward(f"{agg}reward/mean", both) == [f"{agg}rewards/win/mean"]
    assert of_reward(f"{agg}reward/mean", [both[0], env]) == [both[0]]
    assert of_reward(f"{agg}reward/mean", [env]) == [env]
    agent = [f"{agg}solver/metrics/win/mean", f"{agg}judge/metrics/win/mean"]
    assert of_reward(f"{agg}solver/reward/mean", agent) == agent[:1]
    assert of_reward("train/reward", ["train/rewards/f/mean"]) == ["train/rewards/f/mean"]
    assert of_reward("env/all/reward/total", ["env/all/x", "env/t/x"]) == ["env/all/x"]


@settings(max_examples=60)
@given(
    st.lists(st.floats(-3, 3).filter(lambda w: abs(w) > 1e-3), min_size=1, max_size=5),
    st.integers(0, 2**32 - 1),
    st.floats(-2, 2),
)
def test_any_weights_are_found(true: list[float], seed: int, constant: float) -> None:
    """Against the weights that the sum was made with; numpy's own solver is not asked."""
    random = np.random.default_rng(seed)
    columns = {f"m{i}": random.normal(size=200) for i in range(len(true))}
    reward = sum((w * columns[f"m{i}"] for i, w in enumerate(true)), np.full(200, constant))
    rows = explained(reward, columns)
    expected = {f"m{i}": w for i, w in enumerate(true)}
    assert weights(rows) == pytest.approx(expected, rel=1e-6, abs=1e-8)
    span = float(np.ptp(reward))
    assert rows["m0"].intercept == pytest.approx(constant, abs=components.NOTHING * span)
    assert (rows["m0"].residual or 0) < components.NOTHING * span


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30), max_size=4),
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30),
)
def test_anything_is_answered_with_finite_numbers(
    columns: list[list[float]], reward: list[float]
) -> None:
    given = {f"m{i}": at(values) for i, values in enumerate(columns)}
    for row in explain_at_once("r", at(reward), given):
        assert row.state in {
            components.WEIGHTED, components.NEVER_MOVED, components.INSEPARABLE,
            components.SPARSE, components.NO_SUM,
        }  # fmt: skip
        assert row.weight is None or row.state == components.WEIGHTED


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 5),
    st.sampled_from([0.0, 1e-3, 1.0]),
    st.sampled_from([0.0, 1e6]),
    st.lists(st.integers(1, 59), max_size=4),
)
@settings(max_examples=60)
def test_what_comes_in_blocks_is_explained_as_at_once(
    seed: int, width: int, blur: float, offset: float, ends: list[int]
) -> None:
    random = np.random.default_rng(seed)
    columns = {f"c{n}": at(offset + random.normal(size=60)) for n in range(width)}
    columns["dead"] = at(np.zeros(60))
    columns["late"] = at(random.normal(size=40), range(20, 60))
    reward = at(sum(c.values for c in columns.values() if c.values.size == 60) + blur * noise(seed))
    cuts = sorted({0, 60, *ends})

    def some(values: Values, start: int, stop: int) -> Values:
        inside = (values.steps >= start) & (values.steps < stop)
        return Values(values.steps[inside], values.values[inside])

    def blocks() -> Iterator[tuple[Values, dict[str, Values]]]:
        for start, stop in pairwise(cuts):
            yield some(reward, start, stop), {n: some(c, start, stop) for n, c in columns.items()}

    whole = explain_at_once("reward", reward, columns)
    for one, other in zip(explain("reward", columns, blocks), whole, strict=True):
        for name, value in asdict(other).items():
            got = getattr(one, name)
            if isinstance(value, float):
                slack = 1e-8 + 1e-12 * offset * max(1, abs(value))  # what cancels
                assert got == pytest.approx(value, rel=1e-8, abs=slack, nan_ok=True), name
            elif name != "evidence":  # it tells a residual of rounding errors
                assert got == value, name
