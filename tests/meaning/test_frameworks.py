"""One training in the log of every other framework, by the real client with that framework's keys.

How each calls its step, and which axes it defines, follows section 3 of the notes on metrics.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from tests.meaning.test_patterns import KEYS, split

UPDATES = 8

#: A row and the step that ``log`` is told.
Call = tuple[dict[str, Any], int | None]


@dataclass(frozen=True)
class Logged:
    """How a framework logs: its rows, the axes it defines, and the step that they lie on."""

    calls: Callable[[str], Iterator[Call]]
    step_key: str
    axes: tuple[tuple[str, str], ...] = ()
    first: int = 1
    stride: int = 1


def value(key: str, update: int) -> float:
    """What is logged under a key at an update, counted from 0."""
    return len(key) + update / 8 + sum(map(ord, key)) % 13


def row(name: str, update: int, beginning: str = "") -> dict[str, float]:
    """The framework's metrics of an update; those whose key begins so."""
    keys = [key for keys in KEYS[name].values() for key in keys.split()]
    return {
        key: value(key, update)
        for key in keys
        if key.startswith(beginning) and key != "rollout/step"
    }


def told(key: str | None = None) -> Callable[[str], Iterator[Call]]:
    """``log(row, step=n)``, perhaps with the same number under a key."""

    def calls(name: str) -> Iterator[Call]:
        for n in range(UPDATES):
            yield row(name, n) | ({key: n + 1} if key else {}), n + 1

    return calls


def in_row(key: str, stride: int = 1) -> Callable[[str], Iterator[Call]]:
    """``log(row)`` with the step in the row: W&B's own counts the log calls, here two an update."""

    def calls(name: str) -> Iterator[Call]:
        for n in range(UPDATES):
            rest = row(name, n)
            half = len(rest) // 2
            first = dict(list(rest.items())[:half])
            yield first | {key: (n + 1) * stride}, None
            yield {k: v for k, v in rest.items() if k not in first} | {key: (n + 1) * stride}, None

    return calls


