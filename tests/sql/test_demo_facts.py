"""What was planted in the demo's sample is what the views say of it; see demo/README.md."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dakota_wh
from dakota_wh import demo

if TYPE_CHECKING:
    from tests.sql.conftest import Row


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> dakota_wh.Warehouse:
    folder = tmp_path_factory.mktemp("demo")
    with zipfile.ZipFile(Path(str(demo.__file__)).with_name("sample.zip")) as sample:
        sample.extractall(folder)
    warehouse = dakota_wh.open(folder / "wh")
    landed = warehouse.ingest(folder)
    assert [run.error for run in landed] == [None, None]
    return warehouse


def rows(warehouse: dakota_wh.Warehouse, view: str, **values: object) -> list[Row]:
    found: list[Row] = warehouse.query(view).arrow().to_pylist()
    return [row for row in found if all(row[c] == v for c, v in values.items())]


def test_the_health_of_the_metrics(warehouse: dakota_wh.Warehouse) -> None:
    health = {(r["run_id"], r["metric"]): r for r in rows(warehouse, "metric_health")}
    components = [r for r in health.values() if r["kind"] == "reward_component"]
    assert [r["metric"] for r in components if r["dead"]] == ["metrics/exact_match_reward"]
    assert health["demoorch", "metrics/affix_reward"]["saturated"]
    assert not health["demoorch", "metrics/pattern_reward"]["saturated"]

    sparse = health["demoorch", "eval/demo-env/avg@4"]
    assert (sparse["samples"], sparse["stride"], sparse["regular"]) == (12, 20, True)
    assert sparse["gaps"] == 0
    nan = {metric for (_, metric), row in health.items() if row["nonfinite"]}
    assert len(nan) == 15
    assert all("mismatch_kl/" in metric for metric in nan)
    assert {row["gaps"] for row in health.values()} == {0}


def test_the_trends(warehouse: dakota_wh.Warehouse) -> None:
    trends = {(r["run_id"], r["metric"]): r for r in rows(warehouse, "trend_evidence")}
    verdicts = {metric: row["verdict"] for (_, metric), row in trends.items()}
    assert verdicts["reward/mean"] == "improving"
    assert verdicts["metrics/pattern_reward"] == "improving"
    assert verdicts["metrics/affix_reward"] == "not distinguishable"
    assert verdicts["loss/mean"] == "not distinguishable"
    assert verdicts["optim/lr"] == verdicts["metrics/exact_match_reward"] == "constant"
    assert trends["demoorch", "reward/mean"]["support"] == "both tests"
    # It rises late: half of it only around step 175.
    (half,) = rows(warehouse, "reward_milestones", metric="metrics/pattern_reward", milestone=50)
    assert 160 <= half["robust_step"] <= 190


def test_the_pair(warehouse: dakota_wh.Warehouse) -> None:
    overview = {row["run_id"]: row for row in rows(warehouse, "run_overview")}
    assert overview["demoorch"]["partner_run_id"] == "demotrnr"
    assert overview["demotrnr"]["partner_run_id"] == "demoorch"
    assert (overview["demoorch"]["dead_components"], overview["demotrnr"]["nonfinite"]) == (1, 15)
    assert overview["demoorch"]["step_time_median"] == pytest.approx(5.28, abs=0.01)

    policy = rows(warehouse, "reward_loss_by_policy")
    assert len(policy) == 240
    assert {row["step"] - row["policy_version"] for row in policy if row["step"]} == {1}
    (spike,) = [row for row in policy if (row["grad_norm"] or 0) > 2.8]
    assert (spike["policy_step"], spike["step"]) == (151, 153)
    (kl,) = rows(warehouse, "reward_loss_correlation", lag=0, kind="kl")
    assert kl["n"] == 239  # not at step 83, where it is NaN
