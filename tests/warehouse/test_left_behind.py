"""What killed processes left outside of a run's folders, and of runs that have no row."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.cli import run
from dakota_wh.errors import NoSuchRun
from dakota_wh.rendering import left_behind
from dakota_wh.rendering.whole_file import replacing
from dakota_wh.warehouse import catalogue
from dakota_wh.warehouse.layout import PART_TABLES
from dakota_wh.warehouse.run_lock import run_lock
from tests.warehouse.kit import constant_run, files_of, ingest

DAY = 24 * 3600


def aged(path: Path, seconds: float) -> Path:
    then = time.time() - seconds
    for one in [*path.rglob("*"), path] if path.is_dir() else [path]:
        os.utime(one, (then, then), follow_symlinks=False)
    return path


def test_temporary_folders_go_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    names = ("catalogue-abcdefg1", "sync-x1x1x1x1", "demo-_y_y_y_y", "spill-77777777")
    others = ("worker-zzzzzzzz", "sync-backup", "demo-of-mine", "benchmarks")
    (tmp_path / "tmp").mkdir()
    for name in (*names, *others):
        (tmp_path / "tmp" / f"dakota-wh-{name}").mkdir(mode=0o700)
        (tmp_path / "tmp" / f"dakota-wh-{name}" / "in").mkdir()
        (tmp_path / "tmp" / f"dakota-wh-{name}" / "in" / "file").write_text("x")
    (tmp_path / "mine").mkdir()
    (tmp_path / "tmp" / "dakota-wh-spill-99999999").symlink_to(tmp_path / "mine")
    for path in (tmp_path / "tmp").iterdir():
        aged(path, DAY + 60)
    # Somebody still writes into this one.
    (tmp_path / "tmp" / "dakota-wh-spill-77777777" / "in" / "file").write_text("more")
    ingest(tmp_path / "wh", constant_run(tmp_path / "in", "r", 1.0))
    left_behind.sweep_temporary_folder.cache_clear()
    catalogue.build(tmp_path / "wh")
    left = {path.name for path in (tmp_path / "tmp").iterdir()}
    assert left == {f"dakota-wh-{n}" for n in ("spill-77777777", "spill-99999999", *others)}
    assert (tmp_path / "mine").is_dir()


def test_what_a_person_put_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warehouse, or a folder that others may look into, even under a name like tempfile's."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stored = tmp_path / "dakota-wh-sync-backup_1"
    ingest(stored, constant_run(tmp_path / "in", "r", 1.0))
    stored.chmod(0o700)
    public = tmp_path / "dakota-wh-demo-backup_2"
    public.mkdir()
    public.chmod(0o755)
    swept = tmp_path / "dakota-wh-demo-backup_3"
    swept.mkdir(mode=0o700)
    for path in (stored, public, swept):
        aged(path, DAY + 60)
    before = files_of(stored)
    left_behind.sweep_temporary_folder.cache_clear()
    left_behind.sweep_temporary_folder()
    assert files_of(stored) == before
    assert public.is_dir()
    assert not swept.exists()


def test_files_that_were_half_written_go_after_a_day(tmp_path: Path) -> None:
    young = tmp_path / ".page.html.4711-0123abcd.part"
    old = tmp_path / ".other.csv.12-00000000.part"
    foreign = tmp_path / ".page.html.part"
    for path in (young, old, foreign):
        path.write_text("half")
    aged(old, DAY + 60)
    aged(foreign, DAY + 60)
    with replacing(tmp_path / "page.html") as file:
        file.write(b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"page.html", young.name, foreign.name}


def half_removed(root: Path, run_id: str) -> None:
    """Leave a run as a removal does that is killed when the row has gone."""
    for path in root.glob(f"runs/role=*/run_id={run_id}/run-*.parquet"):
        path.unlink()


def of_run(root: Path, run_id: str) -> list[str]:
    return [path for path in files_of(root) if f"run_id={run_id}/" in path]


def test_a_removal_that_was_killed_can_be_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "wh"
    ingest(root, *(constant_run(tmp_path / "in", name, 1.0) for name in ("a", "b", "c")))
    for name in ("a", "b"):
        half_removed(root, name)
        assert of_run(root, name)
    assert run(["remove", "a", "c", "--yes", "--warehouse", str(root)]) == 0
    assert not of_run(root, "a")
    assert not of_run(root, "c")
    assert run(["remove", "a", "--yes", "--warehouse", str(root)]) == 3
    assert "no run a" in capsys.readouterr().err
    assert of_run(root, "b")
    open_warehouse(root).rebuild()
    assert not of_run(root, "b")
    assert not [p for t in PART_TABLES for p in (root / t).glob("role=*/run_id=b")]
    with pytest.raises(NoSuchRun):
        open_warehouse(root).remove("b")


def test_a_rebuild_leaves_a_run_alone_that_is_being_written(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    ingest(root, *(constant_run(tmp_path / "in", name, 1.0) for name in ("a", "b")))
    half_removed(root, "a")
    before = of_run(root, "a")
    with run_lock(root, "a"):
        open_warehouse(root).rebuild()
    assert of_run(root, "a") == before


def test_what_was_half_gathered_goes_after_a_day(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    ingest(root, constant_run(tmp_path / "in", "a", 1.0))
    place = root / ".dakota-wh" / "gathered"
    place.mkdir()
    for name, age in (("runs-00000001-00aa.parquet", 2 * DAY), ("steps-00000002-0b.parquet", 60)):
        (place / f".{name}.tmp").write_text("half")
        aged(place / f".{name}.tmp", age)
    ingest(root, constant_run(tmp_path / "in", "b", 1.0))
    assert [path.name for path in place.iterdir()] == [".steps-00000002-0b.parquet.tmp"]
