"""Statistics and half-split trends against values worked out by hand."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sql.conftest import Ask, Row, Tables

NAN, INF = math.nan, math.inf
HIGHEST = 1.7976931348623157e308

# Values by step, None for not logged -> first half's mean, second's, improvement and its percent;
# None: no row. The first six are the edge cases of the reference results.
Trend = tuple[float, float, float | None, float | None]
TRENDS: dict[str, tuple[Sequence[float | None], Trend | None]] = {
    "10 samples have no trend": ([*range(10)], None),
    "11 samples split 5 and 6": ([*range(11)], (2.0, 7.5, 5.5, 275.0)),
    "a first half of 0 has no percentage": ([0] * 5 + [1] * 6, (0.0, 1.0, 1.0, None)),
    "nulls do not count": ([1, None, 2, 3, 4, 5, 6, None, 7, 8, 9, 10], None),
    "nulls take no place": (
        [1, None, 2, 3, 4, 5, 6, None, 7, 8, 9, 10, 11],
        (3.0, 8.5, 5.5, 183.33333333333331),
    ),
    "a negative first half is taken without its sign": (
        [-1] * 6 + [1] * 6,
        (-1.0, 1.0, 2.0, 200.0),
    ),
    "NaN and Infinity take no place": (
        [1, NAN, 2, 3, 4, 5, 6, -INF, 7, 8, 9, 10, 11],
        (3.0, 8.5, 5.5, 183.33333333333331),
    ),
    "NaN and Infinity do not count": ([*range(10), NAN, INF], None),
    "constants do not change": ([0.1] * 12, (0.1, 0.1, 0.0, 0.0)),
    "huge values": ([1e308] * 6 + [1.5e308] * 6, (1e308, 1.5e308, 0.5e308, 50.0)),
    "the highest values": ([HIGHEST] * 13, (HIGHEST, HIGHEST, 0.0, 0.0)),
    "a difference beyond DOUBLE is NULL and its percentage is not": (
        [-1.7e308] * 6 + [1.7e308] * 6,
        (-1.7e308, 1.7e308, None, 200.0),
    ),
    "a percentage beyond DOUBLE is NULL": ([1e-300] * 6 + [1e10] * 6, (1e-300, 1e10, 1e10, None)),
}


@pytest.mark.parametrize("prefix", ["reward", "loss"])
def test_trends_of_the_edge_cases(ask: Ask, tables: Tables, prefix: str) -> None:
    tables.run("r", "orchestrator", completeness="complete")
    for name, (values, _) in TRENDS.items():
        tables.metric("r", f"{prefix}: {name}", values)
    view = "reward_trends" if prefix == "reward" else "training_trends"
    rows = {row["metric"].split(": ")[1]: row for row in ask(tables, f"FROM {view}")}
    assert set(rows) == {name for name, (_, expected) in TRENDS.items() if expected is not None}
    names = ("first_half_mean", "second_half_mean", "improvement", "improvement_pct")
    for name, row in rows.items():
        for column, expected in zip(names, TRENDS[name][1] or (), strict=True):
            wanted = None if expected is None else pytest.approx(expected, rel=1e-12, abs=1e-15)
            assert row[column] == wanted, (name, column)
        assert row["completeness"] == "complete"
    assert rows["11 samples split 5 and 6"]["samples"] == 11


def stats_of(ask: Ask, tables: Tables, values: list[float | None]) -> Row:
    tables.run("r", "orchestrator")
    tables.metric("r", "reward/mean", values)
    (row,) = ask(tables, "FROM reward_stats")
    return row


def test_stats_by_hand(ask: Ask, tables: Tables) -> None:
    row = stats_of(ask, tables, [None, 4, NAN, 1, 2, INF, 9, -INF, None])
    assert row == {
        "run_id": "r",
        "role": "orchestrator",
        "metric": "reward/mean",
        "samples": 4,
        "mean": 4.0,
        "median": 3.0,
        "std": pytest.approx(math.sqrt(38 / 3), rel=1e-12),
        "min": 1.0,
        "max": 9.0,
        "final": 9.0,
        "nonfinite": 3,
        "initial": 4.0,
        "first_step": 1,
        "last_step": 6,
        "completeness": None,
    }


def test_one_sample_has_no_standard_deviation(ask: Ask, tables: Tables) -> None:
    row = stats_of(ask, tables, [3.5])
    assert [row[c] for c in ("mean", "median", "min", "max", "final")] == [3.5] * 5
    assert (row["samples"], row["std"]) == (1, None)


def test_a_metric_that_was_never_finite_still_has_a_row(ask: Ask, tables: Tables) -> None:
    row = stats_of(ask, tables, [NAN, INF])
    assert (row["samples"], row["nonfinite"]) == (0, 2)
    undefined = ("mean", "median", "std", "min", "max", "final", "initial", "first_step")
    assert {row[column] for column in undefined} == {None}


def test_one_series_out_of_range_does_not_break_the_others(ask: Ask, tables: Tables) -> None:
    for run, values in {
        "highest": [HIGHEST] * 3,
        "apart": [-1.7e308, 1.7e308],
        "huge": [1e200, 2e200, 3e200],
        "tiny": [1e-200, 2e-200, 3e-200],
        "plain": [1.0, 2.0, 3.0],
    }.items():
        tables.run(run, "trainer")
        tables.metric(run, "score", values, role="trainer")
    rows = {row["run_id"]: row for row in ask(tables, "FROM reward_stats")}
    assert (rows["highest"]["mean"], rows["highest"]["std"]) == (HIGHEST, 0.0)
    assert (rows["apart"]["mean"], rows["apart"]["std"]) == (0.0, None)
    assert rows["huge"]["std"] == pytest.approx(1e200, rel=1e-12)
    assert rows["tiny"]["std"] == pytest.approx(1e-200, rel=1e-12)
    assert (rows["plain"]["mean"], rows["plain"]["std"]) == (2.0, 1.0)


def test_the_name_tells_rewards_from_the_rest(ask: Ask, tables: Tables) -> None:
    tables.run("r", "single")
    rewards = ["Reward", "critic/SCORE/mean", "val_reward/x", "scores"]
    others = ["loss/mean", "re_ward", "entropy"]
    for metric in rewards + others:
        tables.metric("r", metric, [*range(11)], role="single")
    parts = [
        f"SELECT '{kind}' AS kind, metric FROM {kind}_{view}"
        for kind in ("reward", "training")
        for view in ("stats", "trends")
    ]
    got = sorted((row["kind"], row["metric"]) for row in ask(tables, " UNION ALL ".join(parts)))
    expected = [("reward", metric) for metric in rewards] + [("training", m) for m in others]
    assert got == sorted(expected * 2)


def test_metrics_keeps_what_is_not_finite(ask: Ask, tables: Tables) -> None:
    tables.metric("r", "loss", {3: 1.0, 5: NAN, 7: INF, 9: 2.0})
    rows = ask(tables, "SELECT step, ord, value FROM metrics ORDER BY step")
    assert [(row["step"], row["ord"]) for row in rows] == [(3, 0), (5, None), (7, None), (9, 1)]
    assert math.isnan(rows[1]["value"])
    assert rows[2]["value"] == INF


def test_a_run_that_is_not_listed_has_statistics_all_the_same(ask: Ask, tables: Tables) -> None:
    tables.metric("r", "reward", [*range(11)])
    rows = ask(tables, "SELECT run_id, completeness FROM reward_stats UNION ALL "
               "SELECT run_id, completeness FROM reward_trends")  # fmt: skip
    assert rows == [{"run_id": "r", "completeness": None}] * 2


@pytest.mark.parametrize("values", [[1e9, 1e9 + 1e-3], [1e9 + i % 7 * 1e-3 for i in range(200)]])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_spread_of_values_far_from_zero(
    ask: Ask, tables: Tables, values: list[float], sign: int
) -> None:
    """One pass over the values would lose their digits: 4e-5 of the spread of the first case."""
    tables.metric("r", "reward", [sign * value for value in values])
    (row,) = ask(tables, "FROM reward_stats")
    exact = statistics.stdev(Fraction(value) for value in values)
    assert row["std"] == pytest.approx(float(exact), rel=1e-12)


def test_a_reward_metric_is_one_by_its_name_or_by_its_kind(ask: Ask, tables: Tables) -> None:
    names: dict[str, str | None] = {
        "rollout/ep_rew_mean": "reward",
        "metrics/turns": "reward_component",
        "my/Game_SCORE": None,
        "reward\nof two lines": None,
        "reward_time": None,
        "loss": "loss",
        "length": None,
    }
    for name, kind in names.items():
        tables.metric("r", name, [float(i) for i in range(12)], kind=kind)
    theirs = {"loss", "length"}
    for view, others in (("stats", "stats"), ("trends", "trends"), ("milestones", "")):
        rows = ask(tables, f"SELECT DISTINCT metric FROM reward_{view}")
        assert {row["metric"] for row in rows} == names.keys() - theirs
        if others:
            rows = ask(tables, f"SELECT metric FROM training_{others}")
            assert {row["metric"] for row in rows} == theirs
