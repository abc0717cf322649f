"""What is worse never replaces better unasked, and another run never replaces one in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dakota_wh.api import Warehouse
from dakota_wh.errors import RunConflict, UsageProblem
from dakota_wh.ingest.landed import Action
from tests.ingest.kit import (
    Log,
    Row,
    assert_same,
    fails,
    land,
    last_values,
    stored_run,
    tables,
    tree,
    with_steps,
    write_csv,
    write_json,
)

ROWS: list[Row] = [{"reward/mean": n / 7, "loss": n / 3} for n in range(30)]
SUMMARY = last_values(ROWS)
FACTS: Row = {"project": "p", "state": "finished", "display_name": "a-name"}


def sampled(folder: Path, **metadata: Any) -> Path:
    return write_csv(folder / "s", "r", with_steps(ROWS)[::2], summary=SUMMARY, **metadata)


def complete(folder: Path, **info: Any) -> Path:
    return write_json(folder / "c", "r", ROWS, summary=SUMMARY, **info)


def files(warehouse: Warehouse) -> dict[str, tuple[int, str]]:
    return {name: what for name, what in tree(warehouse.path).items() if "lock" not in name}


def test_a_sampled_export_does_not_replace_a_complete_one(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    land(warehouse, complete(tmp_path, **FACTS))
    before = files(warehouse)
    landed = land(warehouse, sampled(tmp_path))
    assert (landed.action, landed.rows, landed.new_rows) == (Action.KEPT, 30, 0)
    for words in ("30 rows (complete)", "15 (sampled)", "--force"):
        assert words in landed.note
    assert files(warehouse) == before


def test_better_replaces(warehouse: Warehouse, tmp_path: Path) -> None:
    assert land(warehouse, sampled(tmp_path)).completeness == "sampled"
    landed = land(warehouse, complete(tmp_path, **FACTS))
    assert (landed.action, landed.rows, landed.completeness) == (Action.STORED, 30, "complete")
    assert stored_run(warehouse, "r")["name"] == "a-name"
    assert len(warehouse.query("history")) == 30


def test_force_replaces_by_anything(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, complete(tmp_path, **FACTS))
    landed = land(warehouse, sampled(tmp_path), force=True)
    assert (landed.action, landed.rows, landed.completeness) == (Action.STORED, 15, "sampled")
    assert len(warehouse.query("history")) == 15


def test_an_export_that_knows_less_is_not_taken(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, complete(tmp_path, **FACTS))
    landed = land(warehouse, write_csv(tmp_path, "r", ROWS, summary=SUMMARY))
    assert landed.action is Action.KEPT
    assert "also knows" in landed.note


def test_a_better_verdict_counts_more_than_a_name(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, write_csv(tmp_path, "r", ROWS, **FACTS, entity="e", group="g"))
    assert stored_run(warehouse, "r")["completeness"] == "unknown"
    landed = land(warehouse, Log(tmp_path, "r").begin("r", project="p").log(*ROWS).end().write())
    assert (landed.action, landed.completeness) == (Action.STORED, "complete")


def test_two_sources_of_one_run_do_not_take_turns(warehouse: Warehouse, tmp_path: Path) -> None:
    """A folder that holds a run twice: the second ingest of the folder writes nothing."""
    write_csv(tmp_path / "exports", "r", ROWS, summary=SUMMARY)
    write_json(tmp_path / "exports", "r", ROWS, summary=SUMMARY)
    Log(tmp_path / "exports", "r").begin("r").log(*ROWS).end().write()
    for _ in range(2):
        landed = warehouse.ingest(tmp_path / "exports")
        assert [one.error for one in landed] == [None] * 3
        assert len(warehouse.query("history")) == 30
    before = files(warehouse)
    assert {one.action for one in warehouse.ingest(tmp_path / "exports")} <= {
        Action.UNCHANGED,
        Action.KEPT,
    }
    assert files(warehouse) == before


def test_more_rows_of_a_growing_run_replace_a_complete_export(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """The run went on after it had been exported."""
    land(warehouse, write_csv(tmp_path, "r", ROWS[:20], summary=last_values(ROWS[:20])))
    landed = land(warehouse, Log(tmp_path, "r").begin("r").log(*ROWS).write())
    assert (landed.action, landed.rows, landed.completeness) == (Action.STORED, 30, "growing")


@pytest.mark.parametrize("field", ["project", "entity"])
def test_another_run_of_the_same_id(warehouse: Warehouse, tmp_path: Path, field: str) -> None:
    first: Row = {field: "one"}
    second: Row = {field: "two"}
    land(warehouse, write_csv(tmp_path / "1", "r", ROWS, **first))
    before = files(warehouse)
    other = write_csv(tmp_path / "2", "r", ROWS + ROWS, **second)
    landed = fails(warehouse, other)
    assert isinstance(landed.error, RunConflict)
    for words in ("another run r", "one", "two", "--as", "--force"):
        assert words in str(landed.error)
    assert files(warehouse) == before
    assert land(warehouse, other, store_as="other").rows == 60
    assert {row["run_id"] for row in warehouse.runs().dicts()} == {"r", "other"}
    assert land(warehouse, other, force=True).rows == 60
    assert stored_run(warehouse, "r")[field] == "two"


def test_what_the_user_says_of_the_project_counts(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write_csv(tmp_path, "r", ROWS)
    assert land(warehouse, path).action is Action.STORED
    assert land(warehouse, path, entity="e", project="p").action is Action.STORED
    row = stored_run(warehouse, "r")
    assert (row["entity"], row["project"]) == ("e", "p")
    assert land(warehouse, path, entity="e", project="p").action is Action.UNCHANGED
    assert land(warehouse, path).action is Action.UNCHANGED
    before = files(warehouse)
    assert isinstance(fails(warehouse, path, project="another").error, RunConflict)
    assert files(warehouse) == before


def test_what_the_source_knows_counts_more_than_what_the_user_says(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    path = write_csv(tmp_path, "r", ROWS, project="its own")
    land(warehouse, path, project="said", entity="said")
    row = stored_run(warehouse, "r")
    assert (row["entity"], row["project"]) == ("said", "its own")
    assert land(warehouse, path, project="said", entity="said").action is Action.UNCHANGED


@pytest.mark.parametrize("run_id", ["a/b", "..", "a b'c\"d", "é=ü%41", "NULL", "x" * 120, "A"])
def test_any_run_id(warehouse: Warehouse, tmp_path: Path, run_id: str) -> None:
    path = write_csv(tmp_path, "plain", ROWS)
    assert land(warehouse, path, store_as=run_id).run_id == run_id
    assert land(warehouse, path, store_as=run_id).action is Action.UNCHANGED
    land(warehouse, path, store_as="a")
    assert [row["run_id"] for row in warehouse.runs().dicts()] == sorted([run_id, "a"])
    assert {row["run_id"] for row in warehouse.query("history", runs=[run_id]).dicts()} == {run_id}
    outside = {p for p in tmp_path.rglob("*.parquet") if warehouse.path not in p.parents}
    assert outside == set()
    warehouse.remove(run_id)
    assert [row["run_id"] for row in warehouse.runs().dicts()] == ["a"]


def test_one_name_for_two_runs(warehouse: Warehouse, tmp_path: Path) -> None:
    one, two = write_csv(tmp_path, "one", ROWS), write_csv(tmp_path, "two", ROWS)
    with pytest.raises(UsageProblem, match="names one run, but there are 2"):
        warehouse.ingest(one, two, store_as="x")
    assert not warehouse.path.exists()


def test_logs_of_two_projects_with_one_id(warehouse: Warehouse, tmp_path: Path) -> None:
    Log(tmp_path, "r").begin("r", project="one").log(*ROWS).end().write()
    other = Log(tmp_path, "r", stamp="20250102_000000").begin("r", start=9000, project="two")
    other.log(*ROWS).end().write()
    landed = warehouse.ingest(tmp_path / "wandb")
    assert any(isinstance(one.error, RunConflict) for one in landed)
    assert len(warehouse.query("history")) == 30


def test_remove_and_ingest_again(warehouse: Warehouse, tmp_path: Path) -> None:
    path = complete(tmp_path, **FACTS)
    land(warehouse, path)
    before = tables(warehouse)
    warehouse.remove("r")
    assert len(warehouse.runs()) == len(warehouse.query("history")) == 0
    assert land(warehouse, path).action is Action.STORED
    assert_same(tables(warehouse), before)
