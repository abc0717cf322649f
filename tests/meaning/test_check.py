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
from dakota_wh.warehouse.checks import Finding
from tests.ingest.kit import Log, Row, land

STEPS = 60
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


def test_every_evidence_query_runs(owners: Warehouse, sick: Warehouse) -> None:
    shown = {}
    for warehouse in (owners, sick):
        for finding in warehouse.check(require_nonzero=["metrics/*", "not there"]):
            shown[finding.check] = (warehouse, finding)
    assert set(shown) == {rule.name for rule in rules.all_checks()} - {"constant"}
    for warehouse, finding in shown.values():
        shows_absence = finding.check in ("dead", "required_nonzero")
        assert bool(len(warehouse.sql(finding.evidence))) != shows_absence, finding


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


@pytest.mark.parametrize(("rising", "told"), [(True, {"length_collapse"}), (False, set())])
def test_a_collapse_counts_while_the_reward_rises(
    warehouse: Warehouse, tmp_path: Path, rising: bool, told: set[str]
) -> None:
    def orchestrator(step: int, row: Row) -> Row:
        gain = (step if rising else -step) / STEPS
        length = row["completion_len/mean"] * (1 - 0.8 * step / STEPS)
        return {**row, "reward/mean": 1 + gain, "metrics/a": gain, "completion_len/mean": length}

    pair_of(warehouse, tmp_path, orchestrator=orchestrator)
    assert {f.check for f in found(warehouse)} == told


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
    assert errors("loss/mean", runs=("orchestrator",)) == [(None, "loss/mean")]
    assert errors("it's [", "metrics/a") == [(None, "it's [")]


def test_thresholds(warehouse: Warehouse, tmp_path: Path) -> None:
    pair_of(warehouse, tmp_path)
    told = warehouse.check(thresholds={"masked_tokens.least": 0.001})
    assert [f.check for f in told if f.severity == "warning"] == ["masked_tokens"]
    for name in ("masked_tokens.most", "nope.least", "masked_tokens", "required_nonzero.required"):
        with pytest.raises(UsageProblem, match=r"no threshold .*check --rules"):
            warehouse.check(thresholds={name: 1.0})


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


def test_every_rule_is_described() -> None:
    for rule in rules.all_checks():
        assert rule.description
        assert all(f"${p.name}" in rule.sql for p in rule.parameters), rule.name
        assert all(p.description for p in rule.parameters)
        assert "_v1" in rule.sql
