"""The owner's two runs: every number equals what pandas and NumPy computed from the same files."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from tests.ingest.kit import Row, rows_of, stored_run

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
ORCHESTRATOR, TRAINER = "29hn8w98", "7nikv4vp"

pytestmark = pytest.mark.skipif(
    not (DATA / "reference_results.json").is_file(),
    reason=f"the owner's exports are not at {DATA}",
)

Ask = Callable[[str], list[Row]]


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "reference_results.json").read_text())
    return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = api.open(tmp_path_factory.mktemp("reference") / "warehouse")
    landed = warehouse.ingest(DATA / ORCHESTRATOR, DATA / TRAINER)
    assert [(one.run_id, one.action) for one in landed] == [
        (ORCHESTRATOR, "stored"),
        (TRAINER, "stored"),
    ]
    return warehouse


def in_python(warehouse: Warehouse, view: str) -> list[Row]:
    return warehouse.query(view).dicts()


def on_command_line(warehouse: Warehouse, view: str) -> list[Row]:
    if not (ROOT / "cli.py").is_file():
        pytest.skip("cli.py is not there")
    words = ["query", view, "--format", "json", "--warehouse", str(warehouse.path)]
    return asked([sys.executable, "-m", "dakota_wh", *words])


def in_old_shell(warehouse: Warehouse, view: str) -> list[Row]:
    shell = Path(sys.executable).with_name("duckdb")
    catalogue = warehouse.path / "warehouse.duckdb"
    return asked([str(shell), "-readonly", "-json", str(catalogue), f"FROM {view}"])


def asked(words: list[str]) -> list[Row]:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: list[Row] = json.loads(done.stdout)
    return found


@pytest.fixture(params=[in_python, on_command_line, in_old_shell])
def ask(request: pytest.FixtureRequest, filled: Warehouse) -> Ask:
    return lambda view: request.param(filled, view)


def same(got: object, wanted: float | None) -> bool:
    if wanted is None or got is None:
        return got is wanted
    assert isinstance(got, int | float)
    return math.isclose(got, wanted, rel_tol=1e-9, abs_tol=0.0)


def wanted_metrics(reference: dict[str, Any], side: str) -> dict[str, Any]:
    """All metrics of a side; W&B's own keys and the step are none."""
    return {
        name: found
        for name, found in reference[side]["all_metrics"].items()
        if not name.startswith("_") and name != "step"
    }


def is_reward(name: str) -> bool:
    return "reward" in name.lower() or "score" in name.lower()


def by_metric(rows: list[Row]) -> dict[tuple[str, str], Row]:
    found = {(row["run_id"], row["metric"]): row for row in rows}
    assert len(found) == len(rows)
    return found


STATS = {
    "samples": "n",
    "mean": "mean",
    "median": "median",
    "std": "std_ddof1",
    "min": "min",
    "max": "max",
    "final": "final",
    "initial": "first",
}
TRENDS = {
    "samples": "n",
    "first_half_mean": "first_half_mean",
    "second_half_mean": "second_half_mean",
    "improvement": "improvement",
    "improvement_pct": "improvement_pct_nullable",
}


def check(rows: list[Row], reference: dict[str, Any], names: dict[str, str], *, half: bool) -> int:
    """Compare every row and column with the reference; return the number of values compared."""
    found = by_metric(rows)
    compared = 0
    for side, run_id in (("orchestrator", ORCHESTRATOR), ("trainer", TRAINER)):
        for metric, wanted in wanted_metrics(reference, side).items():
            row = found.pop((run_id, metric), None)
            if row is None:
                continue
            assert row["role"] == side
            for column, name in names.items():
                value = (wanted["half"] if half else wanted)[name]
                assert same(row[column], value), (run_id, metric, column, row[column], value)
                compared += 1
    assert found == {}
    return compared


@pytest.mark.parametrize("what", ["stats", "trends"])
def test_statistics_and_trends_of_all_metrics(
    ask: Ask, reference: dict[str, Any], what: str
) -> None:
    rewards, others = ask(f"reward_{what}"), ask(f"training_{what}")
    assert all(is_reward(row["metric"]) for row in rewards)
    assert not any(is_reward(row["metric"]) for row in others)
    wanted = {
        (run_id, metric)
        for side, run_id in (("orchestrator", ORCHESTRATOR), ("trainer", TRAINER))
        for metric in wanted_metrics(reference, side)
    }
    assert len(wanted) == 37 + 68
    assert set(by_metric(rewards + others)) == wanted
    names = STATS if what == "stats" else TRENDS
    compared = check(rewards + others, reference, names, half=what == "trends")
    assert compared == len(wanted) * len(names)
    if what == "stats":
        assert {row["nonfinite"] for row in rewards + others} == {0}


