"""A copy into a folder that is killed at any moment: old or new, and the next one leaves no trace."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import dakota_wh
from dakota_wh.api import open as open_warehouse
from tests.warehouse import kit

#: More than there are changes of the disk in one copy.
_MOST = 150


def files(root: Path) -> dict[str, bytes]:
    """Return every file, but for the catalogue, which says where it lies."""
    return {name: data for name, data in kit.files_of(root).items() if name != "warehouse.duckdb"}


def test_killed_at_any_moment_it_leaves_nothing_that_the_next_does_not_sweep(
    tmp_path: Path,
) -> None:
    source, old = tmp_path / "source", tmp_path / "old"
    kit.ingest(source, kit.constant_run(tmp_path / "1", "orch", 1.0), role="orchestrator")
    kit.ingest(source, kit.constant_run(tmp_path / "1", "train", 1.0), role="trainer")
    dakota_wh.sync(source, old)
    changed = kit.constant_run(tmp_path / "2", "orch", 2.0, steps=30)
    kit.ingest(source, changed, role="orchestrator", force=True)
    open_warehouse(source).pair("orch", "train")
    before, after = kit.state(old), kit.state(source)

    targets = [tmp_path / f"target{moment:03}" for moment in range(_MOST)]
    for target in targets:
        shutil.copytree(old, target, copy_function=shutil.copyfile)
    steps = [{"op": "sync", "root": str(root), "source": str(source)} for root in targets]
    warm = [{**steps[0], "root": str(tmp_path / "warm")}]
    done = subprocess.run(
        [sys.executable, "-m", "tests.warehouse.kill_lab"],
        input=json.dumps({"warm": warm, "jobs": {"sync": {"steps": steps}}}),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    moments = json.loads(done.stdout)["sync"]
    dead, (whole, *_) = targets[: len(moments)], targets[len(moments) :]
    assert any(".run-" in moment for moment in moments)

    states = [kit.state(target) for target in dead]
    news = [state == after for state in states]
    assert all(state in (before, after) for state in states)
    assert news == sorted(news) and {*news} == {False, True}
    assert any(name.endswith(".tmp") for target in dead for name in files(target))
    for target, moment in zip(dead, moments, strict=True):
        dakota_wh.sync(source, target)
        assert files(target) == files(whole), moment
