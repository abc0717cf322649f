"""What is gathered changes no answer: whether it is new, old, of runs that are gone, or damaged."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dakota_wh import api
from dakota_wh.warehouse import gathered, live_files
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.relations import files_under
from tests.warehouse.kit import constant_run, ingest

VIEWS = ("runs", "series", "series_numbers", "reward_stats", "reward_trends", "metric_health")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a warehouse of four runs, gathered; three are many here."""
    monkeypatch.setattr(gathered, "FEW", 3)
    found = tmp_path / "wh 'a' [b]*"
    for number in range(4):
        ingest(found, constant_run(tmp_path / "in", f"Run-{number}", float(number)))
    assert kept(found) == ["runs-00000001", "series-00000001"]
    return found


def kept(root: Path) -> list[str]:
    """The gathered files, without their ids."""
    return sorted(path.name.rpartition("-")[0] for path in gathered.folder_of(root).iterdir())


def answers(root: Path) -> dict[str, list[Any]]:
    with closing(connect(root, VIEWS)) as connection:
        return {name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in VIEWS}


def read_from(root: Path) -> dict[str, str]:
    with duckdb.connect() as connection:
        found = live_files.live_files(connection, ["series"], files_under(root), root)
        return dict(found.sources)


def without_it(root: Path) -> dict[str, list[Any]]:
    """The answers of the same warehouse with nothing gathered."""
    copy = root.with_name("copy")
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("gathered"))
    found = answers(copy)
    shutil.rmtree(copy)
    return found


def same(root: Path) -> dict[str, list[Any]]:
    found = answers(root)
    assert found == without_it(root)
    return found


def test_what_is_gathered_is_read_and_the_rest_beside_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered, "SHARE", 1.0)
    assert len(same(root)["runs"]) == 4
    assert len(same(root)["reward_trends"]) == 4
    for table, read in read_from(root).items():
        assert f"gathered/{table}-00000001" in read
    # A run that comes later, and one that is written anew: of both the files are read.
    ingest(root, constant_run(tmp_path / "in", "Run-9", 9.0))
    ingest(root, constant_run(tmp_path / "again", "Run-1", 11.0), force=True)
    assert kept(root) == ["runs-00000001", "series-00000001"]
    found = same(root)
    assert len(found["runs"]) == 5
    means = {row[0]: row[4] for row in found["reward_stats"]}
    assert means == {"Run-0": 0.0, "Run-1": 11.0, "Run-2": 2.0, "Run-3": 3.0, "Run-9": 9.0}


def test_a_run_that_was_removed_is_gone(root: Path) -> None:
    before = {path: path.read_bytes() for path in gathered.folder_of(root).iterdir()}
    api.open(root).remove("Run-2")
    assert not gathered.folder_of(root).exists()  # nothing of it is left on disk
    assert [row[0] for row in same(root)["runs"]] == ["Run-0", "Run-1", "Run-3"]
    gathered.folder_of(root).mkdir()  # by a program that gathered meanwhile
    for path, data in before.items():
        path.write_bytes(data)
    assert [row[0] for row in same(root)["runs"]] == ["Run-0", "Run-1", "Run-3"]


def test_a_run_that_moves_to_another_role(root: Path, tmp_path: Path) -> None:
    landed = api.open(root).ingest(constant_run(tmp_path / "in", "Run-2", 2.0), role="trainer")
    assert landed[0].role == "trainer"
    assert {row[0]: row[1] for row in same(root)["runs"]}["Run-2"] == "trainer"


def test_it_is_gathered_anew_when_enough_has_come(root: Path, tmp_path: Path) -> None:
    for number in range(4, 11):
        ingest(root, constant_run(tmp_path / "in", f"Run-{number}", float(number)))
    # Of three numbers the two newest stay: somebody may still read the older.
    assert kept(root) == ["runs-00000002", "runs-00000003", "series-00000002", "series-00000003"]
    assert len(same(root)["runs"]) == 11
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    for number in range(11):
        ingest(root, constant_run(tmp_path / "in", f"Run-{number}", float(number)))
    after = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    assert {p: t for p, t in after.items() if p.suffix != ".lock"} == {
        p: t for p, t in before.items() if p.suffix != ".lock"
    }


def test_rebuild_keeps_the_answers(root: Path) -> None:
    before = answers(root)
    api.open(root).rebuild()
    after = same(root)
    assert after["reward_stats"] == before["reward_stats"]


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage"])
def test_one_that_cannot_be_read_is_passed_by(root: Path, damage: str) -> None:
    before = same(root)
    for path in gathered.folder_of(root).iterdir():
        data = path.read_bytes()
        path.write_bytes({"cut": data[:-20], "empty": b"", "garbage": b"x" * 100}[damage])
    assert answers(root) == before


def test_the_folder_can_be_moved(root: Path) -> None:
    before = answers(root)
    moved = root.with_name("moved")
    root.rename(moved)
    assert answers(moved) == before
    assert "gathered/runs-00000001" in read_from(moved)["runs"]


def test_nothing_is_gathered_of_few_runs(tmp_path: Path) -> None:
    for number in range(4):
        ingest(tmp_path / "wh", constant_run(tmp_path / "in", f"r{number}", 1.0))
    assert not gathered.folder_of(tmp_path / "wh").exists()
    assert "/gathered/" not in str(read_from(tmp_path / "wh"))
