"""What is derived can be made anew from the stored history, without the source."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dakota_wh import demo
from dakota_wh.api import Warehouse
from dakota_wh.ingest import patterns
from dakota_wh.ingest.landed import Action
from tests.ingest.kit import (
    COMPUTED,
    Row,
    assert_same,
    land,
    parts,
    stored_run,
    tables,
    write_csv,
)

ROWS: list[Row] = [{"step": n, "reward/mean": n / 7, "flag": n > 3, "t": "x"} for n in range(20)]


@pytest.fixture
def filled(warehouse: Warehouse, demo_logs: Path, tmp_path: Path) -> Warehouse:
    warehouse.ingest(demo_logs)
    land(warehouse, write_csv(tmp_path, "export", ROWS, config={"a": {"b.c": [1]}, "n": None}))
    return warehouse


def test_a_rebuild_gives_the_same_answers(filled: Warehouse) -> None:
    before = tables(filled, (*tables(filled), *COMPUTED))
    landed = filled.rebuild()
    assert [(one.run_id, one.error) for one in landed] == [
        (run_id, None) for run_id in (*sorted(demo.RUN_IDS.values()), "export")
    ]
    assert_same(tables(filled, before), before)
    filled.rebuild()
    assert_same(tables(filled, before), before)


def test_a_rebuild_needs_nothing_but_the_history(filled: Warehouse) -> None:
    before = tables(filled)
    history = {p: p.stat().st_mtime_ns for p in filled.path.glob("history/*/*/*.parquet")}
    for table in ("metrics", "series", "steps"):
        for path in filled.path.glob(f"{table}/role=*/run_id=*/part-0*.parquet"):
            path.unlink()
    (filled.path / "warehouse.duckdb").unlink(missing_ok=True)
    shutil.rmtree(filled.path / ".dakota-wh")
    filled.rebuild()
    assert_same(tables(filled), before)
    assert (filled.path / "warehouse.duckdb").is_file()
    assert {p: p.stat().st_mtime_ns for p in history} == history


def test_what_was_replaced_is_gone_after_the_next(filled: Warehouse) -> None:
    filled.rebuild()
    filled.rebuild()
    for table in ("metrics", "series", "steps", "runs"):
        assert len(parts(filled, table, "export")) == 2  # the live one, and the one before
    for table in ("history", "summary", "config"):
        assert len(parts(filled, table, "export")) == 1


def test_an_ingest_after_a_rebuild_finds_nothing_new(filled: Warehouse, demo_logs: Path) -> None:
    filled.rebuild()
    assert {one.action for one in filled.ingest(demo_logs)} == {Action.UNCHANGED}


def test_other_patterns_give_another_meaning(
    filled: Warehouse, demo_logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways lead to it: the next ingest of the run, and a rebuild."""
    ids = demo.RUN_IDS
    monkeypatch.setattr(patterns, "fingerprint", lambda: "edited")
    monkeypatch.setattr(patterns, "kinds", lambda names: {"time/step": patterns.Kind("loss", 1)})
    (path,) = demo_logs.glob(f"*/run-{ids['trainer']}.wandb")
    land(filled, path)
    assert loss_of(filled) == {ids["trainer"]: "time/step", ids["orchestrator"]: None}
    filled.rebuild()
    assert loss_of(filled) == dict.fromkeys(ids.values(), "time/step")
    assert {one.action for one in filled.ingest(demo_logs)} == {Action.UNCHANGED}


def loss_of(warehouse: Warehouse) -> dict[str, str | None]:
    found: dict[str, str | None] = dict.fromkeys(demo.RUN_IDS.values())
    for row in warehouse.query("series").dicts():
        if row["kind"] == "loss":
            found[row["run_id"]] = row["metric"]
    return found


def test_an_edited_table_changes_the_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = patterns.fingerprint()
    folder = tmp_path / "tables"
    shutil.copytree(
        patterns._FOLDER, folder, ignore=lambda _, names: {n for n in names if ".csv" not in n}
    )
    monkeypatch.setattr(patterns, "_FOLDER", folder)
    patterns.fingerprint.cache_clear()
    try:
        assert patterns.fingerprint() == before
        with (folder / "metric_kinds.csv").open("a", encoding="utf-8") as file:
            file.write("any,loss,^my_loss$\n")
        patterns.fingerprint.cache_clear()
        assert patterns.fingerprint() != before
    finally:
        patterns.fingerprint.cache_clear()


def test_a_run_that_cannot_be_rebuilt_does_not_stop_the_others(filled: Warehouse) -> None:
    (broken,) = parts(filled, "history", "export")
    data = broken.read_bytes()
    broken.write_bytes(data[: len(data) // 2])
    before = stored_run(filled, "export")
    outcomes = {one.run_id: one for one in filled.rebuild()}
    assert {run_id for run_id, one in outcomes.items() if one.error} == {"export"}
    error = outcomes["export"].error
    assert error is not None
    assert error.hint
    assert "\n" not in str(error)
    broken.write_bytes(data)
    assert stored_run(filled, "export") == before
    assert [one.error for one in filled.rebuild()] == [None] * 3


@pytest.mark.parametrize("table", ["history", "summary", "config"])
def test_what_nothing_derives_is_not_left_out_where_it_is_gone(
    warehouse: Warehouse, tmp_path: Path, table: str
) -> None:
    """Else the run would be published anew without it, and nobody would miss it."""
    land(warehouse, write_csv(tmp_path, "r", ROWS, config={"a": 1}, summary={"t": "x"}))
    published = parts(warehouse, "runs", "r")
    (part,) = parts(warehouse, table, "r")
    data = part.read_bytes()
    part.unlink()
    (failed,) = warehouse.rebuild()
    assert f"Run r is damaged: {table}/{part.name}: is missing" in str(failed.error)
    assert parts(warehouse, "runs", "r") == published
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(data)
    assert [one.error for one in warehouse.rebuild()] == [None]


def test_a_warehouse_without_runs(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, write_csv(tmp_path, "r", ROWS))
    warehouse.remove("r")
    assert warehouse.rebuild() == []
    assert len(warehouse.runs()) == 0
