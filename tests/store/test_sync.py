"""Warehouses copied between folders and stores: only what differs, rows last, checked by hash."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dakota_wh
from dakota_wh.api import open as open_warehouse
from dakota_wh.cli import run
from dakota_wh.errors import ExitCode, NotAWarehouse, UsageProblem
from dakota_wh.store import ends
from dakota_wh.store.address import parse
from dakota_wh.store.ends import FolderEnd, StoreEnd
from dakota_wh.store.sync import run as sync_ends
from dakota_wh.store.synced import Synced
from tests.store.kit import WRITES, Killed, at_each, ingest, objects, seen
from tests.warehouse import kit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a warehouse of two runs."""
    root = tmp_path / "folder"
    for name in ("run1", "run2"):
        kit.ingest(root, kit.constant_run(tmp_path / name, name, 1.0))
    return root


def actions(outcomes: list[Synced]) -> dict[str, str]:
    """Return what became of each run."""
    return {one.run_id: one.action for one in outcomes}


def data(root: Path) -> dict[str, bytes]:
    """Return every file that holds data."""
    files = kit.files_of(root)
    return {name: content for name, content in files.items() if name.endswith(".parquet")}


def test_there_and_back(folder: Path, memory: str, tmp_path: Path) -> None:
    open_warehouse(folder).pair("run1", "run2")
    out = dakota_wh.sync(folder, memory)
    assert actions(out) == {"run1": "copied", "run2": "copied", "": "copied"}
    assert sum(one.files for one in out) == 2 * 7 + 1
    assert seen(memory, tmp_path / "reader") == kit.state(folder)
    back = dakota_wh.sync(memory, tmp_path / "back")
    assert sum(one.bytes for one in back) == sum(one.bytes for one in out)
    assert data(tmp_path / "back") == data(folder)
    assert kit.shell_state(tmp_path / "back") == kit.state(folder)
    for source, target in ((folder, memory), (memory, folder), (tmp_path / "back", memory)):
        again = dakota_wh.sync(source, target)
        assert actions(again) == {"run1": "unchanged", "run2": "unchanged"}
        assert sum(one.files for one in again) == 0


def test_only_what_differs(folder: Path, memory: str, tmp_path: Path) -> None:
    dakota_wh.sync(folder, memory)
    grown = kit.constant_run(tmp_path / "run1", "run1", 1.0, steps=30)
    kit.ingest(folder, grown)
    before = {*objects(memory).listed()}
    [one, two] = dakota_wh.sync(folder, memory)
    assert (one.action, two.action) == ("copied", "unchanged")
    new = {*objects(memory).listed()} - before
    assert len([key for key in new if "/part-" in key or "/run-" in key]) == one.files
    assert seen(memory, tmp_path / "reader") == kit.state(folder)


def test_a_newer_state_stays(folder: Path, memory: str, tmp_path: Path) -> None:
    dakota_wh.sync(folder, memory)
    ingest(memory, kit.constant_run(tmp_path / "run1", "run1", 1.0, steps=30))
    before = objects(memory).listed()
    [one, _] = dakota_wh.sync(folder, memory)
    assert one.action == "left"
    assert one.note == f"{memory} has a newer state (generation 2, here 1)"
    assert objects(memory).listed() == before
    assert actions(dakota_wh.sync(memory, folder)) == {"run1": "copied", "run2": "unchanged"}
    assert kit.state(folder) == seen(memory, tmp_path / "reader")


def test_over_a_dead_claim_and_a_removal(folder: Path, memory: str, tmp_path: Path) -> None:
    """The copy gets a later generation then, and is still known as the same."""
    dakota_wh.sync(folder, memory)
    open_warehouse(memory).remove("run1")
    assert actions(dakota_wh.sync(folder, memory)) == {"run1": "copied", "run2": "unchanged"}
    assert actions(dakota_wh.sync(folder, memory)) == {"run1": "unchanged", "run2": "unchanged"}
    assert seen(memory, tmp_path / "a")["history"] == kit.state(folder)["history"]
    kit.ingest(folder, kit.constant_run(tmp_path / "run1", "run1", 1.0, steps=30))
    assert actions(dakota_wh.sync(folder, memory)) == {"run1": "copied", "run2": "unchanged"}
    assert seen(memory, tmp_path / "a")["history"] == kit.state(folder)["history"]


