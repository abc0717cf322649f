"""What one connection reads: the live files of one moment, found once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dakota_wh.errors import NotAWarehouse
from dakota_wh.sql.views import stored_relations
from dakota_wh.warehouse import live_files as module
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.live_files import live_files
from dakota_wh.warehouse.relations import create_statements, files_under
from tests.warehouse.kit import constant_run, ingest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a warehouse that has two generations of a run on disk, the live one all 2.0."""
    found = tmp_path / "wh [a]*"
    for value in (1.0, 2.0):
        ingest(found, constant_run(tmp_path / f"in{value}", "run", value), force=True)
    return found


def test_only_what_the_live_rows_name(root: Path) -> None:
    on_disk = {p.name for p in root.glob("metrics/*/run_id=run/*.parquet")}
    assert len(on_disk) == 2
    with duckdb.connect() as connection:
        files = live_files(connection, ["metrics", "pairs"], files_under(root), root).files
        ((found,),) = connection.execute(f"SELECT {files('metrics')}").fetchall()
        (path,) = connection.execute(f"SELECT file FROM glob({files('metrics')})").fetchall()[:1]
        assert len(found) == 2  # a part, and the file without rows
        assert Path(path[0]).name in on_disk
        assert files("pairs") == files_under(root)("pairs")  # no row names a pair
        values = connection.execute(
            f"SELECT DISTINCT value FROM read_parquet({files('metrics')})"
        ).fetchall()
        assert values == [(2.0,)]


def test_a_run_that_is_published_anew_meanwhile_is_looked_up_again(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice, so that the parts are swept that were live when the rows were read."""
    listed, again = module._listed, [3.0, 4.0]

    def listing(connection: Any, patterns: str) -> list[str]:
        while "metrics" in patterns and again:
            value = again.pop(0)
            ingest(root, constant_run(tmp_path / f"in{value}", "run", value), force=True)
        return listed(connection, patterns)

    monkeypatch.setattr(module, "_listed", listing)
    with connect(root, ["metrics_v1"]) as connection:
        assert again == []
        assert connection.execute("SELECT DISTINCT value FROM metrics_v1").fetchall() == [(4.0,)]


def test_a_run_that_goes_on_being_published_is_an_error_and_no_half_answer(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, value = module._listed, [3.0]

    def listing(connection: Any, patterns: str) -> list[str]:
        if "metrics" in patterns:
            for _ in range(2):
                value[0] += 1
                ingest(root, constant_run(tmp_path / f"in{value}", "run", value[0]), force=True)
        return listed(connection, patterns)

    monkeypatch.setattr(module, "_listed", listing)
    with duckdb.connect() as connection, pytest.raises(duckdb.IOException, match="anew meanwhile"):
        live_files(connection, ["metrics"], files_under(root), root)


@pytest.mark.parametrize("with_folder", [False, True], ids=["part", "folder"])
@pytest.mark.parametrize("table", ["metrics", "history", "steps"])
def test_what_is_gone_is_an_error_and_not_fewer_rows(
    root: Path, table: str, *, with_folder: bool
) -> None:
    with connect(root, ["metrics_v1", "history", "steps_v1"]):
        pass
    if with_folder:
        shutil.rmtree(root / table)
    else:
        for path in root.glob(f"{table}/*/run_id=run/*.parquet"):
            path.unlink()
    with pytest.raises(
        NotAWarehouse, match=f"The file {table}/part-.* of the run run is gone"
    ) as raised:
        connect(root, ["metrics_v1", "history", "steps_v1"])
    mends = "remove run, then ingest" if table == "history" else "rebuild"
    assert raised.value.hint.startswith(f"dakota-wh {mends}")


def test_an_unfiltered_view_is_the_same(tmp_path: Path) -> None:
    """Where no run is asked for, the names of files prune nothing, and the rows are the same."""
    found = tmp_path / "wh"
    for run, value in (("a", 1.0), ("b", 2.0)):
        ingest(found, constant_run(tmp_path / "in", run, value))
    asked = 0
    for name in ("metrics_v1", "steps_v1", "history_v1", "config_v1", "trend_evidence_v1"):
        told = []
        for filtered in (True, False):
            with connect(found, [name], filtered=filtered) as connection:
                told.append(connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall())
        assert told[0] == told[1]
        asked += len(told[0])
    assert asked > 100


def test_what_reads_files_names_them_in_one_way() -> None:
    """The words that are taken out for it stand in each of the .sql files."""
    stored = {name: text for name, text in stored_relations().items() if "filename" in text}
    assert len(stored) >= 13
    shorter = create_statements(stored, files_under(Path("/nowhere")), filtered=False)
    for name, text in stored.items():
        assert text.count("filename = true") == text.count(", filename = true") == 1
        assert ("filename = true" in shorter[name]) == ("union_by_name" in text)
    assert "filename = true" not in shorter["stored_metrics"]
