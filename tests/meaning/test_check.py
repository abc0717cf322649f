"""The rules of check: quiet on healthy runs, right about the owner's, each with its evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.errors import NothingFound, UsageProblem, WarehouseError
from dakota_wh.sql import rules
from dakota_wh.warehouse import checks
from dakota_wh.warehouse.findings import Finding
from tests.ingest.kit import Log, Row, land

STEPS = 60
#: Rules with tests of their own, test_odd_data.
HELD_ELSEWHERE = {"not_numbers", "odd_steps", "restarted_trainer", "uncovered_steps"}
Change = Callable[[int, Row], Row | None]


def orchestrator_rows(seed: int) -> list[Row]:
    """A run that learns a little under much noise: reward = 0.7 · a + 0.3 · b."""
    random = np.random.default_rng(seed)
    rows = []
    for step in range(STEPS):
        a, b = (float(x) for x in random.uniform(0.2, 0.7, 2) + 0.1 * step / STEPS)
        rows.append(
            {
                "step": step,
                "reward/mean": 0.7 * a + 0.3 * b,
                "metrics/a": a,
                "metrics/b": b,
                "completion_len/mean": float(random.normal(200, 40)),
                "is_truncated/mean": float(random.uniform(0, 0.1)),
                "progress/ckpt_step": max(step - 1, 0),
                "perf/throughput": float(random.normal(5000, 500)),
            }
        )
    return rows


def trainer_rows(seed: int) -> list[Row]:
    random = np.random.default_rng(1000 + seed)
    rows = []
    for step in range(STEPS):
        probs = float(random.uniform(0.5, 0.7))
        rows.append(
            {
                "step": step,
                "loss/mean": float(random.normal(0, 1e-3)),
                "entropy/mean": float(random.uniform(0.6, 1.0)) - 0.1 * step / STEPS,
                "optim/grad_norm": float(random.lognormal(-2, 0.5)),
                "optim/lr": 1e-6,
                "mismatch_kl/mean": float(random.lognormal(-6, 0.3)),
                "trainer_probs/mean": probs,
                "inference_probs/mean": probs + float(random.normal(0, 0.01)),
                "is_masked/mean": float(random.uniform(0, 0.02)),
            }
        )
    return rows


def written(folder: Path, run_id: str, rows: Iterable[Row], start: float = 0) -> Path:
    log = Log(folder, run_id).begin(run_id, name=f"x-{run_id}")
    late = 3 if "trainer" in run_id else 0
    for row in rows:
        log.log({"_timestamp": 1.7e9 + start + 10 * row["step"] + late, **row})
    return log.end().write()


def pair_of(
    warehouse: Warehouse,
    folder: Path,
    seed: int = 0,
    *,
    orchestrator: Change | None = None,
    trainer: Change | None = None,
) -> Warehouse:
    """Store a healthy pair, its rows changed by two functions; None leaves a row out."""
    for run_id, rows, change in (
        ("orchestrator", orchestrator_rows(seed), orchestrator),
        ("trainer", trainer_rows(seed), trainer),
    ):
        changed = [change(row["step"], row) if change else row for row in rows]
        land(warehouse, written(folder, run_id, [row for row in changed if row is not None]))
    return warehouse


def found(warehouse: Warehouse, *severities: str) -> list[Finding]:
    return [f for f in warehouse.check() if f.severity in (severities or ("warning", "error"))]


def test_no_alarm_on_ten_seeds_of_noise(warehouse: Warehouse, tmp_path: Path) -> None:
    for seed in range(10):
        start = 1e6 * seed
        for role, rows in (("orchestrator", orchestrator_rows), ("trainer", trainer_rows)):
            land(warehouse, written(tmp_path, f"{seed}-{role}", rows(seed), start))
    assert len(warehouse.query("run_pairs")) == 10
    assert {(f.check, f.severity) for f in warehouse.check()} <= {("constant_others", "info")}


def test_the_owners_runs(owners: Warehouse) -> None:
    findings = owners.check()
    told = {(f.run_id, f.check, f.metric): f for f in findings if f.severity == "warning"}
    assert set(told) == {
        ("29hn8w98", "dead", "metrics/exact_match_reward"),
        ("29hn8w98", "dead", "metrics/pattern_reward"),
        ("29hn8w98", "length_collapse", "completion_len/mean"),
        ("7nikv4vp", "entropy_collapse", "entropy/mean"),
        ("7nikv4vp", "masked_tokens", "is_masked/mean"),
        ("7nikv4vp", "mismatch_kl", "mismatch_kl/mean"),
        ("7nikv4vp", "sampled", None),
        (
            "7nikv4vp",
            "train_inference_gap",
            "inference_probs/mean - trainer_probs/mean",
        ),
    }
    collapse = told["29hn8w98", "length_collapse", "completion_len/mean"]
    assert (collapse.numbers["initial"], collapse.numbers["final"]) == (444.92578125, 17.390625)
    assert "fell from 444.9 to 17.39" in collapse.what
    assert collapse.numbers["thresholds"] == {"least_drop": 0.5, "least_samples": 20.0}
    gap = told["7nikv4vp", "train_inference_gap", "inference_probs/mean - trainer_probs/mean"]
    assert gap.numbers["last_mean"] == pytest.approx(0.1943136, abs=1e-6)
    assert told["7nikv4vp", "sampled", None].numbers["rows"] == 500
    remarks = {(f.run_id, f.check) for f in findings if f.severity == "info"}
    assert ("7nikv4vp", "missing_steps") in remarks
    assert ("29hn8w98", "saturated") in remarks
    assert not [f for f in findings if f.severity == "error"]


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse that has what the owner's runs have not; not to be changed."""
    folder = tmp_path_factory.mktemp("sick")
    return a_sick_pair(api.open(folder / "w"), folder)


