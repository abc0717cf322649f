"""The canonical step: which axis is chosen, and how log rows collapse onto it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dakota_wh.api import Warehouse
from dakota_wh.api import open as open_warehouse
from dakota_wh.ingest.landed import Action
from tests.ingest.kit import (
    Log,
    Row,
    assert_same,
    land,
    stored_run,
    tables,
    without_table,
    write_csv,
)

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


def test_an_axis_of_a_few_metrics_is_not_the_runs(warehouse: Warehouse, tmp_path: Path) -> None:
    """As NeMo-RL samples its machines."""
    log = Log(tmp_path, "r").begin("r").axis("ray/*", "ray/ray_step")
    for n in range(5):
        log.log({"ray/util": 0.5, "ray/ray_step": 10 * n}, {"train/a": 1.0 * n, "train/b": 2.0 * n})
    row = stored(warehouse, log.end().write())
    assert (row["step_key"], row["unstepped_rows"]) == ("_step", 0)


def test_an_axis_that_most_metrics_have_is_the_runs(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").axis("loss", "episode").axis("acc", "episode")
    log.log(*({"episode": 100 + n, "loss": float(n), "acc": 0.5} for n in range(5)))
    assert stored(warehouse, log.end().write())["step_key"] == "episode"


def test_an_axis_beside_the_step_gives_way_to_it(warehouse: Warehouse, tmp_path: Path) -> None:
    """Defined for a plot: every row has the step as well."""
    log = Log(tmp_path, "r").begin("r").axis("train/*", "tokens")
    log.log(*({"step": n, "tokens": 1000 * n, "train/loss": float(n)} for n in range(6)))
    row = stored(warehouse, log.end().write())
    assert (row["step_key"], row["step_evidence"]) == ("step", "step is logged as the step")
    assert series(warehouse, "train/loss") == [(n, float(n)) for n in range(6)]
    assert series(warehouse, "tokens") == [(n, 1000.0 * n) for n in range(6)]


def rollouts(log: Log, numbers: range, updates: int) -> Log:
    """Add what three axes count: a rollout, so many updates, and an evaluation of each fourth."""
    for n in numbers:
        log.log({"rollout/raw_reward": n / 4, "rollout/step": n})
        for update in range(n * updates, (n + 1) * updates):
            log.log({"train/loss": float(update), "train/step": update})
        if n % 4 == 0:
            log.log({"eval/aime": n / 2, "eval/step": n})
    return log


@pytest.mark.parametrize("updates", [1, 2, 4])
def test_several_axes_without_definitions_and_as_the_run_grows(
    warehouse: Warehouse, tmp_path: Path, updates: int
) -> None:
    """slime's: with one update a rollout all count the same, which later rows may disprove."""
    log = Log(tmp_path / "grown", "r").begin("r")
    path = rollouts(log, range(1), updates).write()
    land(warehouse, path)
    for numbers in (range(1, 3), range(3, 9), range(9, 12)):
        rollouts(log, numbers, updates).write()
        land(warehouse, path)
    fresh = open_warehouse(tmp_path / "fresh")
    land(fresh, path)
    without = {"ingested_at", "generation", "_part"}
    assert_same(tables(warehouse, without=without), tables(fresh, without=without))
    row = stored_run(warehouse, "r")
    assert (row["step_key"], row["steps"]) == ("rollout/step", 12)
    assert series(warehouse, "train/loss") == [(n, float(n)) for n in range(12 * updates)]
    assert series(warehouse, "eval/aime") == [(n, n / 2) for n in (0, 4, 8)]
    axes = {r["metric"]: r["axis"] for r in warehouse.query("series").dicts()}
    assert axes == {
        "rollout/raw_reward": None,
        "eval/aime": None,
        "train/loss": None if updates == 1 else "train/step",
    }
    assert row["unstepped_rows"] == 0


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