def test_reward_trends_are_those_of_the_seed(ask: Ask, reference: dict[str, Any]) -> None:
    side = reference["orchestrator"]
    found = by_metric(ask("reward_trends"))
    assert [metric for run_id, metric in sorted(found) if run_id == ORCHESTRATOR] == sorted(
        side["reward_columns"]
    )
    for metric, wanted in side["reward_trends"].items():
        for column, name in TRENDS.items():
            assert same(found[ORCHESTRATOR, metric][column], wanted[name])


def test_rewards_beside_the_loss_of_the_same_step(ask: Ask, reference: dict[str, Any]) -> None:
    join = reference["join_by_step"]
    rows = sorted(ask("reward_loss_by_step"), key=lambda row: int(row["step"]))
    assert [row["step"] for row in rows] == list(range(1000))
    assert {(row["orchestrator_run_id"], row["trainer_run_id"]) for row in rows} == {
        (ORCHESTRATOR, TRAINER)
    }
    assert len(rows) == join["left_join_rows"]
    both = [row for row in rows if row["loss"] is not None]
    assert len(both) == join["rows"] == 500
    assert [row["step"] for row in both] == reference["trainer"]["steps_present"]
    for key in ("reward", "loss"):
        total = math.fsum(row[key] for row in both)
        assert same(total, join[f"{key}_sum"])
        assert same(total / len(both), join[f"{key}_mean_avg"])
        for which, row in (("first_row", both[0]), ("last_row", both[-1])):
            assert row["step"] == join[which]["step"]
            assert same(row[key], join[which][key])
    all_rewards = reference["orchestrator"]["all_metrics"]["reward/mean"]
    assert same(math.fsum(row["reward"] for row in rows), all_rewards["sum"])
    for column, metric in (
        ("entropy", "entropy/mean"),
        ("kl", "mismatch_kl/mean"),
        ("grad_norm", "optim/grad_norm"),
    ):
        wanted = reference["trainer"]["all_metrics"][metric]
        assert same(math.fsum(row[column] for row in both), wanted["sum"])
        assert all(row[column] is None for row in rows if row["loss"] is None)


def test_runs_say_how_complete_they_are(ask: Ask) -> None:
    found = {row["run_id"]: row for row in ask("runs")}
    orchestrator, trainer = found[ORCHESTRATOR], found[TRAINER]
    assert orchestrator["completeness"] == "complete"
    assert (orchestrator["rows"], orchestrator["expected_rows"]) == (1000, 1000)
    assert (orchestrator["first_step"], orchestrator["last_step"]) == (0, 999)
    assert (trainer["completeness"], trainer["sampled"]) == ("sampled", "yes")
    assert (trainer["rows"], trainer["expected_rows"]) == (500, 1000)
    assert (trainer["first_step"], trainer["last_step"]) == (0, 998)
    assert "499 missing" in trainer["evidence"]
    assert [found[run]["role"] for run in (ORCHESTRATOR, TRAINER)] == ["orchestrator", "trainer"]


def test_the_all_in_one_export_gives_the_same_tables(filled: Warehouse, tmp_path: Path) -> None:
    other = api.open(tmp_path / "warehouse")
    (landed,) = other.ingest(DATA / "dakota_rl_wandb_export.json")
    assert (landed.run_id, landed.role, landed.rows) == (ORCHESTRATOR, "orchestrator", 1000)
    for view, count in (
        ("history", 1000),
        ("metrics", 37_000),
        ("series", 37),
        ("steps", 1000),
        ("summary", None),
        ("reward_trends", 6),
        ("training_stats", 31),
    ):
        wanted = filled.query(view, runs=[ORCHESTRATOR])
        got = other.query(view, runs=[ORCHESTRATOR])
        assert (got.columns, got.types) == (wanted.columns, wanted.types), view
        assert rows_of(got) == rows_of(wanted), view
        assert count in (None, len(got))
    first, second = stored_run(filled, ORCHESTRATOR), stored_run(other, ORCHESTRATOR)
    # What a CSV does not know; all else must agree.
    told = {"entity", "project", "name", "state", "created_at", "url", "tags", "lossy"}
    told |= {"source", "source_name", "ingested_at", "generation", "role_evidence", "warnings"}
    assert {k for k in first if first[k] != second[k]} <= told
    assert (second["project"], second["name"]) == (
        "dakota-rl-grammar",
        "dakota-0.6b-rl-orchestrator",
    )