def test_every_evidence_query_runs(
    owners: Warehouse, sick: Warehouse, warehouse: Warehouse, tmp_path: Path
) -> None:
    land(warehouse, written(tmp_path, "x-orchestrator", trainer_rows(0)))
    shown = {}
    for one in (warehouse, owners, sick):
        for finding in one.check(require_nonzero=["metrics/*", "not there"]):
            shown[finding.check] = (one, finding)
    assert set(shown) == {rule.name for rule in rules.all_checks()} - {"constant"} - HELD_ELSEWHERE
    for one, finding in shown.values():
        shows_absence = finding.check in ("dead", "required_nonzero")
        assert bool(len(one.sql(finding.evidence))) != shows_absence, finding


def a_sick_pair(warehouse: Warehouse, folder: Path) -> Warehouse:
    """Store a pair that has what the owner's runs have not."""

    def orchestrator(step: int, row: Row) -> Row | None:
        if step in (20, 21):
            return None
        row["reward/mean"] = math.nan if step == 5 else row["metrics/a"] * row["metrics/b"]
        if step > 40:
            del row["is_truncated/mean"]
        if step == 30:
            del row["perf/throughput"]
        row["odd"] = math.inf if step == 9 else step
        return row

    pair_of(warehouse, folder, orchestrator=orchestrator)
    rows = trainer_rows(0)
    log = Log(folder, "again").begin("again").log(*rows, *rows[:10])
    land(warehouse, log.write())
    return warehouse


def test_a_sick_run(sick: Warehouse) -> None:
    told = {(f.run_id, f.check, f.metric): f for f in sick.check()}
    severities = {key: finding.severity for key, finding in told.items()}
    assert severities == {
        ("orchestrator", "nonfinite", "reward/mean"): "error",
        ("orchestrator", "nonfinite_others", None): "info",
        ("orchestrator", "missing_steps", None): "warning",
        ("orchestrator", "unexplained_reward", "reward/mean"): "info",
        ("orchestrator", "stopped", "is_truncated/mean"): "warning",
        ("orchestrator", "gaps", None): "info",
        ("again", "duplicate_steps", None): "warning",
        ("again", "incomplete", None): "info",
        ("again", "constant_others", None): "info",
        ("trainer", "constant_others", None): "info",
    }
    nonfinite = told["orchestrator", "nonfinite", "reward/mean"]
    assert "at 1 of 58 steps, first at step 5" in nonfinite.what
    missing = told["orchestrator", "missing_steps", None]
    assert (missing.numbers["missing"], missing.numbers["widest_after"]) == (2, 19)