def openrlhf(name: str) -> Iterator[Call]:
    for n in range(UPDATES):
        yield row(name, n, "train/") | {"train/global_step": n + 1}, None
        if n % 4 == 3:
            yield row(name, n, "eval/") | {"eval/epoch": n // 4}, None


def nemo_rl(name: str) -> Iterator[Call]:
    """Its machines are sampled on an axis of their own, which is not that of the training."""
    for n in range(UPDATES):
        yield {"ray/node.0.gpu.0.util": 0.5, "ray/ray_step": 3 * n}, n + 1
        yield row(name, n), n + 1


def slime(updates: int) -> Callable[[str], Iterator[Call]]:
    """Three axes, so many updates a rollout; the client fills in the step of ``perf/``."""

    def calls(name: str) -> Iterator[Call]:
        yield {"perf/rollout_time": 0.0}, None
        for n in range(UPDATES):
            yield row(name, n, "rollout/") | {"rollout/step": n}, None
            for update in range(n * updates, (n + 1) * updates):
                yield row(name, update, "train/") | {"train/step": update}, None
            if n % 4 == 0:
                yield row(name, n, "eval/") | {"eval/step": n}, None

    return calls


TRAINER = (("*", "train/global_step"),)
SLIME = (
    ("train/*", "train/step"),
    ("rollout/*", "rollout/step"),
    ("multi_turn/*", "rollout/step"),
    ("passrate/*", "rollout/step"),
    ("eval/*", "eval/step"),
    ("perf/*", "rollout/step"),
)

FRAMEWORKS = {
    "verl": Logged(told("training/global_step"), "training/global_step"),
    "trl": Logged(in_row("train/global_step"), "train/global_step", TRAINER),
    "trl, older and without a prefix": Logged(
        in_row("train/global_step"), "train/global_step", TRAINER
    ),
    "trl-ppo": Logged(in_row("train/global_step"), "train/global_step", TRAINER),
    "openrlhf": Logged(
        openrlhf,
        "train/global_step",
        (("train/*", "train/global_step"), ("eval/*", "eval/epoch")),
    ),
    "nemo-rl": Logged(nemo_rl, "_step", (("ray/*", "ray/ray_step"),)),
    "skyrl": Logged(told("trainer/global_step"), "trainer/global_step"),
    "slime": Logged(slime(1), "rollout/step", SLIME, first=0),
    "areal": Logged(told(), "_step"),
    "rllm over verl": Logged(told(), "_step"),
    "rllm over tinker": Logged(told(), "_step"),
    "tinker": Logged(told("progress/batch"), "_step"),
    "verifiers": Logged(in_row("train/global_step"), "train/global_step", TRAINER),
    "sb3": Logged(in_row("global_step", 2048), "global_step", first=2048, stride=2048),
}
#: Each rollout makes three updates.
SPLIT_SLIME = Logged(slime(3), "rollout/step", SLIME, first=0)

every = pytest.mark.parametrize("name", FRAMEWORKS)


def run_id(name: str) -> str:
    return name.replace(" ", "-").replace(",", "")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse with a run of every framework."""
    folder = tmp_path_factory.mktemp("frameworks")
    runs = {run_id(name): (how, name) for name, how in FRAMEWORKS.items()}
    runs["slime-3"] = (SPLIT_SLIME, "slime")
    plan = [[run, how.axes, list(how.calls(name))] for run, (how, name) in runs.items()]
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
    subprocess.run(
        [sys.executable, Path(__file__).with_name("replay.py"), folder / "plan.json", folder],
        env=environment | {"WANDB_MODE": "offline", "WANDB_SILENT": "true"},
        check=True,
        capture_output=True,
        timeout=180,
    )
    found = api.open(folder / "warehouse")
    landed = found.ingest(folder / "wandb")
    assert [one.error for one in landed] == [None] * len(plan)
    return found


def test_every_framework_of_the_table_has_a_log() -> None:
    with_keys = {name for name in KEYS if not name.startswith("prime-rl")}
    assert with_keys - {"any", "else", "trl dpo"} == FRAMEWORKS.keys()


@every
def test_it_is_one_run_on_the_frameworks_step(warehouse: Warehouse, name: str) -> None:
    how = FRAMEWORKS[name]
    (found,) = warehouse.query("runs", runs=[run_id(name)]).dicts()
    assert (found["role"], found["step_key"]) == ("single", how.step_key)
    assert (found["steps"], found["first_step"]) == (UPDATES, how.first)
    assert found["last_step"] == how.first + (UPDATES - 1) * how.stride


@every
def test_the_canonical_metrics_are_found_on_their_steps(warehouse: Warehouse, name: str) -> None:
    how, run = FRAMEWORKS[name], run_id(name)
    no_main = ("reward_component", "total_tokens", "step_tokens")
    wanted = {
        kind: key for key, kind, rank in split(KEYS[name]) if rank == 1 and kind not in no_main
    }
    rows = warehouse.query("main_metrics", runs=[run]).dicts()
    assert {row["kind"]: row["metric"] for row in rows} == wanted
    assert {row["axis"] for row in rows} == {None}
    for key in wanted.values():
        found = warehouse.query("metrics", runs=[run], metric=key).dicts()
        expected = [(how.first + n * how.stride, value(key, n)) for n in range(UPDATES)]
        assert [(row["step"], row["value"]) for row in found] == expected


@every
def test_the_loss_is_beside_the_reward(warehouse: Warehouse, name: str) -> None:
    rows = warehouse.query("reward_loss_by_step", runs=[run_id(name)]).dicts()
    assert len(rows) == UPDATES
    for kind in ("reward", "loss"):
        if kind not in KEYS[name]:  # tinker's service returns none
            continue
        key = KEYS[name][kind].split()[0]
        assert [row[kind] for row in rows] == [value(key, n) for n in range(UPDATES)]


def test_what_another_axis_counts_keeps_it(warehouse: Warehouse) -> None:
    """Epochs of OpenRLHF's evaluation are no training steps."""
    rows = warehouse.query("series", runs=["openrlhf"], metric="eval/*").dicts()
    assert [(row["metric"], row["axis"], row["last_step"]) for row in rows] == [
        ("eval/eval_gsm8k_pass1", "eval/epoch", 1)
    ]
    assert len(warehouse.query("timed_metrics", runs=["openrlhf"])) == 0


def test_three_updates_of_a_rollout_are_not_joined_to_three_rollouts(warehouse: Warehouse) -> None:
    (run,) = warehouse.query("runs", runs=["slime-3"]).dicts()
    assert (run["step_key"], run["steps"], run["last_step"]) == ("rollout/step", 8, 7)
    assert "train/step counts other steps" in run["step_evidence"]
    assert "eval/step counts the same" in run["step_evidence"]
    series = {row["metric"]: row for row in warehouse.query("series", runs=["slime-3"]).dicts()}
    updates = {metric for metric, one in series.items() if one["axis"] == "train/step"}
    assert updates == row("slime", 0, "train/").keys()
    assert series["train/loss"]["samples"] == 24
    losses = warehouse.query("metrics", runs=["slime-3"], metric="train/loss").dicts()
    assert [(row["step"], row["value"]) for row in losses] == [
        (n, value("train/loss", n)) for n in range(24)
    ]
    rows = warehouse.query("reward_loss_by_step", runs=["slime-3"]).dicts()
    assert [(row["step"], row["reward"]) for row in rows] == [
        (n, value("rollout/raw_reward", n)) for n in range(8)
    ]
    assert {row["loss"] for row in rows} == {None}
    rows = warehouse.query("reward_loss_by_policy", runs=["slime-3"]).dicts()
    assert {row["loss_metric"] for row in rows} == {None}
    assert "train/loss" not in str(
        warehouse.query("reward_loss_correlation", runs=["slime-3"]).rows()
    )
    assert "train/loss" in str(warehouse.query("reward_loss_correlation", runs=["slime"]).rows())


@pytest.mark.parametrize("run", ["slime", "slime-3"])
def test_no_axis_is_a_metric(warehouse: Warehouse, run: str) -> None:
    names = {row["metric"] for row in warehouse.query("series", runs=[run]).dicts()}
    assert not {name for name in names if name.endswith("/step")}
