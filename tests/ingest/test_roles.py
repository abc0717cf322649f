"""The role of a run: thirteen cases made by hand, and what happens when the role changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dakota_wh.api import Warehouse
from dakota_wh.errors import UsageProblem
from dakota_wh.ingest.landed import Action
from tests.ingest.kit import (
    VIEWS,
    Log,
    Row,
    answers,
    land,
    parts,
    roles_on_disk,
    stored_run,
    tables,
    tree,
    write_csv,
)

ORCHESTRATOR_KEYS = ("reward/mean", "metrics/affix_reward", "progress/ckpt_step", "batch/solve_all")
TRAINER_KEYS = ("loss/mean", "entropy/mean", "mismatch_kl/mean", "optim/grad_norm", "perf/mfu")
ERA_F = (
    "train/agg/effective/solver/reward/mean",
    "train/dakota/effective/solver/metrics/affix/mean",
    "dispatcher/off_policy_level_mean",
    "watcher/policy_version",
    *TRAINER_KEYS,
)
TINKER = ("env/all/reward/total", "env/all/ac_tokens_per_turn", "optim/lr", "optim/entropy")
VERL = ("critic/score/mean", "critic/rewards/mean", "actor/pg_loss", "actor/grad_norm", "actor/lr")
TRL = ("train/reward", "train/rewards/accuracy/mean", "train/loss", "train/grad_norm", "train/kl")
SFT = ("loss/mean", "loss/perplexity", "optim/lr", "optim/grad_norm", "perf/mfu", "val/loss")
NEUTRAL = ("time/step", "perf/throughput")

ORCHESTRATOR_CONFIG = {"rollouts_per_example": 8, "batch_size": 256}
TRAINER_CONFIG = {"optim": {"lr": 1e-6}, "loss": {"ratio": 8}, "scheduler": {"type": "constant"}}


@dataclass(frozen=True)
class Case:
    role: str
    keys: Iterable[str]
    config: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    evidence: tuple[str, ...] = ()


CASES = {
    "orchestrator by keys": Case("orchestrator", ORCHESTRATOR_KEYS, evidence=("4 orchestrator",)),
    "trainer by keys": Case("trainer", TRAINER_KEYS, evidence=("0 orchestrator and 5 trainer",)),
    "orchestrator by name": Case(
        "orchestrator", NEUTRAL, name="dakota-rl-Orch-2", evidence=("dakota-rl-Orch-2",)
    ),
    "trainer by name in the config": Case(
        "trainer",
        NEUTRAL,
        {"monitors": {"wandb": {"name": "dakota-rl_trainer"}}},
        evidence=("dakota-rl_trainer",),
    ),
    "orchestrator by config": Case("orchestrator", NEUTRAL, ORCHESTRATOR_CONFIG),
    "trainer by config": Case("trainer", NEUTRAL, TRAINER_CONFIG),
    "shared, era F": Case(
        "shared", ERA_F, ORCHESTRATOR_CONFIG, "dakota-trainer", ("orchestrator and", "trainer")
    ),
    "tinker": Case("single", TINKER, evidence=("tinker",)),
    "verl": Case("single", VERL, evidence=("verl",)),
    "TRL": Case("single", TRL, evidence=("trl",)),
    "SFT of prime-rl": Case("trainer", SFT),
    "nothing known": Case("unknown", NEUTRAL, {"seed": 1}, "sweet-sun-7", ("--role",)),
    "a conflict": Case(
        "unknown",
        TRAINER_KEYS,
        ORCHESTRATOR_CONFIG,
        "dakota-trainer",
        ("conflict", "5 trainer", "dakota-trainer", "orchestrator's keys"),
    ),
}


def test_there_are_thirteen_cases() -> None:
    assert len(CASES) == 13


def logged(keys: Iterable[str], count: int = 3) -> list[Row]:
    return [{"step": n, **dict.fromkeys(keys, n / 2)} for n in range(count)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_role(warehouse: Warehouse, tmp_path: Path, case: Case) -> None:
    info: Row = {"name": case.name} if case.name else {}
    path = write_csv(tmp_path, "r", logged(case.keys), config=case.config, **info)
    landed = land(warehouse, path)
    row = stored_run(warehouse, "r")
    assert landed.role == row["role"] == case.role, row["role_evidence"]
    for words in case.evidence:
        assert words in row["role_evidence"]
    assert roles_on_disk(warehouse, "r") == {case.role}
    for view, found in answers(warehouse, ("history", "metrics", "steps", "metric_stats")).items():
        assert {one["role"] for one in found.dicts()} == {case.role}, view


def test_the_writer_of_each_metric_of_a_shared_run(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, write_csv(tmp_path, "r", logged(ERA_F)))
    writers = {row["metric"]: row["writer"] for row in warehouse.query("series").dicts()}
    assert {metric for metric, who in writers.items() if who == "trainer"} == set(TRAINER_KEYS)
    assert {metric for metric, who in writers.items() if who == "orchestrator"} == set(ERA_F[:4])
    assert len(warehouse.query("reward_loss_by_step")) == 3
    (row, *_) = warehouse.query("reward_loss_by_step").dicts()
    assert (row["orchestrator_run_id"], row["trainer_run_id"]) == ("r", "r")
    assert row["reward"] is not None
    assert row["loss"] is not None


def test_a_given_role_stays(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").log(*logged(TRAINER_KEYS))
    path = log.write()
    assert land(warehouse, path).role == "trainer"
    assert land(warehouse, path, role="orchestrator").role == "orchestrator"
    assert stored_run(warehouse, "r")["role_evidence"] == "given by --role"
    before = tree(warehouse.path)
    assert land(warehouse, path).action is Action.UNCHANGED
    assert {name for name in before if "role=trainer" in name} >= set()
    assert roles_on_disk(warehouse, "r") == {"orchestrator"}
    log.log(*logged(TRAINER_KEYS)).end().write()
    grown = land(warehouse, path)
    assert (grown.action, grown.role, grown.rows) == (Action.GREW, "orchestrator", 6)
    warehouse.rebuild()
    assert stored_run(warehouse, "r")["role"] == "orchestrator"
    assert land(warehouse, path, force=True).role == "orchestrator"


def test_saying_the_role_that_was_found_makes_it_given(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    log = Log(tmp_path, "r").begin("r").log(*logged(TRAINER_KEYS))
    path = log.write()
    land(warehouse, path)
    land(warehouse, path, role="trainer")
    assert stored_run(warehouse, "r")["role_evidence"] == "given by --role"
    before = tree(warehouse.path)
    assert land(warehouse, path, role="trainer").action is Action.UNCHANGED
    assert changed(before, tree(warehouse.path)) == []
    log.log(*logged((*ORCHESTRATOR_KEYS, *TRAINER_KEYS)))
    log.write()
    assert land(warehouse, path).role == "trainer"


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the files that are new or differ; an earlier generation may be swept."""
    return [name for name, what in after.items() if before.get(name) != what]