def test_constant_dead_and_saturated(warehouse: Warehouse, tmp_path: Path) -> None:
    def orchestrator(step: int, row: Row) -> Row:
        return {
            **row,
            "metrics/b": 0.5,
            "metrics/a": 0.96 + 0.03 * row["metrics/a"],
            "reward/mean": 0.9 * row["metrics/a"],
            "metrics/none": 0.0,
        }

    def trainer(step: int, row: Row) -> Row:
        return {**row, "optim/grad_norm": 0, "loss/mean": 0.25}

    pair_of(warehouse, tmp_path, orchestrator=orchestrator, trainer=trainer)
    told = {(f.check, f.metric, f.severity) for f in warehouse.check()}
    assert told == {
        ("constant", "metrics/b", "warning"),
        ("dead", "metrics/none", "warning"),
        ("dead", "optim/grad_norm", "warning"),
        ("constant", "loss/mean", "warning"),
        ("saturated", "metrics/a", "info"),
        ("constant_others", None, "info"),
    }


@pytest.mark.parametrize(
    ("slope", "severity", "words"),
    [
        (1.0, "warning", " lost) while reward/mean rose from 1.042 to 1.942"),
        (-1.0, "info", " lost); reward/mean is degrading"),
        (0.0, "info", " lost); reward/mean is not distinguishable"),
    ],
)
def test_a_collapse_is_worse_where_the_reward_rose(
    warehouse: Warehouse, tmp_path: Path, slope: float, severity: str, words: str
) -> None:
    random = np.random.default_rng(5)

    def orchestrator(step: int, row: Row) -> Row:
        gain = slope * step / STEPS if slope else 0.1 * float(random.normal())
        length = row["completion_len/mean"] * (1 - 0.8 * step / STEPS)
        return {**row, "reward/mean": 1 + gain, "metrics/a": gain, "completion_len/mean": length}

    pair_of(warehouse, tmp_path, orchestrator=orchestrator)
    (collapse,) = [f for f in warehouse.check() if f.check == "length_collapse"]
    assert (collapse.severity, collapse.metric) == (severity, "completion_len/mean")
    assert collapse.what.endswith(words)
    assert [f for f in found(warehouse) if f is not None] == ([collapse] if slope > 0 else [])


