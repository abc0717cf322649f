"""The canonical step: which axis is chosen, and how log rows collapse onto it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dakota_wh.api import Warehouse
from tests.ingest.kit import Log, Row, land, stored_run, write_csv

TRAINER = {"loss/mean": 1.0, "entropy/mean": 1.0, "optim/lr": 0.1, "mismatch_kl/mean": 0.5}


def series(warehouse: Warehouse, metric: str) -> list[tuple[int, float]]:
    rows = warehouse.query("metrics", metric=metric).dicts()
    return [(row["step"], row["value"]) for row in rows]


def stored(warehouse: Warehouse, path: Path) -> Row:
    land(warehouse, path)
    return stored_run(warehouse, "r")


def test_the_logged_step(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [{"_step": 10 + n, "step": 5 * n, "loss": n / 2} for n in range(6)]
    row = stored(warehouse, write_csv(tmp_path, "r", rows))
    assert (row["step_key"], row["first_step"], row["last_step"]) == ("step", 0, 25)
    assert (row["steps"], row["gaps"]) == (6, 20)
    assert series(warehouse, "*") == [(5 * n, n / 2) for n in range(6)]
    assert {r["metric"] for r in warehouse.query("metrics").dicts()} == {"loss"}


def test_own_step_where_no_other_is_logged(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [{"_step": 3 * n, "loss": float(n)} for n in range(4)]
    row = stored(warehouse, write_csv(tmp_path, "r", rows))
    assert (row["step_key"], row["first_step"], row["last_step"]) == ("_step", 0, 9)
    assert series(warehouse, "loss") == [(0, 0.0), (3, 1.0), (6, 2.0), (9, 3.0)]


@pytest.mark.parametrize(
    "key", ["train/global_step", "training/global_step", "trainer/global_step", "global_step"]
)
def test_the_step_of_other_frameworks(warehouse: Warehouse, tmp_path: Path, key: str) -> None:
    rows = [{key: 10 * (n + 1), "train/loss": float(n)} for n in range(4)]
    row = stored(warehouse, write_csv(tmp_path, "r", rows))
    assert (row["step_key"], row["first_step"], row["last_step"]) == (key, 10, 40)


def test_the_axis_that_a_definition_names(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").axis("*", "episode")
    log.log(*({"episode": 100 + n, "loss": float(n)} for n in range(5)))
    row = stored(warehouse, log.end().write())
    assert row["step_key"] == "episode"
    assert "define_metric" in row["step_evidence"]
    assert series(warehouse, "*") == [(100 + n, float(n)) for n in range(5)]


def test_definitions_that_disagree_name_no_axis(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").axis("train/*", "epoch").axis("eval/*", "round")
    log.log(*({"epoch": n // 2, "round": n, "train/loss": float(n)} for n in range(5)))
    assert stored(warehouse, log.end().write())["step_key"] == "_step"


def test_several_rows_of_a_step_collapse_to_the_last_value_of_each_metric(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """As in a run that two processes write: each row has some of the keys."""
    log = Log(tmp_path, "r").begin("r").axis("*", "step")
    for n in range(4):
        log.log({"step": n, "reward/mean": n / 4, "twice": 0.0, "metrics/x": 1.0})
        log.log({"step": n, **TRAINER, "twice": float(n)}, {"step": n, "time/step": 2.0})
    row = stored(warehouse, log.end().write())
    assert (row["rows"], row["steps"], row["last_step"]) == (12, 4, 3)
    assert (row["collapsed_rows"], row["duplicate_steps"]) == (8, 4)
    assert series(warehouse, "twice") == [(n, float(n)) for n in range(4)]
    assert series(warehouse, "reward/mean") == [(n, n / 4) for n in range(4)]
    steps = warehouse.query("steps").dicts()
    assert [(s["step"], s["log_rows"]) for s in steps] == [(n, 3) for n in range(4)]
    # The time of a step is that of its last row.
    assert [s["runtime"] for s in steps] == [5.0, 12.5, 20.0, 27.5]


def test_a_step_that_begins_anew_in_each_epoch_is_not_taken(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    rows = [{"step": n % 5, "loss": float(n)} for n in range(50)]
    row = stored(warehouse, write_csv(tmp_path, "r", rows))
    assert (row["step_key"], row["steps"], row["last_step"]) == ("_step", 50, 49)
    assert ("step", 50) in {
        (r["metric"], r["samples"]) for r in warehouse.query("training_stats").dicts()
    }


def test_a_step_that_few_rows_have_is_not_taken(warehouse: Warehouse, tmp_path: Path) -> None:
    rows: list[Row] = [{"loss": float(n)} for n in range(50)]
    rows[7]["step"] = 3
    assert stored(warehouse, write_csv(tmp_path, "r", rows))["step_key"] == "_step"


def test_a_resumed_run_may_go_back_once(warehouse: Warehouse, tmp_path: Path) -> None:
    steps = [*range(30), *range(20, 50)]
    rows = [{"step": step, "loss": float(n)} for n, step in enumerate(steps)]
    row = stored(warehouse, write_csv(tmp_path, "r", rows))
    assert (row["step_key"], row["steps"], row["duplicate_steps"]) == ("step", 50, 10)
    values = dict(series(warehouse, "loss"))
    assert (values[19], values[20], values[29], values[49]) == (19.0, 30.0, 39.0, 59.0)
    assert [r["ord"] for r in warehouse.query("metrics").dicts()] == list(range(50))


@pytest.mark.parametrize(
    ("values", "key"),
    [([0.0, 1.0, 2.0, 3.0], "step"), ([0.25, 0.5, 0.75, 1.0], "_step"), (["a", "b"], "_step")],
)
def test_float_steps(warehouse: Warehouse, tmp_path: Path, values: list[Any], key: str) -> None:
    """Whole floats are steps; fractions (of an epoch, say) and texts are none."""
    rows = [{"step": value, "loss": 1.0} for value in values]
    row = stored(warehouse, write_csv(tmp_path, "r", rows))
    assert (row["step_key"], row["steps"]) == (key, len(values))
    types = dict(zip(*(lambda r: (r.columns, r.types))(warehouse.query("steps")), strict=True))
    assert types["step"] == "BIGINT"


def test_rows_without_a_step_are_counted_and_kept(warehouse: Warehouse, tmp_path: Path) -> None:
    """Such as what prime-rl samples of its inference servers, on an axis of time."""
    log = Log(tmp_path, "r").begin("r").axis("*", "step")
    for n in range(6):
        log.log({"step": n, "reward/mean": 0.5, **TRAINER})
        log.log({"inference/agg/queue/mean": n / 8}, {"inference/agg/queue/mean": n / 4})
    row = stored(warehouse, log.end().write())
    assert (row["rows"], row["steps"], row["unstepped_rows"]) == (18, 6, 12)
    assert series(warehouse, "inference/*") == []
    kept = warehouse.sql('SELECT count("inference/agg/queue/mean") FROM history').rows()
    assert kept == [(12,)]
    assert row["evidence"].count("18 rows") == 1


def test_a_prime_rl_step_is_trusted_though_few_rows_have_it(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    log = Log(tmp_path, "r").begin("r").log({"step": 0, **TRAINER})
    log.log(*({"dispatcher/queue": float(n)} for n in range(20))).log({"step": 1, **TRAINER})
    row = stored(warehouse, log.end().write())
    assert (row["step_key"], row["steps"], row["unstepped_rows"]) == ("step", 2, 20)


def test_negative_and_very_large_steps(warehouse: Warehouse, tmp_path: Path) -> None:
    steps = [-5, 0, 2**40, 2**62]
    rows = [{"step": step, "loss": float(n)} for n, step in enumerate(steps)]
    row = stored(warehouse, write_csv(tmp_path, "r", rows))
    assert (row["first_step"], row["last_step"]) == (-5, 2**62)
    assert series(warehouse, "loss") == [(step, float(n)) for n, step in enumerate(steps)]
