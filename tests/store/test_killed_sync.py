"""A copy into a folder, killed at any moment: old or new, and the next one leaves no trace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import dakota_wh
from dakota_wh.api import open as open_warehouse
from dakota_wh.warehouse import catalogue
from dakota_wh.warehouse.connection import connect
from tests.warehouse import kit

#: More than there are changes of the disk in one copy.
_MOST = 48


def look(root: Path) -> list[tuple[object, ...]]:
    """Return what a reader sees of each run: rows, and the one value that all of them have."""
    with connect(root, ["history", "metrics"]) as connection:
        return connection.execute(
            "SELECT run_id, any_value(logged), count(*), min(value), max(value) FROM metrics JOIN "
            "(SELECT run_id, count(*) AS logged FROM history GROUP BY run_id) USING (run_id) "
            "GROUP BY run_id ORDER BY run_id"
        ).fetchall()


def files(root: Path) -> dict[str, bytes]:
    """Return every file, but for the catalogue, which says where it lies."""
    return {
        name: data for name, data in kit.files_of(root).items() if "warehouse.duckdb" not in name
    }


def test_killed_at_any_moment_it_leaves_nothing_that_the_next_does_not_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, old = tmp_path / "source", tmp_path / "old"
    kit.ingest(source, kit.constant_run(tmp_path / "1", "orch", 1.0), role="orchestrator")
    kit.ingest(source, kit.constant_run(tmp_path / "1", "train", 1.0), role="trainer")
    dakota_wh.sync(source, old)
    changed = kit.constant_run(tmp_path / "2", "orch", 2.0, steps=30)
    kit.ingest(source, changed, role="orchestrator", force=True)
    open_warehouse(source).pair("orch", "train")
    before, after = look(old), look(source)
    assert before[0][1:] == (25, 50, 1.0, 1.0)
    assert after[0][1:] == (30, 60, 2.0, 2.0)

    targets = [tmp_path / f"target{moment:03}" for moment in range(_MOST)]
    for target in targets:
        shutil.copytree(old, target, copy_function=shutil.copyfile)
    steps = [{"op": "sync", "root": str(root), "source": str(source)} for root in targets]
    warm = [{**steps[0], "root": str(tmp_path / "warm")}]
    moments = kit.in_kill_lab(warm, {"sync": {"steps": steps}})["sync"]
    dead, (whole, *_) = targets[: len(moments)], targets[len(moments) :]
    assert any(".run-" in moment for moment in moments)

    states = [look(target) for target in dead]
    news = [state == after for state in states]
    assert all(state in (before, after) for state in states)
    assert news == sorted(news)
    assert {*news} == {False, True}
    assert any(name.endswith(".tmp") for target in dead for name in files(target))
    monkeypatch.setattr(catalogue, "refresh", lambda root: None)  # it has tests of its own
    for target, moment in zip(dead, moments, strict=True):
        dakota_wh.sync(source, target)
        assert files(target) == files(whole), moment
