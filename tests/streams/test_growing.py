"""Runs that grow, are replaced, move and are killed: what is beside their history goes along."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Action
from dakota_wh.ingest.streams import bring as bringing
from dakota_wh.warehouse.layout import STREAM_TABLES
from tests.ingest.kit import Row, land, numbered, parts, tables, tree, write_csv

from .logs import HandMade, table_json

ALL = ("system", "files", "tables")
VIEWS = ("system_metrics", "tables", "table_rows")


def logged(run: HandMade, rounds: range) -> None:
    """Let a run log a table and system metrics in each round, and a row without a table."""
    for number in rounds:
        run.stats(number, {"gpu.0.gpu": f"{number}.5", "cpu/l:worker1": str(2**53 + 1)})
        cells = [[f"p{number}", number / 4], [f"q{number}", number]]
        run.row({"samples": run.table(table_json(["prompt", "reward"], cells)), "step": number})
        run.row({"loss": 1.0, "step": number})


def told(warehouse: Warehouse) -> dict[str, list[Row]]:
    return {view: warehouse.query(view).dicts() for view in VIEWS}


def test_new_tables_only_at_each_ingest(warehouse: Warehouse, tmp_path: Path) -> None:
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    written: list[Path] = []
    for number in range(4):
        logged(run, range(number, number + 1))
        land(warehouse, run.write(), streams=ALL)
        now = parts(warehouse, "table_rows", "hand")
        assert set(written) < set(now)  # what was read before stays as it is
        assert [pq.read_metadata(path).num_rows for path in set(now) - set(written)] == [2]
        assert len(parts(warehouse, "system", "hand")) == number + 1
        written = now
    run.end()
    assert land(warehouse, run.write(), streams=ALL).completeness == "complete"
    whole = api.open(tmp_path / "at once")
    land(whole, run.folder, streams=ALL)
    assert told(warehouse) == told(whole)
    found = warehouse.query("system_metrics").dicts()
    assert [(row["metric"], row["label"], row["value"], row["text"]) for row in found[:1]] == [
        ("cpu", "worker1", 2.0**53, str(2**53 + 1))
    ]
    assert [row["runtime"] for row in found if row["label"] is None] == [0.5, 1.5, 2.5, 3.5]


def test_a_later_ingest_may_ask_for_a_stream(warehouse: Warehouse, tmp_path: Path) -> None:
    """Of an unchanged run just that stream is fetched; what is there stays without asking."""
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    logged(run, range(3))
    land(warehouse, run.write())
    assert all(not parts(warehouse, table, "hand") for table in STREAM_TABLES)
    history = parts(warehouse, "history", "hand")
    assert land(warehouse, run.folder, streams=("tables",)).action is Action.UNCHANGED
    assert parts(warehouse, "history", "hand") == history
    assert len(warehouse.query("table_rows")) == 6
    assert len(warehouse.query("system_metrics")) == 0
    before = told(warehouse)
    logged(run, range(3, 5))
    assert land(warehouse, run.write()).action is Action.GREW
    assert told(warehouse) == before
    land(warehouse, run.folder, streams=("tables", "system"))
    assert len(warehouse.query("table_rows")) == 10
    assert len(warehouse.query("system_metrics")) == 10


def test_a_run_that_is_written_anew_gets_its_streams_anew(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    logged(run, range(4))
    land(warehouse, run.write(), streams=ALL)
    other = HandMade(run.folder)
    other.row({"note": "the log was rewritten"})
    logged(other, range(1, 4))
    other.end()
    landed = land(warehouse, other.write(), force=True)
    assert landed.action is Action.STORED
    assert len(landed.streams) == 3
    steps = [row["step"] for row in warehouse.query("tables").dicts()]
    assert steps == [1, 2, 3]
    rows = warehouse.query("table_rows").dicts()
    assert [row["prompt::json"] for row in rows] == [f'"{a}{n}"' for n in (1, 2, 3) for a in "pq"]


def test_stored_rows_stay_where_their_file_is_gone(warehouse: Warehouse, tmp_path: Path) -> None:
    """Damaged ones are put back from the files that are there."""
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    logged(run, range(3))
    run.end()
    land(warehouse, run.write(), streams=ALL)
    before = told(warehouse)
    for table in STREAM_TABLES:
        for path in parts(warehouse, table, "hand"):
            path.write_bytes(b"PAR1" + bytes(100))
    landed = land(warehouse, run.folder, force=True, streams=ALL)
    assert not any(warning.startswith("--") for warning in landed.warnings)
    assert told(warehouse) == before
    for path in (run.folder / "files" / "media" / "table").glob("t_[02].*"):
        path.unlink()
    land(warehouse, run.folder, force=True, streams=ALL)
    assert told(warehouse) == before


def test_role_rebuild_and_removal(warehouse: Warehouse, tmp_path: Path) -> None:
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    logged(run, range(3))
    run.end()
    land(warehouse, run.write(), streams=ALL)
    before = told(warehouse)
    land(warehouse, run.folder, role="trainer")
    moved = told(warehouse)
    assert all(row.pop("role") == "trainer" for rows in moved.values() for row in rows)
    assert moved == {
        view: [{k: v for k, v in row.items() if k != "role"} for row in rows]
        for view, rows in before.items()
    }
    [rebuilt] = warehouse.rebuild()
    assert rebuilt.error is None
    after = told(warehouse)
    assert all(row.pop("role") == "trainer" for rows in after.values() for row in rows)
    assert after == moved
    warehouse.remove("hand")
    assert all(not rows for rows in told(warehouse).values())
    assert not list(warehouse.path.glob("*/role=trainer/run_id=hand/*"))


@pytest.mark.parametrize("table", ["streams", "system", "tables", "table_rows"])
def test_a_rebuild_leaves_no_stream_out_whose_file_is_gone(
    warehouse: Warehouse, tmp_path: Path, table: str
) -> None:
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    logged(run, range(2))
    run.end()
    land(warehouse, run.write(), streams=ALL)
    before, streams = told(warehouse), tables(warehouse, ["streams"], ["fetched_at"])
    part = min(warehouse.path.glob(f"{table}/*/run_id=hand/part-*.parquet"))
    part.unlink()
    (failed,) = warehouse.rebuild()
    assert f"Run hand is damaged: {table}/{part.name}: is missing" in str(failed.error)
    land(warehouse, run.folder)
    assert told(warehouse) == before
    assert tables(warehouse, ["streams"], ["fetched_at"]) == streams


def test_a_source_that_has_none_keeps_what_is_there(warehouse: Warehouse, tmp_path: Path) -> None:
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    logged(run, range(2))
    run.end()
    land(warehouse, run.write(), streams=ALL)
    before = told(warehouse)
    export = write_csv(tmp_path, "hand", numbered([0.5, 0.25, 1.0]))
    landed = land(warehouse, export, force=True, streams=("tables",))
    assert landed.action is Action.STORED
    assert "holds none of it" in landed.streams[0]
    after = told(warehouse)
    assert [row["prompt::json"] for row in after["table_rows"]] == [
        row["prompt::json"] for row in before["table_rows"]
    ]
    assert len(after["system_metrics"]) == len(before["system_metrics"])


def test_a_warehouse_of_an_earlier_version(warehouse: Warehouse, tmp_path: Path) -> None:
    """It has no folders for them: it is read all the same, and its next ingest makes them."""
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    logged(run, range(2))
    land(warehouse, run.write())
    for table in STREAM_TABLES:
        shutil.rmtree(warehouse.path / table)
    assert told(warehouse) == {view: [] for view in VIEWS}
    assert len(warehouse.sql("SELECT * FROM streams, files")) == 0
    land(warehouse, run.folder, streams=ALL)
    assert len(warehouse.query("table_rows")) == 4


class KilledError(BaseException):
    """As far as a process can tell, its own end."""


@pytest.mark.parametrize("moment", ["move_in", "publish"])
def test_a_kill_leaves_the_run_and_its_earlier_streams(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    logged(run, range(2))
    land(warehouse, run.write(), streams=ALL)
    before = told(warehouse)
    logged(run, range(2, 4))
    run.end()

    def kill(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(bringing, moment, kill)
        with pytest.raises(KilledError):
            warehouse.ingest(run.write(), streams=ALL)
    assert warehouse.query("runs").dicts()[0]["rows"] == 8  # the run itself had landed
    assert told(warehouse) == before
    land(warehouse, run.folder, streams=ALL)
    once = api.open(tmp_path / "once")
    land(once, run.folder, streams=ALL)
    assert told(warehouse) == told(once)
    land(warehouse, run.folder)
    settled = tree(warehouse.path)
    land(warehouse, run.folder, streams=ALL)
    assert tree(warehouse.path) == settled
