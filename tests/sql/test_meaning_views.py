"""The views that say what the numbers mean, over hand-made tables: their edges and words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from dakota_wh.sql import views

if TYPE_CHECKING:
    from tests.sql.conftest import Ask, Row, Tables

NAN, INF = math.nan, math.inf
HIGHEST = 1.7976931348623157e308

ABOUT_METRICS = (
    "metric_frames",
    "metric_parts",
    "metric_health",
    "trend_evidence",
    "theil_sen",
    "reward_milestones",
)
ABOUT_RUNS = ("run_overview", "step_time", "run_comparison")
ABOUT_PAIRS = ("reward_loss_by_policy", "reward_loss_correlation", "training_dynamics")
ALL = ("main_metrics", "project_values", *ABOUT_METRICS, *ABOUT_RUNS, *ABOUT_PAIRS)


def by(rows: list[Row], column: str = "metric") -> dict[str, Row]:
    found = {row[column]: row for row in rows}
    assert len(found) == len(rows)
    return found


def single(tables: Tables, run_id: str = "r", **facts: object) -> None:
    tables.run(run_id, "single", **facts)


def kind(tables: Tables, name: str, values: Sequence[float | None], run_id: str = "r") -> None:
    """A run's main metric of a kind, under the kind's name."""
    tables.metric(run_id, name, values, role="single", kind=name, kind_rank=1)


# --- every view -----------------------------------------------------------------------------------


def test_an_empty_warehouse_has_empty_views(ask: Ask, tables: Tables) -> None:
    counts = " UNION ALL ".join(f"SELECT '{v}' AS view, count(*) AS n FROM {v}" for v in ALL)
    assert {row["view"]: row["n"] for row in ask(tables, counts)} == dict.fromkeys(ALL, 0)


def test_no_value_makes_a_view_fail_or_multiply(ask: Ask, tables: Tables) -> None:
    """One metric of every unpleasant shape as every kind, beside a plain one."""
    shapes: dict[str, list[float | None]] = {
        "plain": [float(i % 7) for i in range(60)],
        "never finite": [NAN, INF, -INF],
        "one": [1.0],
        "two": [0.0, 1.0],
        "highest": [HIGHEST] * 60,
        "apart": [HIGHEST, -HIGHEST] * 30,
        "huge ramp": [1e306 * i for i in range(60)],
        "tiny": [5e-324 * (i % 3) for i in range(60)],
        "one outlier": [1e300, *(float(i % 5) for i in range(59))],
        "holes": [None if i % 4 == 1 else NAN if i % 4 == 2 else float(i) for i in range(60)],
    }
    kinds = ("reward", "loss", "entropy", "kl", "grad_norm", "response_length", "truncation")
    for shape, values in shapes.items():
        single(tables, shape, duplicate_steps=0)
        tables.steps(shape, "single", [float(i) for i in range(60)])
        for name in (*kinds, "step_time", "throughput"):
            kind(tables, name, values, shape)
        names = ("progress/ckpt_step", "inference_probs/mean", "trainer_probs/mean")
        for name in (*names, "time/wait_for_batch"):
            tables.metric(shape, name, values, role="single")
    metrics = 13
    wanted = {
        "main_metrics": 9 * len(shapes),
        "metric_frames": metrics * (len(shapes) - 1),
        "metric_health": metrics * len(shapes),
        "run_overview": len(shapes),
        "step_time": len(shapes),
        "reward_loss_by_policy": 60 * len(shapes),
        "trend_evidence": metrics * (len(shapes) - 3),
    }
    # Every column is computed, and none of them is NaN or Infinity.
    found = {row["view"]: row for row in ask(tables, " UNION ALL ".join(map(counted, ALL)))}
    assert {view: found[view]["n"] for view in wanted} == wanted
    assert [view for view, row in found.items() if row["not_finite"]] == []


def counted(view: str) -> str:
    """How many rows a view has, and how many of them with a number that is none."""
    doubles = [c.name for c in views.find_view(view).columns if c.type == "DOUBLE"]
    finite = " AND ".join(f"coalesce(isfinite({name}), TRUE)" for name in doubles) or "TRUE"
    return (
        f"SELECT '{view}' AS view, count(*) AS n,"
        f" count(*) FILTER (WHERE NOT ({finite})) AS not_finite FROM {view}"
    )


# --- reward_loss_by_policy ------------------------------------------------------------------------


def test_the_policy_is_unknown_where_it_is_not_logged(ask: Ask, tables: Tables) -> None:
    single(tables)
    tables.steps("r", "single", [0.0] * 7)
    kind(tables, "reward", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    kind(tables, "loss", [10.0, 11.0, None, 13.0, 14.0, 15.0, 16.0])
    version = [0, 1, 1, 3, None, 2.5, 99]
    tables.metric("r", "progress/ckpt_step", version, role="single")
    rows = ask(tables, "FROM reward_loss_by_policy ORDER BY step")
    assert [row["policy_version"] for row in rows] == [0, 1, 1, 3, None, None, 99]
    assert [row["policy_step"] for row in rows] == [None, 0, 0, 2, None, None, 98]
    # Step 2 has no loss, and step 98 does not exist.
    assert [row["loss"] for row in rows] == [None, 10.0, 10.0, None, None, None, None]
    assert [row["reward"] for row in rows] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert {row["loss_metric"] for row in rows} == {"loss"}


def test_a_shared_run_takes_each_kind_from_its_writer(ask: Ask, tables: Tables) -> None:
    tables.run("s", "shared")
    tables.steps("s", "shared", [0.0] * 4)
    for name, writer, rank in (("a", "trainer", 1), ("b", "orchestrator", 2), ("c", None, 3)):
        values = [float(rank)] * 4
        facts = {"writer": writer, "kind_rank": rank, "role": "shared"}
        tables.metric("s", f"reward/{name}", values, kind="reward", **facts)  # type: ignore[arg-type]
        tables.metric("s", f"loss/{name}", values, kind="loss", **facts)  # type: ignore[arg-type]
    found = ask(tables, "SELECT kind, metric FROM main_metrics")
    assert {row["kind"]: row["metric"] for row in found} == {"reward": "reward/b", "loss": "loss/a"}
    (row, *_) = ask(tables, "FROM reward_loss_by_policy ORDER BY step")
    assert (row["reward"], row["policy_step"], row["loss"]) == (2.0, None, None)


# --- reward_loss_correlation ----------------------------------------------------------------------


def test_a_common_trend_is_no_common_change(ask: Ask, tables: Tables) -> None:
    single(tables)
    kind(tables, "reward", [i + 0.1 * (i % 2) for i in range(40)])
    kind(tables, "loss", [-i + 0.1 * (i // 2 % 2) for i in range(40)])
    kind(tables, "entropy", [0.1 * i for i in range(40)])
    kind(tables, "kl", [3.0] * 40)
    kind(tables, "grad_norm", [1.0, None, 2.0])
    rows = ask(tables, "FROM reward_loss_correlation")
    at_zero = by([row for row in rows if row["lag"] == 0])
    assert at_zero["loss"]["pearson"] < -0.99
    assert abs(at_zero["loss"]["pearson_diff"]) < 0.2
    # A ramp's changes are all the same, but for rounding.
    assert at_zero["entropy"]["pearson"] == pytest.approx(1, abs=1e-3)
    assert at_zero["entropy"]["pearson_diff"] is None
    assert (at_zero["kl"]["pearson"], at_zero["kl"]["pearson_diff"]) == (None, None)
    assert (at_zero["grad_norm"]["n"], at_zero["grad_norm"]["pearson"]) == (2, None)
    counts = sorted(row["n"] for row in rows if row["metric"] == "loss")
    assert counts == [35, 35, 36, 36, 37, 37, 38, 38, 39, 39, 40]


def test_the_lag_that_is_there_is_found(ask: Ask, tables: Tables) -> None:
    single(tables)
    wave = [math.sin(i * i) for i in range(60)]
    kind(tables, "reward", wave)
    kind(tables, "loss", [0.0, 0.0, *wave[:-2]])  # loss at s + 2 is the reward at s
    rows = ask(tables, "FROM reward_loss_correlation")
    best = max(rows, key=lambda row: row["pearson"])
    assert (best["lag"], best["n"]) == (2, 58)
    assert best["pearson"] == pytest.approx(1)
    assert best["pearson_diff"] == pytest.approx(1)


# --- reward_milestones ----------------------------------------------------------------------------


def test_milestones_need_samples_and_an_improvement(ask: Ask, tables: Tables) -> None:
    ramp = [float(i) for i in range(100)]
    cases: dict[str, Sequence[float | None]] = {
        "9 samples": ramp[:9],
        "10 samples": ramp[:10],
        "39 samples": ramp[:39],
        "falling": ramp[::-1],
        "late": [None, NAN, *ramp],
        "spiked": [0.0] * 30 + [100.0] + [0.0] * 29 + [10.0] * 40,
        "huge": [1e300 * i for i in range(100)],
    }
    for name, values in cases.items():
        tables.metric("r", f"score {name}", values)
    found: dict[str, list[tuple[object, ...]]] = {}
    for row in ask(tables, "FROM reward_milestones ORDER BY metric, milestone"):
        columns = ("milestone", "target", "step", "value", "robust_step")
        found.setdefault(row["metric"][6:], []).append(tuple(row[c] for c in columns))
    assert found["10 samples"] == [
        (25, 2.25, 3, 3.0, None),
        (50, 4.5, 5, 5.0, None),
        (75, 6.75, 7, 7.0, None),
        (90, 8.1, 9, 9.0, None),
    ]
    assert found["falling"] == [(m, None, None, None, None) for m in (25, 50, 75, 90)]
    assert [row[4] for row in found["39 samples"]] == [None] * 4
    assert [row[2] for row in found["late"]] == [27, 52, 77, 92]
    # One spike is enough for the seed's rule; smoothed, it is worth 5 of 10.
    assert [row[2] for row in found["spiked"]] == [30] * 4
    assert [row[4] for row in found["spiked"]] == [30, 30, 74, 77]
    assert [row[2] for row in found["huge"]] == [25, 50, 75, 90]
    assert found["huge"][1][4] == 60
    assert "9 samples" not in found


# --- metric_health --------------------------------------------------------------------------------


def test_sparse_is_not_faulty(ask: Ask, tables: Tables) -> None:
    tables.run("r", "orchestrator", duplicate_steps=0)
    tables.steps("r", "orchestrator", [float(i) for i in range(100)])
    every = {i: float(i) for i in range(0, 100, 20)}
    cases = {
        "dense": {i: float(i) for i in range(100)},
        "every 20": every,
        "one left out": {i: v for i, v in every.items() if i != 40},
        "holes": {i: float(i) for i in range(100) if i not in (10, 11, 50)},
        "stops": {i: float(i) for i in range(50)},
        "late": {i: float(i) for i in range(90, 100)},
        "irregular": dict.fromkeys((0, 1, 3, 7, 20, 21, 40, 90), 1.0),
        "once": {5: 1.0},
        "with NaN": {i: NAN if i % 2 else 1.0 for i in range(100)},
    }
    for name, values in cases.items():
        tables.metric("r", name, values)
    rows = by(ask(tables, "FROM metric_health"))
    columns = ("gaps", "stride", "regular", "unlogged", "unlogged_before", "unlogged_after")
    found = {name: tuple(row[c] for c in columns) for name, row in rows.items()}
    assert found == {
        "dense": (0, 1, True, 0, 0, 0),
        "every 20": (0, 20, True, 76, 0, 19),
        "one left out": (1, 20, False, 77, 0, 19),
        "holes": (3, 1, True, 3, 0, 0),
        "stops": (0, 1, True, 0, 0, 50),
        "late": (0, 1, True, 0, 90, 0),
        "irregular": (16, 4, False, 83, 0, 9),
        "once": (0, None, None, 0, 5, 94),
        "with NaN": (0, 1, True, 0, 0, 0),
    }
    assert rows["with NaN"]["nonfinite"] == 50
    assert {row["duplicates"] for row in rows.values()} == {0}


def test_a_sampled_run_has_no_gaps_by_that_alone(ask: Ask, tables: Tables) -> None:
    tables.run("r", "trainer", duplicate_steps=3)
    kept = [i for i in range(100) if i % 3 != 1]
    for step in kept:
        tables.rows["stored_steps"].append({"run_id": "r", "role": "trainer", "step": step})
    tables.metric("r", "loss", {i: float(i) for i in kept}, role="trainer")
    (row,) = ask(tables, "FROM metric_health")
    assert (row["gaps"], row["stride"], row["unlogged"]) == (0, 1, 0)
    # That the run logged some key twice does not say that it was this one.
    assert (row["duplicates"], row["run_duplicate_steps"]) == (None, 3)


def test_dead_constant_and_saturated(ask: Ask, tables: Tables) -> None:
    tables.run("r", "orchestrator")
    cases: dict[str, list[float]] = {
        "reward/dead": [0.0] * 20,
        "reward/constant": [0.5] * 20,
        "reward/full": [1.0] * 20,
        "reward/high": [0.96, 0.94] * 10 + [0.97],
        "reward/became high": [0.0] * 20 + [0.91] * 20,
        "reward/mostly high": [0.0] * 20 + [0.91] * 18 + [0.5] * 2,
        "reward/beyond": [0.99, 1.5] * 10,
        "reward/one": [1.0],
        "reward/never": [NAN, INF],
        "loss": [0.99] * 20,
    }
    for name, values in cases.items():
        tables.metric("r", name, values)
    rows = by(ask(tables, "FROM metric_health"))
    found = {n: (r["constant"], r["dead"], r["saturated"]) for n, r in rows.items()}
    assert found == {
        "reward/dead": (True, True, False),
        "reward/constant": (True, False, False),
        "reward/full": (True, False, True),
        "reward/high": (False, False, True),
        "reward/became high": (False, False, True),
        "reward/mostly high": (False, False, False),
        "reward/beyond": (False, False, None),
        "reward/one": (None, None, None),
        "reward/never": (None, None, None),
        "loss": (True, False, None),
    }
    assert rows["reward/became high"]["high_share"] == 1.0
    # Without stored steps nothing is known of gaps.
    assert {row["gaps"] for row in rows.values()} == {None}


# --- trend_evidence -------------------------------------------------------------------------------


def test_the_words_depend_on_what_the_metric_is(ask: Ask, tables: Tables) -> None:
    ramp = [i + 3 * math.sin(i * i) for i in range(120)]
    words = {
        ("reward", "improving", "degrading"),
        ("reward_component", "rising", "falling"),  # without a weight
        ("throughput", "improving", "degrading"),
        ("step_time", "degrading", "improving"),
        ("loss", "rising", "falling"),
        ("lr", "rising", "falling"),
        ("entropy", "rising", "falling"),
        ("response_length", "rising", "falling"),
        (None, "rising", "falling"),
    }
    for name, _, _ in words:
        tables.metric("r", f"{name} up", ramp, kind=name)
        tables.metric("r", f"{name} down", [-v for v in ramp], kind=name)
    rows = by(ask(tables, "FROM trend_evidence"))
    found = {(n, rows[f"{n} up"]["verdict"], rows[f"{n} down"]["verdict"]) for n, _, _ in words}
    assert found == words
    assert {row["support"] for row in rows.values()} == {"both tests"}
    assert {row["tail_state"] for row in rows.values()} == {"rising", "falling"}
    assert {row["mk_s"] for row in rows.values()} == {190, -190}


def test_a_component_has_a_direction_by_its_weight(ask: Ask, tables: Tables) -> None:
    weights = {"bonus": 0.5, "penalty": -0.5, "zero": 0.0, "unknown": None}
    for name, weight in weights.items():
        key = {"run_id": "r", "role": "orchestrator", "metric": name}
        tables.metric("r", name, list(range(60)), kind="reward_component")
        tables.rows["stored_components"].append({**key, "weight": weight, "state": "weighted"})
    # Another run's weight of the same name says nothing here.
    tables.rows["stored_components"].append(
        {"run_id": "s", "role": "orchestrator", "metric": "unknown", "weight": 1.0}
    )
    rows = by(ask(tables, "FROM trend_evidence"), "metric")
    found = {name: (row["verdict"], row["better"]) for name, row in rows.items()}
    assert found == {
        "bonus": ("improving", "high"),
        "penalty": ("rising", None),
        "zero": ("rising", None),
        "unknown": ("rising", None),
    }
    (better,) = ask(tables, "FROM metric_directions")
    assert (better["metric"], better["better"]) == ("bonus", "high")


def test_a_kind_may_be_logged_as_its_negative(ask: Ask, tables: Tables) -> None:
    """As SB3 logs its entropy; what is of the metric itself stays as it was logged."""
    single(tables, steps=30)
    tables.steps("r", "single", [float(i) for i in range(30)])
    kind(tables, "reward", [i + math.sin(i * i) for i in range(30)])
    kind(tables, "entropy", [-2.0 + 0.05 * i for i in range(30)])
    tables.rows["stored_series"][-1]["sign"] = -1
    (overview,) = ask(tables, "FROM run_overview")
    # The last 3 of 30: 0.65, 0.6, 0.55.
    assert overview["entropy_last"] == pytest.approx(0.6)
    assert overview["entropy_last_samples"] == 3
    by_step = ask(tables, "SELECT entropy FROM reward_loss_by_step ORDER BY step")
    assert [row["entropy"] for row in by_step[:2]] == pytest.approx([2.0, 1.95])
    dynamics = by(ask(tables, "FROM training_dynamics"), "quantity")["entropy"]
    assert (dynamics["initial"], dynamics["metric"]) == (2.0, "entropy")
    assert dynamics["drop_share"] == pytest.approx(1 - 0.6 / 1.95)
    compared = by(ask(tables, "FROM run_comparison"), "kind")["entropy"]
    assert (compared["value"], compared["better"]) == (pytest.approx(0.6), None)
    together = by(ask(tables, "FROM project_values"), "kind")["entropy"]
    assert together["mean"] == pytest.approx(0.6)
    levels = ask(tables, "FROM reward_loss_correlation WHERE metric = 'entropy' AND lag = 0")
    assert levels[0]["pearson"] < -0.9
    stats = by(ask(tables, "FROM training_stats"), "metric")["entropy"]
    assert (stats["initial"], stats["max"]) == pytest.approx((-2.0, -0.55))


def test_what_is_too_short_or_says_nothing(ask: Ask, tables: Tables) -> None:
    rise = [float(i) for i in range(200)]
    wave = [math.sin(i * i) for i in range(200)]
    cases: dict[str, Sequence[float | None]] = {
        "10": list(rise[:10]),
        "11": list(rise[:11]),
        "39": list(rise[:39]),
        "40": list(rise[:40]),
        "constant": [0.1] * 100,
        "alternating": [0.0, 1.0] * 100,
        "wave": list(wave),
        "plateau": [*(v / 100 for v in rise[:100]), *([1.0] * 100)],
        "there and back": [*rise[:100], *rise[99::-1]],
        "down and up again": [1000.0] * 5 + [v / 100 for v in rise],
    }
    for name, values in cases.items():
        tables.metric("r", name, values)
    rows = by(ask(tables, "FROM trend_evidence"))
    found = {n: (r["verdict"], r["support"], r["tail_state"]) for n, r in rows.items()}
    unclear = "not distinguishable"
    assert found == {
        "11": ("rising", "trend test only", "too short to say"),
        "39": ("rising", "trend test only", "too short to say"),
        "40": ("rising", "trend test only", "rising"),
        "constant": ("constant", "neither", "flat"),
        "alternating": (unclear, "neither", "flat"),
        "wave": (unclear, "neither", "flat"),
        "plateau": ("rising", "both tests", "flat"),
        "there and back": ("no steady trend", "neither", "falling"),
        "down and up again": ("no steady trend", "the two disagree", "rising"),
    }
    assert {n: r["shape"] for n, r in rows.items()} == {
        **dict.fromkeys(("11", "39", "40"), "rose"),
        **dict.fromkeys(("constant", "alternating", "wave"), "level"),
        "plateau": "rose in the first half",
        "there and back": "rose, then fell",
        # What fell is in one of its 20 parts alone, and so may be an outlier.
        "down and up again": "rose",
    }
    assert rows["11"]["half_difference_se"] is None
    assert (rows["11"]["mk_bins"], rows["11"]["mk_s"]) == (11, 55)
    # All parts of it are equal: no trend, and no variance to measure one by.
    assert (rows["alternating"]["mk_s"], rows["alternating"]["mk_variance"]) == (0, 0)
    assert (rows["plateau"]["tail_slope"], rows["plateau"]["last_mean"]) == (0, 1.0)
    assert rows["constant"]["ols_slope"] == rows["constant"]["half_difference_high"] == 0
    assert rows["alternating"]["lag1_autocorrelation"] == pytest.approx(-0.995)
    assert rows["alternating"]["effective_samples"] == 200
    assert rows["40"]["last_samples"] == 40


def test_what_moves_and_has_no_steady_trend(ask: Ask, tables: Tables) -> None:
    noise = [0.01 * math.sin(7.0 * i * i) for i in range(200)]
    cases: dict[str, list[float]] = {
        "falls at once": [10.0 if i < 12 else 1.0 for i in range(200)],
        "falls and creeps up": [10.0 if i < 12 else 1.0 + i / 400 for i in range(200)],
        "late step": [float(i >= 160) for i in range(200)],
        "valley": [abs(i - 100) / 100 for i in range(200)],
        "waves": [math.sin(i / 200 * 3 * math.pi) for i in range(200)],
        "one spike": [100.0 if i == 77 else 0.0 for i in range(200)],
        "spike at the end": [100.0 if i == 199 else 0.0 for i in range(200)],
        "nothing": [0.0] * 200,
    }
    for name, values in cases.items():
        tables.metric("r", name, [v + n for v, n in zip(values, noise, strict=True)])
    found = {r["metric"]: (r["verdict"], r["shape"]) for r in ask(tables, "FROM trend_evidence")}
    unclear = "not distinguishable"
    assert found == {
        "falls at once": ("no steady trend", "fell in the first half"),
        "falls and creeps up": ("no steady trend", "fell in the first half"),
        "late step": ("no steady trend", "rose in the second half"),
        "valley": ("no steady trend", "fell, then rose"),
        "waves": ("no steady trend", "up and down"),
        "one spike": (unclear, "level"),
        "spike at the end": (unclear, "level"),
        "nothing": (unclear, "level"),
    }


def test_a_slope_that_an_outlier_does_not_move(ask: Ask, tables: Tables) -> None:
    values = [float(i) for i in range(50)]
    values[49] = 1e300
    tables.metric("r", "score", values)
    tables.metric("r", "score of two", [1.0, 4.0])
    tables.metric("r", "constant score", [1.0] * 30)
    rows = by(ask(tables, "FROM theil_sen"))
    assert rows["score"]["theil_sen_slope"] == 1.0
    assert (rows["score of two"]["theil_sen_slope"], rows["score of two"]["pairs"]) == (3.0, 1)
    assert rows["constant score"]["theil_sen_slope"] == 0


# --- training_dynamics, step_time, run_overview ---------------------------------------------------


def test_a_run_without_a_partner_has_its_own_side(ask: Ask, tables: Tables) -> None:
    tables.run("o", "orchestrator")
    tables.run("t", "trainer")
    for run, role in (("o", "orchestrator"), ("t", "trainer")):
        length = [400.0, *([20.0] * 19)]
        tables.metric(run, "len", length, role=role, kind="response_length", kind_rank=1)
        entropy = [0.0, 0.0, *([1.0] * 18)]
        tables.metric(run, "entropy", entropy, role=role, kind="entropy", kind_rank=1)
    tables.metric("t", "inference_probs/mean", [0.5, 0.6, 0.7], role="trainer")
    tables.metric("t", "trainer_probs/mean", {0: 0.5, 2: 0.6, 7: 0.1}, role="trainer")
    rows = by(ask(tables, "FROM training_dynamics"), "quantity")
    sides = {q: (r["orchestrator_run_id"], r["trainer_run_id"]) for q, r in rows.items()}
    assert sides == {
        "response_length": ("o", None),
        **dict.fromkeys(("entropy", "inference_probs", "trainer_probs", "probs_gap"), (None, "t")),
    }
    length_row = rows["response_length"]
    assert (length_row["initial"], length_row["final"]) == (400, 20)
    assert (length_row["first_mean"], length_row["last_mean"]) == (210, 20)
    assert length_row["drop_share"] == pytest.approx(190 / 210)
    assert (rows["entropy"]["first_mean"], rows["entropy"]["drop_share"]) == (0, None)
    gap = rows["probs_gap"]
    assert (gap["samples"], gap["initial"]) == (2, 0.0)
    assert gap["final"] == pytest.approx(0.1)


def test_a_run_of_unknown_role_has_both_sides(ask: Ask, tables: Tables) -> None:
    tables.run("u", "unknown")
    for kind in ("reward", "entropy"):
        tables.metric("u", kind, [1.0, 2.0], role="unknown", kind=kind, kind_rank=1)
    found = {tuple(row.values())[:3] for row in ask(tables, "FROM training_dynamics")}
    assert found == {("u", "u", "reward"), ("u", "u", "entropy")}


def test_a_metric_of_its_own_axis_is_measured_on_it(ask: Ask, tables: Tables) -> None:
    """The run has 100 steps, its updates are 25: an update is no step."""
    tables.run("r", "single")
    tables.steps("r", "single", range(100))
    tables.metric("r", "reward", [1.0] * 100, role="single")
    tables.metric("r", "loss", [1.0] * 25, role="single")
    tables.metric("r", "stopped", [1.0] * 5, role="single")
    sparse = {0: 1.0, 5: 1.0, 15: 1.0, 20: 1.0}
    tables.metric("r", "sparse", sparse, role="single")
    for row in tables.rows["stored_series"]:
        row["axis"] = None if row["metric"] == "reward" else "update"
    rows = by(ask(tables, "FROM metric_health"))
    columns = ("unlogged", "unlogged_after", "gaps", "stride")
    assert {name: tuple(row[c] for c in columns) for name, row in rows.items()} == {
        "reward": (0, 0, 0, 1),
        "loss": (0, 0, 0, 1),
        "stopped": (0, 20, 0, 1),
        "sparse": (17, 4, 1, 5),
    }


def test_which_steps_a_run_misses(ask: Ask, tables: Tables) -> None:
    steps = {
        "every": range(5),
        "fifth": range(0, 100, 5),
        "fifth but two": [s for s in range(0, 100, 5) if s not in (30, 35)],
        "odd": [0, 1, 2, 10, 12, 30],
        "negative": range(-20, 20),
        "one": [7],
    }
    for run, there in steps.items():
        tables.run(run, "single")
        for step in there:
            tables.rows["stored_steps"].append({"run_id": run, "role": "single", "step": step})
    rows = by(ask(tables, "FROM run_gaps"), "run_id")
    found = {
        name: (row["stride"], row["missing"], row["widest"], row["widest_after"])
        for name, row in rows.items()
    }
    assert found == {
        "every": (1, 0, 0, None),
        "fifth": (5, 0, 0, None),
        "fifth but two": (5, 2, 2, 25),
        "odd": (1, 25, 17, 12),
        "negative": (1, 0, 0, None),
    }
    assert (rows["odd"]["first_step"], rows["odd"]["last_step"]) == (0, 30)


def test_spikes_and_waiting(ask: Ask, tables: Tables) -> None:
    single(tables)
    tables.run("s", "shared")
    tables.run("bare", "single")
    times = [0.0, 1.0, 2.0, 13.0, 14.0]
    for run, role in (("r", "single"), ("s", "shared"), ("bare", "single")):
        for step, time in zip((0, 1, 2, 9, 10), times, strict=True):
            row = {"run_id": run, "role": role, "step": step, "timestamp": time}
            tables.rows["stored_steps"].append(row)
    for run, role in (("r", "single"), ("s", "shared")):
        step_times = [5.0, 5.0, 5.0, 12.0, 5.0, NAN, -1.0]
        tables.metric(run, "t", step_times, role=role, kind="step_time", kind_rank=1)
        tables.metric(run, "time/wait_for_batch", [None, 1.0, 2.0, 3.0, 0.0], role=role)
    rows = by(ask(tables, "FROM step_time"), "run_id")
    row = rows["r"]
    assert (row["samples"], row["median"], row["max"], row["max_step"]) == (5, 5.0, 12.0, 3)
    assert (row["spikes"], row["spike_over"], row["spike_excess"]) == (1, 10.0, 7.0)
    assert row["p95"] == pytest.approx(10.6)
    assert row["batch_wait_share"] == pytest.approx(6 / 27)
    assert row["weights_wait_share"] is None
    # The seven steps that are missing are in no wall time.
    assert (row["wall_samples"], row["wall_median"], row["wall_mean"]) == (3, 1.0, 1.0)
    assert (rows["s"]["median"], rows["s"]["batch_wait_share"]) == (5.0, None)
    assert (rows["bare"]["samples"], rows["bare"]["spikes"]) == (0, None)
    assert rows["bare"]["wall_median"] == 1.0


def test_every_run_has_its_overview(ask: Ask, tables: Tables) -> None:
    tables.run("empty", "unknown", name="nothing yet")
    single(tables, steps=3, completeness="growing", started_at=10.0, ended_at=35.0)
    kind(tables, "reward", [0.1, 0.9, 0.9, NAN])
    kind(tables, "loss", [1.0, 2.0, 3.0])
    tables.metric("r", "metrics/dead", [0.0] * 3, role="single", kind="reward_component")
    tables.metric("r", "other", [0.0] * 3, role="single")
    rows = by(ask(tables, "FROM run_overview"), "run_id")
    empty, row = rows["empty"], rows["r"]
    assert (empty["name"], empty["metrics"], empty["nonfinite"]) == ("nothing yet", 0, 0)
    assert (empty["reward_last"], empty["partner_run_id"], empty["duration"]) == (None, None, None)
    assert (row["reward_max"], row["reward_max_step"]) == (0.9, 1)
    # A tenth of three samples is one.
    assert (row["reward_last"], row["reward_last_samples"]) == (0.9, 1)
    # Three samples are too few for halves.
    assert (row["reward_first_half"], row["loss_last"], row["duration"]) == (None, 3.0, 25.0)
    counts = ("metrics", "dead_metrics", "dead_components", "nonfinite")
    assert [row[c] for c in counts] == [4, 2, 1, 1]
    assert (row["partner_run_id"], row["completeness"]) == (None, "growing")


@pytest.mark.parametrize(
    ("samples", "last"), [(1, 1), (9, 1), (19, 1), (20, 2), (500, 50), (1000, 100), (1500, 100)]
)
def test_the_last_values_are_a_tenth_and_at_most_100(
    ask_again: Ask, tables: Tables, samples: int, last: int
) -> None:
    """In a run of 100 steps the last 100 would be the whole run, its beginning too."""
    single(tables, steps=samples)
    kind(tables, "reward", [float(i) for i in range(samples)])
    mean = samples - 1 - (last - 1) / 2
    (row,) = ask_again(tables, "FROM run_overview")
    assert (row["reward_last"], row["reward_last_samples"]) == (pytest.approx(mean), last)
    (row,) = ask_again(tables, "FROM run_comparison")
    assert (row["value"], row["value_samples"]) == (pytest.approx(mean), last)
    (row,) = ask_again(tables, "FROM project_values")
    assert row["mean"] == pytest.approx(mean)


def test_a_run_among_those_of_its_project(ask: Ask, tables: Tables) -> None:
    projects = {"a": "p", "b": "p", "c": "p", "d": "q", "e": None, "f": None}
    for number, (run, project) in enumerate(projects.items()):
        single(tables, run, entity="team", project=project)
        kind(tables, "reward", [9.0] * 50 + [float(number)] * 100, run)
    tables.run("t", "trainer", entity="team", project="p")
    tables.metric("t", "reward", [7.0], role="trainer", kind="reward", kind_rank=1)
    kind(tables, "loss", [NAN, 1e200], "a")
    rows = by(ask(tables, "FROM run_comparison"), "run_id")
    columns = ("value", "place", "runs", "median", "difference", "highest_run_id")
    assert {run: tuple(row[c] for c in columns) for run, row in rows.items()} == {
        "a": (0.0, 3, 3, 1.0, -1.0, "c"),
        "b": (1.0, 2, 3, 1.0, 0.0, "c"),
        "c": (2.0, 1, 3, 1.0, 1.0, "c"),
        "d": (3.0, 1, 1, 3.0, 0.0, "d"),
        "e": (4.0, 2, 2, 4.5, -0.5, "f"),
        "f": (5.0, 1, 2, 4.5, 0.5, "f"),
        "t": (7.0, 1, 1, 7.0, 0.0, "t"),
    }
    assert rows["a"]["samples"] == 150
    together = ask(tables, "FROM project_values WHERE project = 'p' AND role = 'single'")
    ends = ("runs", "mean", "std", "lowest_run_id", "highest_run_id")
    assert [tuple(row[c] for c in ends) for row in together] == [(3, 1.0, 1.0, "a", "c")]