def test_a_role_that_changes_moves_the_run_whole(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").log(*logged(TRAINER_KEYS))
    path = log.write()
    assert land(warehouse, path).role == "trainer"
    old = parts(warehouse, "history", "r")
    log.log(*({"step": 3 + n, **dict.fromkeys(ORCHESTRATOR_KEYS, 1.0)} for n in range(3)))
    log.write()
    landed = land(warehouse, path)
    assert (landed.role, landed.rows) == ("shared", 6)
    # Whoever began to read before still finds the old files, and no view counts them.
    assert all(part.is_file() for part in old)
    for view, found in answers(warehouse, VIEWS).items():
        assert {row.get("role", "shared") for row in found.dicts()} <= {"shared"}, view
    assert [row[0] for row in warehouse.sql("SELECT count(*) FROM history").rows()] == [6]
    whole = tables(warehouse)
    assert land(warehouse, path).action is Action.UNCHANGED
    assert roles_on_disk(warehouse, "r") == {"shared"}
    assert not any(part.exists() for part in old)
    assert tables(warehouse) == whole


def test_a_role_that_a_rebuild_changes_moves_the_run_whole(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dakota_wh.ingest import role

    path = write_csv(tmp_path, "r", logged(NEUTRAL), config={"seed": 1, "deep": {"er": [1, None]}})
    land(warehouse, path)
    before = tables(warehouse)
    with monkeypatch.context() as patched:
        patched.setattr(role, "detect", lambda *_: role.Role("trainer", "a test says so"))
        warehouse.rebuild()
    assert stored_run(warehouse, "r")["role"] == "trainer"
    assert roles_on_disk(warehouse, "r") == {"unknown", "trainer"}
    for view, found in answers(warehouse, VIEWS).items():
        assert {row.get("role", "trainer") for row in found.dicts()} <= {"trainer"}, view
    warehouse.rebuild()
    assert roles_on_disk(warehouse, "r") == {"trainer", "unknown"}
    assert tables(warehouse) == before
    land(warehouse, path)
    assert roles_on_disk(warehouse, "r") == {"unknown"}


def test_a_role_that_does_not_exist(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write_csv(tmp_path, "r", logged(NEUTRAL))
    with pytest.raises(UsageProblem, match="no role 'boss'"):
        warehouse.ingest(path, role="boss")
    assert not warehouse.path.exists()


@pytest.mark.parametrize("role", ["orchestrator", "trainer", "shared", "single", "unknown"])
def test_every_role_can_be_given(warehouse: Warehouse, tmp_path: Path, role: str) -> None:
    landed = land(warehouse, write_csv(tmp_path, "r", logged(VERL)), role=role)
    assert landed.role == role
    assert roles_on_disk(warehouse, "r") == {role}
