"""A folder of links: what an engine reads that asks for no files, as of one moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.store import moment
from dakota_wh.store.mirror import Mirror
from dakota_wh.warehouse.relations import tables_of
from tests.store.kit import at_each, ingest
from tests.warehouse import kit


@pytest.fixture
def runs(memory: str, tmp_path: Path) -> str:
    """Give a store with two runs."""
    for run in ("run1", "run2"):
        ingest(memory, kit.constant_run(tmp_path / run, run, 1.0))
    return memory


def refreshed(place: str) -> Mirror:
    """Return the mirror of a store with its rows as they are now."""
    mirror = open_warehouse(place).mirror
    assert mirror is not None
    mirror.refresh()
    return mirror


def here(folder: Path) -> set[tuple[str, str]]:
    """Return the tables and runs of which a folder has parts."""
    found = folder.glob("*/role=single/*/part-*")
    return {(path.parts[-4], path.parts[-2].removeprefix("run_id=")) for path in found}


def test_it_has_what_is_asked_for_and_goes_at_the_end(runs: str) -> None:
    mirror = refreshed(runs)
    with moment.files_of(mirror.folder, ["metrics"], ["run1"]) as place:
        assert here(place) == {("metrics", "run1")}
        with moment.files_of(mirror.folder, ["summary", "config"]) as other:
            assert here(other) == {(t, r) for t in ("summary", "config") for r in ("run1", "run2")}
            assert place != other
        assert not other.exists()
        assert place.is_dir()
    assert not list(place.parent.iterdir())


def test_a_folder_of_its_own_is_given_as_it_is(tmp_path: Path) -> None:
    kit.ingest(tmp_path / "folder", kit.constant_run(tmp_path, "run1", 1.0))
    with moment.files_of(tmp_path / "folder", ["metrics"]) as place:
        assert place == tmp_path / "folder"
    assert place.is_dir()


def test_what_a_killed_process_read_is_deleted(runs: str) -> None:
    mirror = refreshed(runs)
    dead = mirror.folder.with_name(f"{mirror.folder.name}.read") / "1-dead"
    dead.mkdir(parents=True)
    with moment.files_of(mirror.folder, ["metrics"]) as place:
        assert [one for one in dead.parent.iterdir() if one.is_dir()] == [place]


def test_it_stays_as_it_was(runs: str, tmp_path: Path) -> None:
    mirror = refreshed(runs)
    with moment.files_of(mirror.folder, tables_of(kit.STATE)) as place:
        before = kit.state(place)["metrics"]
        for steps in (30, 35):
            ingest(runs, kit.constant_run(tmp_path / "new", "run1", 2.0, steps=steps), force=True)
        open_warehouse(runs).remove("run2")
        mirror.changed()
        mirror.refresh()
        assert kit.state(place)["metrics"] == before


def test_published_anew_while_it_is_made(runs: str, tmp_path: Path) -> None:
    """The parts of the row that was listed are gone: that of now is taken, whole."""
    mirror = refreshed(runs)
    for path in mirror.folder.glob("*/role=single/run_id=run1/part-*"):
        path.unlink()
    published: list[None] = []

    def publish_twice(number: int, name: str, key: str) -> None:
        if not published:
            published.append(None)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("DAKOTA_WH_CACHE", str(tmp_path / "other machine"))
                for steps in (30, 35):
                    grown = kit.constant_run(tmp_path / "new", "run1", 2.0, steps=steps)
                    ingest(runs, grown, force=True)

    with (
        at_each(("download",), publish_twice),
        moment.files_of(mirror.folder, tables_of(kit.STATE)) as place,
    ):
        assert len(kit.state(place)["history"]["run1"]) == 35
        assert len(kit.state(place)["history"]["run2"]) == 25