def test_a_step_has_the_time_of_its_first_row_and_of_its_last(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    rows = [
        {"step": 0, "loss": 1.0, "_timestamp": 100.5},
        {"step": 1, "loss": 2.0, "_timestamp": 110.25},
        {"step": 0, "eval/x": 1.0, "_timestamp": 120.0},
        {"step": 2, "loss": 3.0},
    ]
    land(warehouse, write_csv(tmp_path, "r", rows))
    steps = warehouse.query("steps").dicts()
    assert [(s["step"], s["first_timestamp"], s["timestamp"]) for s in steps] == [
        (0, 100.5, 120.0),
        (1, 110.25, 110.25),
        (2, None, None),
    ]


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
    timed = warehouse.query("timed_metrics").dicts()
    assert sorted((r["log_row"], r["metric"], r["runtime"], r["value"]) for r in timed) == [
        (at, "inference/agg/queue/mean", 2.5 * at, value)
        for n in range(6)
        for at, value in ((3 * n + 1, n / 8), (3 * n + 2, n / 4))
    ]
    assert row["evidence"].count("18 rows") == 1


def test_numbers_by_time_go_on_as_the_run_grows(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path / "grown", "r").begin("r").axis("*", "step")
    for n in range(4):
        log.log({"step": n, "reward/mean": 0.5, **TRAINER}, {"inference/x": n / 8, "text": "a"})
        land(warehouse, log.write())
    fresh = open_warehouse(tmp_path / "fresh")
    land(fresh, log.path)
    assert_same(tables(warehouse), tables(fresh))
    rows = warehouse.query("timed_metrics").dicts()
    assert sorted((r["log_row"], r["value"]) for r in rows) == [
        (2 * n + 1, n / 8) for n in range(4)
    ]


def test_a_row_that_holds_nothing_at_its_step_makes_none(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """The client writes 0 before the first step; prime-rl counts from 1."""
    log = Log(tmp_path, "r").begin("r").axis("*", "step").axis("inference/*", "_timestamp")
    log.log({"step": 0}, {"step": 0, "inference/x": 1.0}, {"step": 0, "dispatcher/queue": 2.0})
    for n in range(1, 5):
        log.log({"step": n, "reward/mean": n / 4, **TRAINER}, {"step": n, "inference/x": n + 1.0})
    # Beside a metric of the step they are of the step, and a text is something at it.
    log.log({"step": 5, "reward/mean": 1.25, "dispatcher/queue": 7.0}, {"step": 6, "note": "done"})
    row = stored(warehouse, log.end().write())
    assert (row["first_step"], row["last_step"], row["steps"]) == (1, 6, 6)
    assert (row["unstepped_rows"], row["collapsed_rows"], row["duplicate_steps"]) == (7, 0, 0)
    assert series(warehouse, "reward/mean") == [(n, n / 4) for n in range(1, 6)]
    assert series(warehouse, "dispatcher/queue") == [(5, 7.0)]
    timed = warehouse.query("timed_metrics").dicts()
    assert sorted((r["metric"], r["value"]) for r in timed) == [
        ("dispatcher/queue", 2.0),
        *(("inference/x", n + 1.0) for n in range(5)),
    ]


def test_parts_of_an_earlier_version_are_read_and_derived_anew(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """Without the columns and the folder that came later."""
    log = Log(tmp_path, "r").begin("r").axis("*", "step")
    for n in range(3):
        log.log({"step": n, "reward/mean": 0.5, **TRAINER}, {"inference/x": n / 8})
    path = log.end().write()
    land(warehouse, path)
    now = tables(warehouse)
    for table, column in (("steps", "first_timestamp"), ("series", "axis")):
        for part in warehouse.path.glob(f"{table}/*/*/*.parquet"):
            pq.write_table(pq.ParquetFile(part).read().drop([column]), part)
    without_table(warehouse, "timed")
    (row_file,) = warehouse.path.glob("runs/*/run_id=r/*.parquet")
    stored_row = pq.ParquetFile(row_file).read()
    at = stored_row.schema.get_field_index("meaning")
    pq.write_table(stored_row.set_column(at, "meaning", pa.array(["earlier"])), row_file)
    assert [s["first_timestamp"] for s in warehouse.query("steps").dicts()] == [None] * 3
    assert {s["axis"] for s in warehouse.query("series").dicts()} == {None}
    assert warehouse.query("timed_metrics").rows() == []
    assert len(warehouse.query("main_metrics")) == 5
    assert land(warehouse, path).action is Action.STORED
    assert_same(tables(warehouse), now)
    assert land(warehouse, path).action is Action.UNCHANGED


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
