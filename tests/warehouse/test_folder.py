"""The folder as a whole: it can be copied, stripped of what is derived, and never mixes runs."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import NoSuchRun, NotAWarehouse, RunConflict
from dakota_wh.ingest.landed import Action
from dakota_wh.sql import views
from dakota_wh.warehouse import folder
from dakota_wh.warehouse.layout import schema_file
from tests.warehouse.kit import (
    constant_run,
    files_of,
    ingest,
    shell_state,
    state,
    write_json,
)


def snapshot(root: Path) -> dict[str, tuple[int, int, int]]:
    """Return inode, size and time of every file, the program's own included."""
    found = {}
    for path in root.rglob("*"):
        if path.is_file():
            stat = path.stat()
            found[str(path.relative_to(root))] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return found


def test_an_unchanged_run_writes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    paths = [constant_run(tmp_path / "in", f"run{n}", float(n)) for n in range(3)]
    ingest(root, *paths)
    ingest(root, paths[0], force=True)  # an earlier generation, which the next ingest may delete
    ingest(root, *paths)
    locks = root / ".dakota-wh" / "locks"
    before = {k: v for k, v in snapshot(root).items() if not (root / k).is_relative_to(locks)}
    for _ in range(2):
        landed = ingest(root, *paths)
        assert {one.action for one in landed} == {Action.UNCHANGED}
        assert [one.new_rows for one in landed] == [0, 0, 0]
    after = snapshot(root)
    assert {k: v for k, v in after.items() if not (root / k).is_relative_to(locks)} == before
    assert all(size == 0 for k, (_, size, _) in after.items() if (root / k).is_relative_to(locks))


def test_a_copy_answers_and_so_does_the_data_alone(tmp_path: Path) -> None:
    """The Parquet is the truth: catalogue, stamps and locks can go, and come back."""
    root, copy = tmp_path / "wh", tmp_path / "usb stick" / "copy"
    ingest(root, constant_run(tmp_path / "in", "run", 1.0), constant_run(tmp_path / "in", "b", 2.0))
    said = state(root)
    shutil.copytree(root, copy)
    shutil.rmtree(root)
    assert state(copy) == said
    for derived in (".dakota-wh", "warehouse.duckdb"):
        for gone in ((derived,), (".dakota-wh", "warehouse.duckdb")):
            for name in gone:
                target = copy / name
                shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
            assert state(copy) == said
            assert len(open_warehouse(copy).query("runs")) == 2
            assert shell_state(copy) == said
            (landed,) = ingest(copy, constant_run(tmp_path / "in", "run", 1.0))
            assert landed.action is Action.UNCHANGED
    open_warehouse(copy).rebuild()
    assert state(copy) == said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_can_be_read(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    ingest(root, constant_run(tmp_path / "in", "run", 1.0))
    (root / "warehouse.duckdb").unlink()
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert len(open_warehouse(root).query("metrics")) == 50
    finally:
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755)


def test_what_is_no_warehouse_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    source = constant_run(tmp_path / "in", "run", 1.0)
    for name in ("nowhere", "file", "empty"):
        warehouse = open_warehouse(tmp_path / name)
        with pytest.raises(NotAWarehouse):
            warehouse.query("runs")
        with pytest.raises(NotAWarehouse):
            warehouse.sql("SELECT 1")
        with pytest.raises(NotAWarehouse):
            warehouse.rebuild()
    with pytest.raises(NotAWarehouse):
        open_warehouse(tmp_path / "file").ingest(source)
    assert not (tmp_path / "nowhere").exists()
    assert not list((tmp_path / "empty").iterdir())


def test_foreign_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    path = constant_run(tmp_path / "in", "run", 1.0)
    ingest(root, path)
    mine = {
        "notes.txt": b"mine",
        "history/role=single/run_id=run/README": b"mine",
        "plots/x.png": b"mine",
        "history/.DS_Store": b"mine",
    }
    for name, content in mine.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    ingest(root, path, force=True)
    ingest(root, path, force=True)
    open_warehouse(root).rebuild()
    assert len(open_warehouse(root).query("metrics")) == 50
    open_warehouse(root).remove("run")
    left = files_of(root)
    assert {name: left[name] for name in mine} == mine
    assert len(open_warehouse(root).query("runs")) == 0


