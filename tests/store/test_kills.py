"""Writers that die before each request: a reader sees the state before or the one after."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import StoreUnreachable
from dakota_wh.store import keys, publish
from dakota_wh.store.address import parse
from dakota_wh.store.contents import contents_of
from dakota_wh.store.mirror import Mirror
from dakota_wh.store.publish import sweep
from dakota_wh.warehouse.connection import connect
from tests.store.kit import READS, WRITES, Killed, at_each, ingest, objects
from tests.warehouse import kit

#: Rows of history, of metrics, and the one value that all of them have; None: no such run.
State = tuple[int, int, float] | None
OLD: State = (25, 50, 1.0)
NEW: State = (30, 60, 2.0)


def look(place: str, cache: Path) -> State:
    """Return what a reader with an empty cache sees of the run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAKOTA_WH_CACHE", str(cache))
        mirror = Mirror(parse(place))
        mirror.refresh(required=False)
    with connect(mirror.folder, ["history", "metrics", "runs"]) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM history), count(*), min(value), max(value),"
            " (SELECT sum(rows) FROM runs) FROM metrics"
        ).fetchone()
    assert row is not None
    history, metrics, least, most, rows = row
    if not rows:
        assert (history, metrics) == (0, 0)
        return None
    assert (least, history) == (most, rows)
    return int(history), int(metrics), float(least)


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    """Give a run as it was and as it is now."""
    old, new = (
        kit.write_csv(
            tmp_path / str(value),
            "run1",
            {"_step": range(steps), "reward/mean": [value] * steps, "loss": [value] * steps},
        )
        for value, steps in ((1.0, 25), (2.0, 30))
    )
    return old, new


def die_at(moment: int) -> Callable[[int, str, str], None]:
    """Return what ends a writer at its n-th request, and whatever else it has under way then."""

    def act(number: int, name: str, key: str) -> None:
        if number >= moment:
            raise Killed

    return act


def kill_at_each_moment(
    place: str, cache: Path, before: Callable[[], object], act: Callable[[], object], new: Path
) -> list[State]:
    """Kill ``act`` before each of its writes; return what readers see after each kill.

    The ingest that comes next must put things right each time.
    """
    seen: list[State] = []
    for moment in (*range(9), *range(12, 100, 8)):  # the later ones are deletions, all alike
        before()
        with at_each(WRITES, die_at(moment)) as made, suppress(Killed):
            act()
        if len(made) <= moment:  # it lived to its end
            break
        seen.append(look(place, cache))
        ingest(place, new, force=True)
        assert look(place, cache) == NEW, made[moment]
    assert look(place, cache / "of another one") == look(place, cache)
    return seen


@pytest.mark.parametrize("stored", [False, True])
def test_an_ingest(memory: str, tmp_path: Path, sources: tuple[Path, Path], stored: bool) -> None:
    old, new = sources

    def before() -> None:
        if stored:
            ingest(memory, old, force=True)
        elif look(memory, tmp_path / "reader") is not None:
            open_warehouse(memory).remove("run1")

    ingest(memory, old)
    seen = kill_at_each_moment(
        memory, tmp_path / "reader", before, lambda: ingest(memory, new, force=True), new
    )
    changed = seen.index(NEW) if stored else len(seen)  # a first ingest has nothing to clean up
    assert seen == [OLD if stored else None] * changed + [NEW] * (len(seen) - changed)
    assert changed == 6 + 1 + 1  # the parts, the claim, the row
    assert len(seen) > changed or not stored


def test_a_removal(memory: str, tmp_path: Path, sources: tuple[Path, Path]) -> None:
    old, new = sources
    ingest(memory, old)
    seen = kill_at_each_moment(
        memory,
        tmp_path / "reader",
        lambda: [ingest(memory, source, force=True) for source in (old, new)],
        lambda: open_warehouse(memory).remove("run1"),
        new,
    )
    changed = seen.index(None)
    assert seen == [NEW] * changed + [None] * (len(seen) - changed)
    assert changed == 3  # the claim, the older row, the row


def test_what_the_dead_leave_is_swept_after_a_day(
    memory: str, sources: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = sources
    ingest(memory, old)
    ingest(memory, new, force=True)
    alive = {*objects(memory).listed()}
    with at_each(WRITES, die_at(5)), pytest.raises(Killed):
        ingest(memory, new, force=True)
    left = {*objects(memory).listed()} - alive
    assert len(left) == 5
    assert sweep(objects(memory)) == 0  # it may be somebody's who is about to publish
    monkeypatch.setattr(publish, "_ORPHAN", publish._ORPHAN * 0)
    assert sweep(objects(memory)) == 5
    assert {*objects(memory).listed()} == alive


def test_a_sweep_leaves_what_is_not_this_warehouses(
    memory: str, sources: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(memory, sources[0])
    ingest(f"{memory}/inner", sources[1])
    there = objects(memory)
    for key in ("data/part-00000-1f.snappy.parquet", "metrics/part-01.parquet", "a/part-1/b"):
        there.put(key, b"somebody's")
    before = {*there.listed()}
    monkeypatch.setattr(publish, "_ORPHAN", publish._ORPHAN * 0)
    assert contents_of(Mirror(parse(memory))).unnamed == 0
    assert sweep(there) == 0
    assert {*there.listed()} == before


def test_a_sweep_leaves_the_parts_of_a_row_that_cannot_be_read(
    memory: str, sources: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(memory, sources[0])
    there = objects(memory)
    monkeypatch.setattr(publish, "_ORPHAN", publish._ORPHAN * 0)
    [key] = keys.rows_by_run(there.listed())["run1"]
    whole, before = there.read(key), {*there.listed()}
    there.put(key, whole[:-9])  # damaged, or written by a later version
    assert sweep(there) == 0
    there.put(key, whole)

    def silent(number: int, name: str, key: str) -> None:
        raise StoreUnreachable("no answer")

    with at_each(("read",), silent), pytest.raises(StoreUnreachable):
        sweep(there)
    assert {*there.listed()} == before


def test_an_unchanged_run_writes_nothing(memory: str, sources: tuple[Path, Path]) -> None:
    ingest(memory, sources[0])
    before = objects(memory).listed()
    with at_each((*WRITES, *READS), lambda *_: None) as made:
        [landed] = ingest(memory, sources[0])
    assert landed.action.value == "unchanged"
    assert not [one for one in made if one.split()[0] in WRITES]
    assert objects(memory).listed() == before


def test_the_state_before_stays_for_its_readers_until_the_next(
    memory: str, sources: tuple[Path, Path]
) -> None:
    for number in range(4):
        ingest(memory, sources[number % 2], force=True)
    listed = objects(memory).listed()
    rows = [key for key in listed if key.startswith("runs/role=single")]
    parts = [key for key in listed if "/role=single/" in key and "/part-" in key]
    assert len(rows) == 2
    assert len(parts) == 2 * 6
    assert len([key for key in listed if "/claims/" in key]) == 2