def test_a_run_of_unknown_role_is_checked_by_what_it_logs(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    rows = [
        {
            **row,
            "entropy/mean": 1.0 / (1 + row["step"]),
            "is_masked/mean": 0.5,
            "mismatch_kl/mean": 5.0,
        }
        for row in trainer_rows(0)
    ]
    land(warehouse, written(tmp_path, "exp-orchestrator", rows))
    told = {f.check: f for f in warehouse.check() if f.severity in ("warning", "error")}
    assert set(told) == {"unknown_role", "masked_tokens", "mismatch_kl", "constant"}
    assert "conflict" in told["unknown_role"].what
    assert "dakota-wh ingest SOURCE --role" in told["unknown_role"].what
    assert "entropy_collapse" in {f.check for f in warehouse.check()}


def test_one_row_is_not_enough_for_an_alarm(warehouse: Warehouse, tmp_path: Path) -> None:
    row = {**trainer_rows(0)[0], "is_masked/mean": 0.9, "mismatch_kl/mean": 9.0}
    land(warehouse, written(tmp_path, "trainer", [{**row, "inference_probs/mean": 0.0}]))
    assert found(warehouse) == []


def test_an_episode_is_no_response(warehouse: Warehouse, tmp_path: Path) -> None:
    """CartPole the other way round: an agent that reaches its aim sooner."""
    rows: list[Row] = [
        {
            "step": s,
            "rollout/ep_rew_mean": float(s),
            "rollout/ep_len_mean": 500.0 / (1 + s),
            "train/approx_kl": 0.01 + 1e-4 * math.sin(s),
            "time/fps": 1000.0 + s % 7,
        }
        for s in range(60)
    ]
    land(warehouse, written(tmp_path, "sb3", rows))
    assert "length_collapse" not in {f.check for f in warehouse.check()}


def test_a_metric_of_its_own_axis_has_not_stopped(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "axis").begin("axis").axis("train/*", "update").axis("rollout/*", "step")
    for step in range(100):
        log.log({"step": step, "rollout/reward": 0.5 + 0.1 * math.sin(step)})
        if step % 4 == 0:
            log.log({"update": step // 4, "train/loss": 0.1 * math.cos(step)})
    land(warehouse, log.end().write())
    (loss,) = warehouse.query("metric_health", metric="train/loss").dicts()
    assert (loss["last_step"], loss["unlogged_after"]) == (24, 0)
    assert "stopped" not in {f.check for f in warehouse.check()}


def test_every_k_steps_is_no_gap(warehouse: Warehouse, tmp_path: Path) -> None:
    def each_tenth(step: int, row: Row) -> Row:
        return {**row, "step": 10 * step}

    pair_of(warehouse, tmp_path, orchestrator=each_tenth, trainer=each_tenth)
    assert found(warehouse) == []


def test_required_metrics(warehouse: Warehouse, tmp_path: Path) -> None:
    def orchestrator(step: int, row: Row) -> Row:
        return {**row, "metrics/none": 0}

    pair_of(warehouse, tmp_path, orchestrator=orchestrator)

    def errors(*metrics: str, runs: tuple[str, ...] = ()) -> list[tuple[str | None, str | None]]:
        told = warehouse.check(*runs, require_nonzero=metrics)
        return [(f.run_id, f.metric) for f in told if f.severity == "error"]

    assert errors("reward/mean", "loss/mean") == []
    assert errors("metrics/*") == [("orchestrator", "metrics/none")]
    assert errors("nope", "nope") == [(None, "nope")]
    # A run and its partner are one training.
    assert errors("loss/mean", runs=("orchestrator",)) == []
    assert errors("loss/mean", "nope", runs=("orchestrator", "trainer")) == [
        ("orchestrator", "nope")
    ]
    assert errors("metrics/*", runs=("trainer",)) == [("orchestrator", "metrics/none")]
    assert errors("it's [", "metrics/a") == [(None, "it's [")]
    with pytest.raises(UsageProblem, match="needs a name"):
        warehouse.check(require_nonzero=["metrics/a", ""])


def test_each_named_run_must_log_what_is_required(warehouse: Warehouse, tmp_path: Path) -> None:
    for run_id, metric in (("a", "reward/mean"), ("b", "score")):
        rows: list[Row] = [{"step": s, metric: 1.0 + s, "progress/ckpt_step": s} for s in range(20)]
        land(warehouse, written(tmp_path, run_id, rows))

    def told(*runs: str) -> list[tuple[str | None, str]]:
        found = warehouse.check(*runs, require_nonzero=["reward/mean"])
        return [(f.run_id, f.what) for f in found if f.severity == "error"]

    assert told("a") == told() == []
    assert told("a", "b") == [("b", "reward/mean is required, and b does not log it")]


def test_required_names_that_look_like_patterns(warehouse: Warehouse, tmp_path: Path) -> None:
    values = {
        "reward[0]": 1.0,
        "reward0": 0.0,
        "50%": 0.0,
        "50x": 1.0,
        "a*": 1.0,
        "ab": 0.0,
        "ä": 1,
    }
    rows: list[Row] = [
        {"step": s, "progress/ckpt_step": s, **{k: v * (s + 1) for k, v in values.items()}}
        for s in range(20)
    ]
    land(warehouse, written(tmp_path, "r", rows))

    def errors(metric: str) -> set[str | None]:
        found = warehouse.check(require_nonzero=[metric])
        return {f.metric for f in found if f.severity == "error"}

    assert errors("reward[0]") == set()
    assert errors("50%") == {"50%"}
    assert errors("a*") == set()  # the one of that name, and not all that are like it
    assert errors("a?") == {"ab"}
    assert errors("?") == set()
    assert errors("reward[1]") == {"reward[1]"}


def test_nan_is_no_value(warehouse: Warehouse, tmp_path: Path) -> None:
    def orchestrator(step: int, row: Row) -> Row:
        some = math.nan if step % 3 else 0.0
        return {
            **row,
            "metrics/b": some,
            "metrics/a": math.nan if step % 3 else 2.0,
            "all": some * 0,
        }

    pair_of(warehouse, tmp_path, orchestrator=orchestrator)
    told = {(f.check, f.metric): f for f in warehouse.check(require_nonzero=["metrics/b"])}
    dead = told["dead", "metrics/b"]
    assert dead.what == "metrics/b is 0 at all its 20 finite values (40 are NaN or infinite)"
    assert (dead.numbers["samples"], dead.numbers["nonfinite"]) == (20, 40)
    required = told["required_nonzero", "metrics/b"]
    assert required.what.endswith(
        "has no value but 0 at its 20 finite values (40 are NaN or infinite)"
    )
    constant = told["constant", "metrics/a"]
    assert constant.what == "metrics/a is 2 at all its 20 finite values (40 are NaN or infinite)"
    for finding, rows in ((dead, []), (required, []), (constant, [(2.0, 20)])):
        assert warehouse.sql(finding.evidence).rows() == rows

    land(warehouse, written(tmp_path, "nan", [{"step": s, "reward": math.nan} for s in range(40)]))
    (never,) = [f for f in warehouse.check("nan", require_nonzero=["reward"]) if f.check[0] == "r"]
    assert never.what == "reward is required and has no finite value in 40 steps"
    assert warehouse.sql(never.evidence).rows() == []


def test_thresholds(warehouse: Warehouse, tmp_path: Path) -> None:
    pair_of(warehouse, tmp_path)
    told = warehouse.check(thresholds={"masked_tokens.least": 0.001})
    assert [f.check for f in told if f.severity == "warning"] == ["masked_tokens"]
    for name in ("masked_tokens.most", "nope.least", "masked_tokens", "required_nonzero.required"):
        with pytest.raises(UsageProblem, match=r"no threshold .*check --rules"):
            warehouse.check(thresholds={name: 1.0})
    for value in (math.nan, math.inf, -math.inf, -1.0):
        with pytest.raises(UsageProblem, match=r"dead\.least_samples cannot be .*from 0 on"):
            warehouse.check(thresholds={"dead.least_samples": value})


def test_one_run_of_several(sick: Warehouse) -> None:
    assert {f.run_id for f in sick.check("trainer")} == {"trainer"}


def test_no_run_at_all(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, written(tmp_path, "r", orchestrator_rows(0)))
    warehouse.remove("r")
    with pytest.raises(NothingFound, match="no run to check"):
        warehouse.check()
    land(warehouse, Log(tmp_path, "empty").begin("empty").end().write())
    assert {f.severity for f in warehouse.check()} <= {"info"}


def test_names_that_are_no_plain_words(tmp_path: Path) -> None:
    warehouse = api.open(tmp_path / "w")
    rows: list[Row] = [
        {"step": s, "reward/mean": s, "metrics/it's {odd}": 0, "progress/ckpt_step": s}
        for s in range(30)
    ]
    land(warehouse, written(tmp_path, "r", rows), store_as="o'{x}")
    (dead,) = [f for f in warehouse.check() if f.check == "dead"]
    assert dead.what == "metrics/it's {odd} is 0 at all 30 steps"
    assert len(warehouse.sql(dead.evidence)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "-- x: d\nSELECT 1",
        "-- x\nSELECT 1",
        "-- x: d\n-- says: a\n-- evidence: b\n-- parameter x: y\n",
    ],
)
def test_a_rule_with_a_wrong_header(text: str) -> None:
    with pytest.raises(WarehouseError, match="rule x"):
        rules.parse_check("x", text)


def test_the_rules_that_read_the_evidence_of_trends_are_those_of_what_fell() -> None:
    """They are given that of some trainings only: any other rule would miss some."""
    asked = {rule.name for rule in rules.all_checks() if "trend_evidence" in rule.sql}
    assert asked == {*checks._OF_WHAT_FELL}


def test_every_rule_is_described() -> None:
    for rule in rules.all_checks():
        assert rule.description
        assert all(f"${p.name}" in rule.sql for p in rule.parameters), rule.name
        assert all(p.description for p in rule.parameters)
        assert "_v1" in rule.sql
