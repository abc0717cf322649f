"""Odd steps, texts for rewards, trainers one after the other: kept, said, and found by check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from tests.ingest.kit import Log, Row, assert_same, land, stored_run, tables
from tests.meaning.test_check import orchestrator_rows, trainer_rows, written

NAN = float("nan")


def findings(warehouse: Warehouse, name: str) -> list[tuple[str | None, str, str]]:
    found = warehouse.check()
    return [(f.run_id, f.severity, f.what) for f in found if f.check == name]


@pytest.mark.parametrize("odd", [10.5, NAN, float("inf"), "ten", 1e300, 2**64, [1]])
def test_one_odd_step_leaves_the_others(warehouse: Warehouse, tmp_path: Path, odd: object) -> None:
    rows: list[Row] = [{"step": n, "reward": n / 4, "loss": 1.0 + n} for n in range(60)]
    rows.insert(11, {"step": odd, "eval/acc": 0.5})
    land(warehouse, Log(tmp_path, "r").begin("r").log(*rows).end().write())
    run = stored_run(warehouse, "r")
    assert (run["step_key"], run["steps"], run["last_step"]) == ("step", 60, 59)
    assert (run["unstepped_rows"], run["duplicate_steps"]) == (1, 0)
    said = "step is no whole number in 1 of 61 rows"
    assert run["step_evidence"] == f"step is logged as the step; {said}, which have no step"
    assert findings(warehouse, "odd_steps") == [("r", "warning", run["step_evidence"])]
    timed = warehouse.query("timed_metrics").dicts()
    assert [(row["metric"], row["log_row"], row["value"]) for row in timed] == [
        ("eval/acc", 11, 0.5)
    ]
    assert warehouse.query("metrics", metric="step").rows() == []


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([n / 2 for n in range(40)], "step is logged, but is no whole number in 20 of 40 rows"),
        ([NAN] * 3 + [*range(37)], "step is logged, but is no whole number in 3 of 40 rows"),
        ([NAN, NAN, *range(38)], None),
        ([100 - n for n in range(40)], "step is logged, but falls in 39 of 40 rows"),
        ([*range(10)] + [None] * 30, "step is logged, but is in 10 of 40 rows only"),
        ([str(n) for n in range(40)], "step is logged, but is no whole number in 40 of 40 rows"),
        ([None] * 40, "step is logged, but holds nothing but None"),
    ],
)
def test_why_the_logged_step_is_not_the_step(
    warehouse: Warehouse, tmp_path: Path, steps: list[Any], said: str | None
) -> None:
    rows = [{"step": step, "loss": float(n)} for n, step in enumerate(steps)]
    land(warehouse, Log(tmp_path, "r").begin("r").log(*rows).end().write())
    run = stored_run(warehouse, "r")
    assert run["step_key"] == ("step" if said is None else "_step")
    assert said is None or run["step_evidence"] == f"W&B's own _step: {said}"
    assert len(warehouse.query("metrics", metric="loss")) == (38 if said is None else 40)
    odd = said is None or "whole" in said
    assert [run for run, *_ in findings(warehouse, "odd_steps")] == ["r"] * odd


def test_an_odd_value_on_an_axis_beside_the_step(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").axis("train/*", "update")
    for n in range(30):
        log.log({"step": n, "reward": n / 4}, {"update": NAN if n == 7 else 4 * n, "train/a": 1.0})
    land(warehouse, log.end().write())
    run = stored_run(warehouse, "r")
    assert run["step_evidence"] == (
        "step is logged as the step; update counts other steps, which its metrics keep; "
        "update is no whole number in 1 of 30 rows, which have no step"
    )
    assert len(warehouse.query("metrics", metric="train/a")) == 29
    assert len(warehouse.query("timed_metrics", metric="train/a")) == 1


def test_odd_steps_as_the_run_grows(warehouse: Warehouse, tmp_path: Path) -> None:
    """From too many of them to few enough, and on."""
    log = Log(tmp_path / "grown", "r").begin("r").log({"step": NAN, "reward": 0.0})
    keys = []
    for size in (10, 30, 60, 90):
        start = size - 10
        log.log(*({"step": n, "reward": n / 4, "note": "a"} for n in range(start, size)))
        log.log({"step": size + 0.5, "reward": "none"})
        land(warehouse, log.write())
        keys.append(stored_run(warehouse, "r")["step_key"])
    log.log(*({"step": n, "reward": n / 4} for n in range(100, 180)))
    land(warehouse, log.write())
    assert keys == ["_step"] * 4
    assert stored_run(warehouse, "r")["step_key"] == "step"
    log.log({"step": 180, "reward": 1.0}, {"step": NAN, "reward": 2.0}).end()
    land(warehouse, log.write())
    fresh = api.open(tmp_path / "fresh")
    land(fresh, log.path)
    assert_same(tables(warehouse), tables(fresh))
    (row,) = warehouse.query("series", metric="reward").dicts()
    assert (row["samples"], row["not_numbers"]) == (121, 4)


def test_rewards_that_are_texts(warehouse: Warehouse, tmp_path: Path) -> None:
    """Of each row but the first of these one is logged that is no number."""
    words = {"half": "n/a", "text": "0.5", "listed": [1.0], "none": None, "flag": True}
    log = Log(tmp_path, "r").begin("r")
    for n in range(20):
        row = {f"score/{name}": value for name, value in words.items()}
        log.log({"step": n, "reward/mean": n / 4, "loss": "x" if n else 1.0, **row})
        if n % 2:
            log.log({"step": n, "score/half": 0.5})
    land(warehouse, log.end().write())
    rows = {row["metric"]: row for row in warehouse.query("series").dicts()}
    assert {name: (row["samples"], row["not_numbers"]) for name, row in rows.items()} == {
        "reward/mean": (20, 0),
        "loss": (1, None),
        "score/half": (10, 20),
        "score/text": (0, 20),
        "score/listed": (0, 20),
        "score/flag": (20, 0),
    }
    assert {rows[name]["kind"] for name in ("score/text", "score/listed")} == {None}
    assert sorted(findings(warehouse, "not_numbers")) == [
        ("r", severity, f"{name} is a text or a list in 20 log rows, and a number at {number} steps: only numbers count")  # noqa: E501
        for name, severity, number in (
            ("score/listed", "info", 0),
            ("score/text", "info", 0),
            ("score/half", "warning", 10),
        )
    ]  # fmt: skip
    (overview,) = warehouse.query("run_overview").dicts()
    assert overview["metrics"] == 4


def test_the_only_reward_is_a_text(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r")
    log.log(*({"step": n, "reward/mean": str(n / 4), "loss": 1.0} for n in range(12)))
    land(warehouse, log.end().write())
    assert [(run, severity) for run, severity, _ in findings(warehouse, "not_numbers")] == [
        ("r", "warning")
    ]


def restarted(tmp_path: Path) -> list[Path]:
    """Write one orchestrator and the three trainers that it had, one after the other."""
    paths = [written(tmp_path, "orchestrator", orchestrator_rows(1))]
    rows = trainer_rows(1)
    for number in range(3):
        part = rows[20 * number : 20 * number + 20]
        run_id = f"trainer-{number}"
        log = Log(tmp_path, run_id).begin(run_id, name="x-trainer")
        for row in part:
            log.log({"_timestamp": 1.7e9 + 10 * row["step"] + 3, **row, "_runtime": 1.0})
        paths.append(log.end().write())
    return paths


def test_restarted_trainers_are_no_pair_and_said(warehouse: Warehouse, tmp_path: Path) -> None:
    for path in restarted(tmp_path):
        land(warehouse, path)
    names = "trainer-0, trainer-1, trainer-2"
    assert warehouse.query("run_pairs").rows() == []
    (found,) = findings(warehouse, "restarted_trainer")
    assert found[:2] == ("orchestrator", "warning")
    assert found[2].startswith(f"3 trainers ran one after the other and share its steps: {names}.")
    assert findings(warehouse, "uncovered_steps") == []
    warehouse.pair("orchestrator", "trainer-0")
    assert findings(warehouse, "restarted_trainer") == []
    assert findings(warehouse, "uncovered_steps") == [
        (
            "orchestrator",
            "warning",
            "its trainer trainer-0 has 20 of 60 steps; trainer-1, trainer-2 logged 40 of the "
            "rest, in no pair",
        )
    ]


def test_another_training_beside_a_short_trainer_covers_nothing(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """It has the first steps as well: it is no continuation."""
    land(warehouse, written(tmp_path, "orchestrator", orchestrator_rows(1)))
    land(warehouse, written(tmp_path, "trainer", trainer_rows(1)[:20]))
    land(warehouse, written(tmp_path, "other-trainer", trainer_rows(2)))
    warehouse.pair("orchestrator", "trainer")
    assert findings(warehouse, "uncovered_steps") == []
