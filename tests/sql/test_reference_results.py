"""The views over the owner's pair against the reference results, in both versions of DuckDB."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import scipy.stats

import dakota_wh
from dakota_wh.warehouse.connection import connect

if TYPE_CHECKING:
    from tests.sql.conftest import Row

DATA = Path(__file__).parents[3] / "shared" / "data"
ORCHESTRATOR, TRAINER = "29hn8w98", "7nikv4vp"
Look = Callable[..., list["Row"]]

pytestmark = pytest.mark.skipif(
    not (DATA / "reference_results.json").exists(), reason=f"the owner's runs are not in {DATA}"
)


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    results: dict[str, Any] = json.loads((DATA / "reference_results.json").read_text())
    return results


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> dakota_wh.Warehouse:
    warehouse = dakota_wh.open(tmp_path_factory.mktemp("owner") / "wh")
    landed = warehouse.ingest(DATA / ORCHESTRATOR, DATA / TRAINER)
    assert [run.error for run in landed] == [None, None]
    return warehouse


@pytest.fixture(scope="module", params=["duckdb 2", "shell 1.5"])
def look(
    request: pytest.FixtureRequest,
    warehouse: dakota_wh.Warehouse,
    tmp_path_factory: pytest.TempPathFactory,
) -> Look:
    """Rows of a view where its columns have the given values; each view is asked for once."""
    folder = tmp_path_factory.mktemp("answers")

    def rows(view: str) -> list[Row]:
        if request.param == "duckdb 2":
            found: list[Row] = warehouse.query(view).arrow().to_pylist()
            return found
        answer = folder / f"{view}.parquet"
        if not answer.exists():
            subprocess.run(
                [
                    str(Path(sys.executable).with_name("duckdb")),
                    *("-init", "/dev/null", "-readonly", str(warehouse.path / "warehouse.duckdb")),
                    *("-c", f"COPY (FROM {view}) TO '{answer}'"),
                ],
                check=True,
                capture_output=True,
            )
        with duckdb.connect() as connection:
            result = connection.execute(f"FROM read_parquet('{answer}')")
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    asked: dict[str, list[Row]] = {}

    def matching(view: str, **values: object) -> list[Row]:
        if view not in asked:
            asked[view] = rows(view)
        return [row for row in asked[view] if all(row[c] == v for c, v in values.items())]

    return matching


def one(rows: list[Row]) -> Row:
    assert len(rows) == 1
    return rows[0]


def close(wanted: float | None, rel: float = 1e-9) -> object:
    return None if wanted is None else pytest.approx(wanted, rel=rel, abs=1e-300)


def test_the_reward_beside_the_update_in_the_policy(look: Look, reference: dict[str, Any]) -> None:
    rows = sorted(look("reward_loss_by_policy"), key=lambda row: row["step"])
    assert len(rows) == reference["join_by_step"]["left_join_rows"]
    assert {row["orchestrator_run_id"] for row in rows} == {ORCHESTRATOR}
    # async_level 1: step s sampled with version s - 1, whose last update is s - 2.
    assert [row["policy_version"] for row in rows[:4]] == [0, 0, 1, 2]
    assert [row["policy_step"] for row in rows[:4]] == [None, None, 0, 1]
    joined = [row for row in rows if row["loss"] is not None]
    assert len(joined) == reference["join_policy_version"]["rows"] == 499
    wanted = reference["join_policy_version"]["correlations"]
    columns = {"loss/mean": "loss", "entropy/mean": "entropy", "mismatch_kl/mean": "kl"}
    for metric, column in columns.items():
        pearson = scipy.stats.pearsonr([r["reward"] for r in joined], [r[column] for r in joined])
        assert pearson.statistic == close(wanted[f"reward/mean ~ {metric}"]["pearson"])


def test_the_correlations_at_every_lag(look: Look, reference: dict[str, Any]) -> None:
    assert len(look("reward_loss_correlation")) == 11 * 6
    for lag, wanted in reference["join_lag_scan"]["lags"].items():
        for metric in ("loss/mean", "entropy/mean", "mismatch_kl/mean"):
            row = one(look("reward_loss_correlation", lag=int(lag), metric=metric))
            both = wanted[f"reward/mean ~ {metric}"]
            assert (row["n"], row["n_diff"]) == (both["n"], both["n"] - 1)
            assert row["pearson"] == close(both["pearson"], 1e-9)
    joined = reference["join_by_step"]
    for pair, wanted in joined["detrended_correlations_first_diff"].items():
        row = one(look("reward_loss_correlation", lag=0, metric=pair.split(" ~ ")[1]))
        assert row["pearson_diff"] == close(wanted, 1e-9)
    grad_norm = one(look("reward_loss_correlation", lag=0, kind="grad_norm"))
    wanted = joined["correlations"]["reward/mean ~ optim/grad_norm"]["pearson"]
    assert grad_norm["pearson"] == close(wanted, 1e-9)


def test_the_milestones(look: Look, reference: dict[str, Any]) -> None:
    rows = look("reward_milestones", metric="reward/mean")
    by_milestone = {row["milestone"]: row for row in rows}
    assert {m: r["step"] for m, r in by_milestone.items()} == {25: 49, 50: 71, 75: 109, 90: 160}
    robust = {m: r["robust_step"] for m, r in by_milestone.items()}
    assert robust == {25: 62, 50: 86, 75: 120, 90: 245}

    for metric, wanted in reference["orchestrator"]["sample_efficiency"].items():
        rows = look("reward_milestones", metric=metric)
        assert sorted(row["milestone"] for row in rows) == [25, 50, 75, 90]
        for row in rows:
            seed = wanted["milestones"].get(f"{row['milestone']}%_improvement", {})
            assert row["target"] == close(seed.get("value"))
            assert row["value"] == close(seed.get("observed"))
            assert row["step"] == seed.get("step")
            smooth = wanted["robust_ma20"]
            reached = smooth["milestones"].get(f"{row['milestone']}%", {})
            assert row["robust_target"] == close(reached.get("value"))
            assert row["robust_step"] == reached.get("step")
            assert row["robust_initial"] == close(smooth["baseline"])
            assert row["robust_final"] == close(smooth["plateau"])
            assert (row["initial"], row["final"]) == (
                wanted["initial_value"],
                wanted["final_value"],
            )


def test_the_evidence_for_trends(look: Look, reference: dict[str, Any]) -> None:
    columns = {
        "ols_slope": "ols_slope_per_step",
        "ols_r2": "ols_r2",
        "lag1_autocorrelation": "acf1_raw",
        "half_difference": "half_diff",
        "half_difference_se": "batch_means_se",
        "half_difference_low": "half_diff_bm_lo95",
        "half_difference_high": "half_diff_bm_hi95",
        "tail_samples": "tail_k",
        "tail_slope": "tail_slope",
        "tail_first_mean": "tail_first_mean",
        "tail_second_mean": "tail_second_mean",
    }
    key_metrics = {m: v["robust"] for m, v in reference["trainer"]["key_metrics"].items()}
    for run, wanted in (
        (ORCHESTRATOR, reference["orchestrator"]["robust_trends"]),
        (TRAINER, key_metrics),
    ):
        for metric, results in wanted.items():
            row = one(look("trend_evidence", run_id=run, metric=metric))
            if results is None:  # what is constant has no trend
                assert (row["verdict"], row["half_difference"]) == ("constant", 0.0)
                assert row["ols_r2"] is row["lag1_autocorrelation"] is row["mk_z"] is None
                continue
            for column, name in columns.items():
                assert row[column] == close(results[name]), (metric, column)


def test_mann_kendall_and_the_effective_samples(look: Look, reference: dict[str, Any]) -> None:
    for metric, wanted in reference["mann_kendall_20_bin_means"].items():
        run = ORCHESTRATOR if "reward" in metric else TRAINER
        row = one(look("trend_evidence", run_id=run, metric=metric))
        assert (row["mk_bins"], row["mk_s"]) == (wanted["bins"], wanted["S"])
        assert row["mk_variance"] == close(wanted["var_S"])
        assert row["mk_tau"] == close(wanted["tau_a"])
        # The reference has 0 for the undefined z of a constant.
        assert row["mk_z"] == (close(wanted["z"]) if wanted["var_S"] else None)
        if run == ORCHESTRATOR:  # 50 steps a part
            assert row["theil_sen_slope"] * 50 == pytest.approx(
                wanted["theil_sen_per_bin"], rel=1e-9, abs=1e-15
            )
        parts = look("metric_parts", run_id=run, metric=metric, scope="whole")
        means = [part["value"] for part in sorted(parts, key=lambda part: part["part"])]
        assert means == pytest.approx(wanted["bin_means"], rel=1e-9)
    for metric, wanted in reference["effective_sample_size_ar1"].items():
        row = one(look("trend_evidence", metric=metric))
        assert row["effective_samples"] == close(wanted["n_eff"])


def test_the_slope_of_all_pairs(look: Look, reference: dict[str, Any]) -> None:
    wanted = dict(reference["orchestrator"]["robust_trends"])
    for metric in ("loss/mean", "entropy/mean", "optim/grad_norm"):
        wanted[metric] = reference["trainer"]["key_metrics"][metric]["robust"]
    for metric, results in wanted.items():
        row = one(look("theil_sen", metric=metric))
        slope = 0.0 if results is None else results["theil_sen_slope"]
        assert row["theil_sen_slope"] == pytest.approx(slope, rel=1e-9, abs=1e-18)
    assert one(look("theil_sen", metric="reward/mean"))["pairs"] == 499_500


def test_the_verdicts_on_the_owners_pair(look: Look) -> None:
    def verdict(metric: str) -> tuple[str, str]:
        row = one(look("trend_evidence", metric=metric))
        return row["verdict"], row["support"]

    assert verdict("metrics/char_overlap_reward") == ("improving", "both tests")
    # The interval of the halves, [-0.0007, 0.0820], has the learning curve in one of them.
    assert verdict("reward/mean") == ("improving", "trend test only")
    assert verdict("metrics/affix_reward") == ("not distinguishable", "neither")
    assert verdict("entropy/mean") == ("falling", "both tests")
    assert verdict("loss/mean") == ("not distinguishable", "neither")
    assert verdict("optim/lr") == ("constant", "neither")
    # It falls from 52 at once and then creeps up again.
    assert verdict("completion_len/max") == ("no steady trend", "the two disagree")
    # So does its mean, from 445 to 15 within 150 steps: a collapse, and no steady trend.
    assert verdict("completion_len/mean") == ("no steady trend", "neither")
    collapsed = one(look("trend_evidence", metric="completion_len/mean"))
    assert collapsed["shape"] == "fell in the first half"


def test_what_is_dead_or_at_its_limit(look: Look, reference: dict[str, Any]) -> None:
    rows = look("metric_health")
    dead = {r["metric"] for r in rows if r["dead"] and r["kind"] == "reward_component"}
    assert dead == {"metrics/exact_match_reward", "metrics/pattern_reward"}
    assert {r["metric"] for r in rows if r["saturated"]} == {"metrics/affix_reward"}
    for run, facts in ((ORCHESTRATOR, "orchestrator"), (TRAINER, "trainer")):
        constant = {r["metric"] for r in rows if r["run_id"] == run and r["constant"]}
        assert constant == set(reference[facts]["constant_metrics"])
    # Sampled, the trainer's run lacks 500 steps, but its metrics are in every row there is.
    totals = {(r["gaps"], r["unlogged"], r["nonfinite"], r["duplicates"]) for r in rows}
    assert totals == {(0, 0, 0, 0)}
    assert {(r["stride"], r["regular"]) for r in rows} == {(1, True)}


def test_the_collapse_of_length_and_the_gap_between_engines(look: Look) -> None:
    def ends(quantity: str) -> tuple[float, float]:
        row = one(look("training_dynamics", quantity=quantity))
        return round(row["initial"], 3), round(row["final"], 3)

    assert ends("response_length") == (444.926, 17.391)
    assert ends("truncation") == (0.398, 0.0)
    assert ends("entropy") == (0.931, 0.211)
    assert ends("probs_gap") == (0.0, 0.173)
    length = one(look("training_dynamics", quantity="response_length"))
    assert length["drop_share"] == pytest.approx(0.898, abs=1e-3)
    assert one(look("training_dynamics", quantity="masked_share"))["mean"] == close(
        0.2972313618528624
    )
    assert one(look("training_dynamics", quantity="kl"))["mean"] == close(3.070315848409431)
    assert len(look("training_dynamics", orchestrator_run_id=ORCHESTRATOR)) == 9


def test_the_time_of_a_step(look: Look, reference: dict[str, Any]) -> None:
    orchestrator = one(look("step_time", run_id=ORCHESTRATOR))
    trainer = one(look("step_time", run_id=TRAINER))
    logged = reference["orchestrator"]["all_metrics"]["time/step"]
    names = {"median": "median", "mean": "mean", "p95": "p95", "max": "max", "total": "sum"}
    for column, name in names.items():
        assert orchestrator[column] == close(logged[name])
    assert orchestrator["wall_median"] == close(reference["orchestrator"]["sec_per_step_median"])
    assert orchestrator["weights_wait_share"] == close(0.138356311603852)
    assert trainer["batch_wait_share"] == close(0.44060045937421327)
    assert (orchestrator["batch_wait_share"], trainer["weights_wait_share"]) == (None, None)
    # Three at the start, and one behind each of the nine checkpoints.
    assert (orchestrator["spikes"], orchestrator["max_step"]) == (12, 2)
    assert (trainer["wall_samples"], trainer["samples"]) == (241, 500)


def test_together_they_are_quick(
    warehouse: dakota_wh.Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    """About a second on a quiet machine; the bound is for a busy one."""
    relations = [view.relation for view in warehouse.views()]
    taken = {}
    with connect(warehouse.path, relations) as connection:
        for relation in relations:
            begin = time.perf_counter()
            connection.execute(f"FROM {relation}").fetchmany(1)
            taken[relation] = time.perf_counter() - begin
    slowest = sorted(taken, key=lambda name: -taken[name])[:5]
    with capsys.disabled():
        each = ", ".join(f"{name} {taken[name]:.2f}" for name in slowest)
        print(f"\n{len(taken)} views: {sum(taken.values()):.2f} s ({each})")
    assert sum(taken.values()) < 20


def test_a_run_at_a_glance(look: Look, reference: dict[str, Any]) -> None:
    row = one(look("run_overview", run_id=ORCHESTRATOR))
    trend = reference["orchestrator"]["reward_trends"]["reward/mean"]
    stats = reference["orchestrator"]["reward_statistics"]["reward/mean"]
    assert row["reward_first_half"] == close(trend["first_half_mean"])
    assert row["reward_second_half"] == close(trend["second_half_mean"])
    assert row["reward_last"] == close(stats["last100_mean"])
    assert (row["reward_max"], row["reward_max_step"]) == (stats["max"], 904)
    assert (row["partner_run_id"], row["loss_last"]) == (TRAINER, None)
    assert (row["metrics"], row["dead_metrics"], row["dead_components"]) == (37, 5, 2)
    trainer = one(look("run_overview", run_id=TRAINER))
    assert (trainer["partner_run_id"], trainer["completeness"]) == (ORCHESTRATOR, "sampled")
    # Of 500 rows a tenth.
    with (DATA / TRAINER / f"{TRAINER}_history.csv").open(newline="") as file:
        entropy = [float(line["entropy/mean"]) for line in csv.DictReader(file)]
    assert trainer["entropy_last"] == close(math.fsum(entropy[-50:]) / 50)
    assert (trainer["entropy_last_samples"], row["reward_last_samples"]) == (50, 100)
    assert trainer["reward_metric"] is None
    compared = look("run_comparison")
    assert {(row["place"], row["runs"], row["difference"]) for row in compared} == {(1, 1, 0.0)}
    assert len(compared) == len(look("main_metrics")) == 12


def test_one_run_asked_for_has_its_partner_and_its_peers(
    warehouse: dakota_wh.Warehouse,
) -> None:
    for view in ("run_overview", "run_comparison"):
        whole = warehouse.query(view).arrow().to_pylist()
        one = warehouse.query(view, runs=[TRAINER]).arrow().to_pylist()
        assert one == [row for row in whole if row["run_id"] == TRAINER]