@pytest.mark.parametrize("into", ["folder", "store"])
def test_broken_off_anywhere_it_goes_on(
    folder: Path, memory: str, tmp_path: Path, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.ingest(folder, kit.constant_run(tmp_path / "run1", "run1", 2.0), force=True)
    whole = kit.state(folder)
    moment = 0
    while True:
        target = f"{memory}/{moment}" if into == "store" else str(tmp_path / str(moment))
        left = [moment]

        def request(real: object, left: list[int] = left) -> object:
            def acting(*args: object) -> object:
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
                return real(*args)  # type: ignore[operator]

            return acting

        end = StoreEnd(parse(target)) if into == "store" else FolderEnd(Path(target))
        end.create()
        for name in ("write", "publish"):
            monkeypatch.setattr(end, name, request(getattr(end, name)))
        try:
            done = sync_ends(FolderEnd(folder), end)
        except Killed:
            done = []
        state = seen(target, tmp_path / "reader" / str(moment)) if into == "store" else None
        state = kit.state(Path(target)) if state is None else state
        for run_id, rows in state["runs"].items():  # each run whole, or not to be seen
            assert rows == whole["runs"][run_id]
            assert state["history"][run_id] == whole["history"][run_id]
        if done:
            return
        there = end.keys()
        copied = len([key for key in there if "/part-" in key and "zz_" not in key])
        again = dakota_wh.sync(folder, target)
        assert sum(one.files for one in again) + copied + len(state["runs"]) == 2 * 7
        moment += 5


def test_a_file_that_is_not_what_was_stored(folder: Path, memory: str, tmp_path: Path) -> None:
    [bad] = folder.glob("history/role=single/run_id=run1/*.parquet")
    content = bytearray(bad.read_bytes())
    content[100] ^= 1
    bad.write_bytes(content)
    out = dakota_wh.sync(folder, memory)
    assert actions(out) == {"run1": "failed", "run2": "copied"}
    assert "history" in out[0].note
    assert [*seen(memory, tmp_path / "reader")["runs"]] == ["run2"]
    assert run(["sync", str(folder), f"{memory}2"]) == ExitCode.SOME_RUNS_FAILED


def test_delete_and_dry_run(
    folder: Path, memory: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dakota_wh.sync(folder, memory)
    open_warehouse(folder).remove("run2")
    assert actions(dakota_wh.sync(folder, memory)) == {"run1": "unchanged"}
    before = objects(memory).listed()
    assert run(["sync", str(folder), memory, "--delete", "--dry-run", "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert [one["action"] for one in json.loads(captured.out)] == ["unchanged", "removed"]
    assert "removed    run2  (not done)" in captured.err
    assert objects(memory).listed() == before
    assert run(["sync", str(folder), memory, "--delete"]) == 0
    assert [*seen(memory, tmp_path / "reader")["runs"]] == ["run1"]
    dry = dakota_wh.sync(folder, tmp_path / "nowhere", dry_run=True)
    assert actions(dry) == {"run1": "copied"}
    assert not (tmp_path / "nowhere").exists()


def test_a_pair_that_was_undone_goes_with_delete(folder: Path, memory: str) -> None:
    warehouse = open_warehouse(folder)
    warehouse.pair("run1", "run2")
    dakota_wh.sync(folder, memory)
    warehouse.pair("run1", "run2", remove=True)
    dakota_wh.sync(folder, memory)
    assert len(open_warehouse(memory).query("fixed_pairs").rows()) == 1
    dakota_wh.sync(folder, memory, delete=True)
    assert open_warehouse(memory).query("fixed_pairs").rows() == []


def test_what_cannot_be(folder: Path, memory: str, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="onto itself"):
        dakota_wh.sync(folder, f"{folder}/")
    with pytest.raises(UsageProblem, match="onto itself"):
        dakota_wh.sync(memory, f"{memory}/")
    for empty in (memory, str(tmp_path / "none")):
        with pytest.raises(NotAWarehouse):
            dakota_wh.sync(empty, folder)
    assert not objects(memory).listed()


def test_published_anew_while_it_is_copied(
    folder: Path, memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dakota_wh.store.objects.AT_ONCE", 1)  # in order
    ingested: list[int] = []

    def write(self: ends.StoreEnd, file: Path, key: str, sha256: str) -> None:
        if not ingested:
            ingested.append(1)
            for steps in (30, 35):  # the second sweeps what is being copied
                grown = kit.constant_run(tmp_path / "run1", "run1", 2.0, steps=steps)
                kit.ingest(folder, grown, force=True)
        real(self, file, key, sha256)

    real = ends.StoreEnd.write
    monkeypatch.setattr(ends.StoreEnd, "write", write)
    assert actions(dakota_wh.sync(folder, memory)) == {"run1": "copied", "run2": "copied"}
    assert seen(memory, tmp_path / "reader") == kit.state(folder)


@pytest.mark.parametrize("into", ["folder", "store"])
def test_removed_at_the_target_while_it_is_copied(
    folder: Path, memory: str, tmp_path: Path, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that were there when all was listed are gone then, also those that both states have."""
    target = memory if into == "store" else str(tmp_path / "target")
    dakota_wh.sync(folder, target)
    open_warehouse(folder).rebuild()  # keeps the parts of history
    kind = ends.StoreEnd if into == "store" else ends.FolderEnd
    monkeypatch.setattr("dakota_wh.store.objects.AT_ONCE", 1)  # in order
    removed: list[None] = []

    def publish(self: Any, *args: Any) -> bool:
        if not removed:
            removed.append(None)
            assert args[0].run_id == "run1"
            if into == "store":
                open_warehouse(target).remove("run1")
            else:  # by an ingest of the same, which has found nothing new
                for path in (Path(target) / "history").glob("role=single/run_id=run1/part-*"):
                    path.unlink()
        return bool(real(self, *args))

    real = kind.publish
    monkeypatch.setattr(kind, "publish", publish)
    assert actions(dakota_wh.sync(folder, target)) == {"run1": "copied", "run2": "copied"}
    there = seen(target, tmp_path / "r") if into == "store" else kit.state(Path(target))
    assert there == kit.state(folder)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ingest", "ingest there", "remove there", "sync", "broken sync"]),
            st.integers(1, 12),
        ),
        max_size=6,
    )
)
def test_any_history_ends_with_both_the_same(
    memory: str, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    work = tmp_path_factory.mktemp("any")
    here, there = work / "here", f"{memory}/{work.name}"
    kit.ingest(here, kit.constant_run(work / "csv", "run1", 0.0))
    for action, number in steps:
        csv = kit.constant_run(work / "csv", "run1", float(number))
        match action:
            case "ingest":
                kit.ingest(here, csv, force=True)
            case "ingest there":
                ingest(there, csv, force=True)
            case "remove there":
                if "run1" in seen(there, work / "reader")["runs"]:
                    open_warehouse(there).remove("run1")
            case "sync":
                dakota_wh.sync(here, there)
            case "broken sync":

                def die(made: int, name: str, key: str, at: int = number) -> None:
                    if made >= at:
                        raise Killed

                with at_each(WRITES, die), suppress(Killed):
                    dakota_wh.sync(here, there)
    [one] = dakota_wh.sync(here, there)
    if one.action == "left" and "newer" in one.note:  # what was ingested there
        [one] = dakota_wh.sync(there, here)
    elif one.action == "left":  # neither is newer: a person must say which one goes
        assert "did not come from here" in one.note
        open_warehouse(there).remove("run1")
        [one] = dakota_wh.sync(here, there)
    assert one.action in ("copied", "unchanged")
    state = seen(there, work / "reader")
    assert state["history"] == kit.state(here)["history"]
    assert state["metrics"] == kit.state(here)["metrics"]
