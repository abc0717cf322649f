"""The mirrors' room: what was used longest ago goes, and whoever needs it fetches it again."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import UsageProblem
from dakota_wh.store import room
from dakota_wh.warehouse import laying
from tests.store.kit import at_each, ingest
from tests.warehouse import kit


def parts(place: str) -> set[tuple[str, str]]:
    """Return the tables and runs of which the mirror has parts."""
    found = open_warehouse(place).path.glob("*/role=single/*/part-*")
    return {(path.parts[-4], path.parts[-2].removeprefix("run_id=")) for path in found}


def last_used(place: str, hours: dict[str, float]) -> None:
    """Let the parts of runs be used so many hours ago."""
    for run, ago in hours.items():
        for path in open_warehouse(place).path.glob(f"*/role=single/run_id={run}/part-*"):
            os.utime(path, (time.time() - 3600 * ago,) * 2)


@pytest.fixture
def runs(memory: str, tmp_path: Path) -> str:
    """Give a store with three runs, all parts of which are here."""
    for number in (1, 2, 3):
        ingest(memory, kit.constant_run(tmp_path / "csv", f"run{number}", float(number)))
    open_warehouse(memory).query("metrics")
    return memory


def test_what_was_used_longest_ago_goes_and_comes_again(
    runs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = open_warehouse(runs).query("metric_stats").rows()
    last_used(runs, {"run1": 1, "run2": 3, "run3": 2})
    mirror = open_warehouse(runs).path
    of_run = {
        run: sum(path.stat().st_size for path in mirror.glob(f"*/role=single/run_id={run}/part-*"))
        for run in ("run1", "run2", "run3")
    }
    monkeypatch.setenv("DAKOTA_WH_CACHE_SIZE", str(of_run["run1"] + of_run["run3"]))
    room.make()
    assert {run for _, run in parts(runs)} == {"run1", "run3"}
    monkeypatch.setenv("DAKOTA_WH_CACHE_SIZE", "0")
    with at_each(("download",), lambda *_: None) as made:
        assert open_warehouse(runs).query("metrics", runs=["run1"]).rows()
    assert made == []
    room.make()  # what was just used stays, whatever the limit
    assert parts(runs) >= {("metrics", "run1")}
    assert not {run for _, run in parts(runs)} - {"run1"}
    assert open_warehouse(runs).query("metric_stats").rows() == everything


def test_a_part_that_goes_under_a_reader_is_fetched_again(
    runs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = open_warehouse(runs).query("metrics").rows()
    reader = open_warehouse(runs)
    swept: set[tuple[str, str]] = set()

    def by_another_process(*args: Any) -> None:
        laying.lay(*args)
        if not swept:  # between the listing of the files and their reading
            swept.update(parts(runs))
            last_used(runs, {"run1": 1, "run2": 1, "run3": 1})
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("DAKOTA_WH_CACHE_SIZE", "0")
                room.make()
            assert not parts(runs)

    monkeypatch.setattr("dakota_wh.warehouse.connection.lay", by_another_process)
    assert reader.query("metrics").rows() == wanted
    assert swept


def test_without_a_limit_all_stays(runs: str) -> None:
    before = parts(runs)
    last_used(runs, {"run1": 10_000})
    room.make()
    assert parts(runs) == before


@pytest.mark.parametrize(
    ("text", "size"),
    [("20GB", 20 * 10**9), ("1.5 GiB", 1610612736), ("0", 0), ("500m", 500 * 10**6), ("7", 7)],
)
def test_a_size(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAKOTA_WH_CACHE_SIZE", text)
    assert room.limit() == size


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12))
def test_any_text_is_a_size_or_refused(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAKOTA_WH_CACHE_SIZE", text)
        try:
            size = room.limit()
        except UsageProblem:
            return
        assert size is None or size >= 0
        assert (size is None) == (not text.strip())


def test_nonsense_is_said_before_anything_is_written(
    memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAKOTA_WH_CACHE_SIZE", "plenty")
    with pytest.raises(UsageProblem, match="Like: 20GB"):
        open_warehouse(memory).ingest(kit.constant_run(tmp_path, "run1", 1.0))
    monkeypatch.delenv("DAKOTA_WH_CACHE_SIZE")
    assert open_warehouse(memory).path.exists() is False
