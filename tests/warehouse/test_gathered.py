"""What is gathered changes no answer: whether it is new, old, of runs that are gone, or damaged."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dakota_wh import api
from dakota_wh.errors import NotAWarehouse
from dakota_wh.warehouse import gathered, live_files
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.relations import files_under
from tests.warehouse.kit import constant_run, ingest

VIEWS = ("runs", "series", "reward_stats", "reward_trends", "steps", "config", "run_pairs",
         "reward_components", "files")  # fmt: skip

GATHERED = {"runs", "history", "series", "components", "timed", "steps", "summary", "config",
            "streams", "system", "files", "tables"}  # fmt: skip
SMALL = GATHERED - {"runs", "history"}  # of history only the columns: test_united_columns.py


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a warehouse of four runs, gathered; three are many here."""
    monkeypatch.setattr(gathered, "FEW", 3)
    found = tmp_path / "wh 'a' [b]*"
    for number in range(4):
        ingest(found, constant_run(tmp_path / "in", f"Run-{number}", float(number)))
    gathered.drop(found)
    live_files.gather(found)
    assert kept(found) == {table: [1] for table in GATHERED}
    return found


def kept(root: Path) -> dict[str, list[int]]:
    """The numbers of the gathered files, by table."""
    found: dict[str, list[int]] = {}
    for path in sorted(gathered.folder_of(root).iterdir()):
        table, number, _ = path.name.split("-")
        found.setdefault(table, []).append(int(number))
    return found


def answers(root: Path) -> dict[str, list[Any]]:
    with closing(connect(root, VIEWS)) as connection:
        return {name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in VIEWS}


def read_from(root: Path) -> dict[str, str]:
    """What each table is read from: what is gathered, the files beside it, or both."""
    found = {}
    with duckdb.connect() as connection:
        live = live_files.live_files(connection, gathered.TABLES, files_under(root), root)
        for table in SMALL:
            body = live.bodies.get(f"stored_{table}", "")
            beside = not body or "dakota_live_" in body
            in_one = "/gathered/" in body
            found[table] = "both" if in_one and beside else "gathered" if in_one else "files"
    return found


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
    assert read_from(root) == dict.fromkeys(SMALL, "gathered")
    # A run that comes later, and one that is written anew: of both the files are read.
    ingest(root, constant_run(tmp_path / "in", "Run-9", 9.0))
    ingest(root, constant_run(tmp_path / "again", "Run-1", 11.0), force=True)
    assert kept(root) == {table: [1] for table in GATHERED}
    assert read_from(root)["series"] == "both"
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
    assert kept(root) == {table: [2, 3] for table in GATHERED}
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
    assert read_from(moved)["series"] == "gathered"


def test_nothing_is_gathered_of_few_runs(tmp_path: Path) -> None:
    for number in range(4):
        ingest(tmp_path / "wh", constant_run(tmp_path / "in", f"r{number}", 1.0))
    assert not gathered.folder_of(tmp_path / "wh").exists()
    assert set(read_from(tmp_path / "wh").values()) == {"files"}


def test_a_large_part_stays_where_it_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered, "LARGEST", 0)
    gathered.drop(root)
    live_files.gather(root)
    assert read_from(root)["steps"] == "both"
    assert read_from(root)["files"] == "gathered"  # there is none
    assert len(same(root)["runs"]) == 4


@pytest.mark.parametrize("those", ["all", "one", "empty"])
def test_rows_of_an_earlier_version_do_not_name_their_files(root: Path, those: str) -> None:
    """Then all folders are looked through."""
    before = answers(root)
    paths = sorted(root.glob("runs/role=[!z]*/*/run-*.parquet"))
    for path in paths[1:2] if those == "one" else paths:
        row = pq.read_table(path, partitioning=None)
        place = row.schema.get_field_index("files")
        none = pa.array([[]], pa.list_(pa.string()))
        new = row.set_column(place, "files", none) if those == "empty" else row.remove_column(place)
        pq.write_table(new, path)
    assert answers(root) == before
    gathered.drop(root)
    live_files.gather(root)
    assert answers(root) == before


def test_a_part_that_is_gone_is_an_error_unless_it_was_gathered(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered, "SHARE", 1.0)
    before = answers(root)
    (part,) = root.glob("steps/*/run_id=%52un-1/part-*.parquet")
    part.unlink()
    assert answers(root) == before
    ingest(root, constant_run(tmp_path / "in", "Run-9", 9.0))
    (later,) = root.glob("steps/*/run_id=%52un-9/part-*.parquet")
    data = later.read_bytes()
    later.unlink()
    with pytest.raises(NotAWarehouse, match=f"steps/{later.name} of the run Run-9 is gone"):
        answers(root)
    later.write_bytes(data)
    gathered.drop(root)
    with pytest.raises(NotAWarehouse, match=f"steps/{part.name} of the run Run-1 is gone"):
        answers(root)


@pytest.mark.parametrize("said", ["relation", "parts"])
def test_one_of_another_version_is_passed_by_and_made_anew(root: Path, said: str) -> None:
    """Its columns may be others than those that are asked for."""
    before = same(root)
    for path in gathered.folder_of(root).iterdir():
        table = pq.read_table(path)
        told = dict(table.schema.metadata)
        told[said.encode()] = b"another"
        pq.write_table(table.replace_schema_metadata(told), path)
    assert answers(root) == before
    live_files.gather(root)
    assert kept(root)["steps"] == [1, 2]
    assert answers(root) == before