def test_removing_what_is_not_there(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    ingest(root, constant_run(tmp_path / "in", "run", 1.0))
    for name in ("Run", "ru", "run ", "*", "../run", "zz_schema"):
        with pytest.raises(NoSuchRun):
            open_warehouse(root).remove(name)
    assert len(open_warehouse(root).query("runs")) == 1


ONE = [{"_step": step, "loss": 1.0} for step in range(5)]
OTHER = [{"_step": step, "loss": 2.0} for step in range(9)]


@pytest.mark.parametrize(
    ("entity", "project"), [("me", "other"), ("you", "mine"), ("you", "other")]
)
def test_two_runs_of_one_id_never_overwrite_each_other(
    tmp_path: Path, entity: str, project: str
) -> None:
    root = tmp_path / "wh"
    first = write_json(tmp_path / "in", "same", ONE)
    second = write_json(tmp_path / "in", "same", OTHER, entity=entity, project=project)
    ingest(root, first)
    before, said = files_of(root), state(root)
    warehouse = open_warehouse(root)
    for _ in range(2):
        (landed,) = warehouse.ingest(second)
        assert landed.action is Action.FAILED
        assert isinstance(landed.error, RunConflict)
        assert f"{entity}/{project}" in landed.error.message
        assert "me/mine" in landed.error.message
        assert "--as" in landed.error.hint
        assert files_of(root) == before
    assert state(root) == said
    ingest(root, second, store_as="same-other")
    rows = warehouse.sql("SELECT run_id, count(*), max(value) FROM metrics GROUP BY ALL ORDER BY 1")
    assert rows.rows() == [("same", 5, 1.0), ("same-other", 9, 2.0)]
    found = warehouse.sql("SELECT run_id, entity, project FROM runs ORDER BY run_id").rows()
    assert found == [("same", "me", "mine"), ("same-other", entity, project)]
    # Each goes on under its own name, and neither takes the other's.
    assert [one.action for one in ingest(root, first)] == [Action.UNCHANGED]
    assert [one.action for one in ingest(root, second, store_as="same-other")] == [Action.UNCHANGED]
    (landed,) = warehouse.ingest(first, store_as="same-other")
    assert isinstance(landed.error, RunConflict)
    ingest(root, second, force=True)
    (row,) = warehouse.sql("SELECT project, rows FROM runs WHERE run_id = 'same'").rows()
    assert row == (project, 9)
    assert warehouse.sql("SELECT count(*) FROM metrics WHERE run_id = 'same'").rows() == [(9,)]


def test_ids_that_differ_in_case_are_two_runs(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    ingest(root, write_json(tmp_path / "in", "abc", ONE))
    ingest(root, write_json(tmp_path / "in", "ABC", OTHER, project="other"))
    rows = open_warehouse(root).sql("SELECT run_id, rows FROM runs ORDER BY run_id").rows()
    assert rows == [("ABC", 9), ("abc", 5)]
    assert len({str(path).lower() for path in root.rglob("*")}) == len(list(root.rglob("*")))


def test_every_published_view_answers_by_name(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    ingest(root, constant_run(tmp_path / "in", "run", 1.0))
    warehouse = open_warehouse(root)
    for view in views.all_views():
        columns = warehouse.query(view.relation).columns
        assert columns[: len(view.columns)] == [column.name for column in view.columns]


def test_a_folder_that_is_half_made_is_no_warehouse_and_one_that_is_half_extended_is(
    tmp_path: Path,
) -> None:
    made: list[Path] = []

    def dies(path: Path, table: pa.Table) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if len(made) == moment:
            raise KeyboardInterrupt
        made.append(path)
        pq.write_table(table, path)

    for moment in range(len(folder.SCHEMAS)):
        made.clear()
        root = tmp_path / str(moment)
        with patch.object(folder, "write_table", dies), suppress(KeyboardInterrupt):
            folder.create(root)
        assert len(made) == moment
        with pytest.raises(NotAWarehouse, match="is no warehouse"):
            open_warehouse(root).runs()
    folder.create(root)
    assert open_warehouse(root).runs().rows() == []
    for table, view in (("pairs", "fixed_pairs"), ("timed", "timed_metrics")):
        schema_file(root, table).unlink()  # as where an earlier version had none
        assert open_warehouse(root).query(view).rows() == []
