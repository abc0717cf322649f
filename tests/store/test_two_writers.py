"""Writers of one run at the same time, on machines of their own: none undoes another.

A run's tags stand for what is stored: each writer adds one, and a part of its own. Whoever is told
that his is stored must find it in the end, once.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import WarehouseError
from dakota_wh.store import changing, claims, keys, listing, publish
from dakota_wh.store.address import parse
from dakota_wh.store.mirror import Mirror
from dakota_wh.store.objects import Objects
from dakota_wh.warehouse import run_row
from dakota_wh.warehouse.history import new_part_id, part_path
from dakota_wh.warehouse.layout import run_folder
from dakota_wh.warehouse.parquet import write_table
from dakota_wh.warehouse.run_row import RunRow, newest
from tests.store.kit import READS, WRITES, Killed, at_each, ingest, objects
from tests.warehouse import kit

RUN = "run1"


def add(tag: str, place: Path) -> None:
    """Publish the run in a folder with one more tag and one more part.

    Like an ingest, it publishes nothing where the run holds that already.
    """
    row = newest(place, RUN) or RunRow(RUN, "single")
    if tag in json.loads(row.tags):
        return
    part = new_part_id()
    folder = run_folder(place, "summary", row.role, RUN)
    write_table(part_path(folder, row.generation, part), pa.table({"key": [tag]}))
    row.tags = json.dumps([*json.loads(row.tags), tag])
    row.parts = sorted([*row.parts, part])
    run_row.publish(place, row)


def stored(place: str) -> list[str] | None:
    """Return the tags of the run as stored, after a look at its parts; None if there is none."""
    there = objects(place)
    rows = listing.of_runs(there, [RUN]).rows.get(RUN)
    if not rows:
        return None
    row = publish.row_of(there.read(rows[-1]), rows[-1])
    parts = {keys.part_key(row, file) for file in run_row.named_files(row)}
    assert parts <= {*there.listed()}
    tags: list[str] = json.loads(row.tags)
    assert len(parts) == len(row.parts) == len(tags)
    return tags


class Stage:
    """Lets one request of several writers through at a time, in an order of chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.turn = threading.Condition()
        self.waiting: list[object] = []
        self.playing = 0

    def request(self, work: Callable[[], Any]) -> Any:
        """Do a request when its turn comes."""
        me = object()
        with self.turn:
            self.waiting.append(me)
            # Give the others the time to come to their next request, which they mostly do.
            self.turn.wait_for(lambda: len(self.waiting) >= self.playing, 0.002)
            while self.chance.choice(self.waiting) is not me:
                self.turn.notify_all()
                self.turn.wait(0.001)
            try:
                return work()
            finally:
                self.waiting.remove(me)
                self.turn.notify_all()


class OnStage(Objects):
    """A writer's own way to the store, which may end at some request."""

    def __init__(self, place: str, stage: Stage, dies_at: int | None) -> None:
        super().__init__(parse(place))
        self.stage, self.left = stage, dies_at

    def _on_stage(self, work: Callable[[], Any]) -> Any:
        def request() -> Any:
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    raise Killed
            return work()

        return self.stage.request(request)


def _staged(name: str) -> Callable[..., Any]:
    def request(self: OnStage, *args: Any) -> Any:
        real = getattr(Objects, name)
        return self._on_stage(lambda: real(self, *args))

    return request


for _name in ("listed", "read", "download", "upload", "put", "_delete"):
    setattr(OnStage, _name, _staged(_name))


def _create(self: OnStage, key: str, data: bytes) -> bool:
    # What is read to recognise one's own is part of the same request here.
    def work() -> bool:
        there = Objects(self.address)
        return there.create(key, data)

    made: bool = self._on_stage(work)
    return made


setattr(OnStage, "create", _create)  # noqa: B010 - like the others


def play(
    place: str,
    cache: Path,
    seed: int,
    dies_at: list[int | None],
    work: Callable[[int, Mirror], None],
) -> list[int]:
    """Let several writers work at once; return the numbers of those that came to their end."""
    stage, ended = Stage(seed), []

    def writer(number: int, mirror: Mirror) -> None:
        try:
            work(number, mirror)
            ended.append(number)
        except (Killed, WarehouseError):
            pass
        finally:
            with stage.turn:
                stage.playing -= 1
                stage.turn.notify_all()

    threads = []
    for number, moment in enumerate(dies_at):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAKOTA_WH_CACHE", str(cache / str(number)))
            mirror = Mirror(parse(place), objects=OnStage(place, stage, moment))
        threads.append(threading.Thread(target=writer, args=(number, mirror)))
    stage.playing = len(threads)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return ended


#: Where a writer dies; most live.
MOMENTS = st.lists(st.one_of(st.none(), st.none(), st.integers(0, 30)), min_size=2, max_size=3)
QUICK = settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "_PAUSE", 0.0)
    monkeypatch.setattr(changing, "_TRIES", 60)
    monkeypatch.setattr("dakota_wh.store.mirror.local_folder.create", lambda root: None)


@pytest.mark.usefixtures("_impatient")
@QUICK
@given(seed=st.integers(0, 2**32), dies_at=MOMENTS, first=st.booleans())
def test_every_writer_who_is_told_so_has_stored_it(
    memory: str, tmp_path: Path, seed: int, dies_at: list[int | None], first: bool
) -> None:
    place = f"{memory}/{random.Random().getrandbits(64):x}"
    cache = tmp_path / place.rpartition("/")[2]
    told: list[str] = []
    if not first:
        _change(place, cache / "before", "before")
        told.append("before")

    def work(number: int, mirror: Mirror) -> None:
        changing.change(mirror.folder, RUN, lambda at: add(f"tag{number}", at))

    told += [f"tag{number}" for number in play(place, cache, seed, dies_at, work)]
    _change(place, cache / "after", "after")  # the dead block nobody
    tags = stored(place)
    assert tags is not None
    assert len({*tags}) == len(tags)
    assert {*told, "after"} <= {*tags}


@pytest.mark.usefixtures("_impatient")
@QUICK
@given(seed=st.integers(0, 2**32), dies_at=MOMENTS)
def test_a_removal_beside_writers_leaves_a_whole_run_or_none(
    memory: str, tmp_path: Path, seed: int, dies_at: list[int | None]
) -> None:
    place = f"{memory}/{random.Random().getrandbits(64):x}"
    cache = tmp_path / place.rpartition("/")[2]
    _change(place, cache / "before", "before")

    def work(number: int, mirror: Mirror) -> None:
        if number == 0:
            publish.remove(mirror.objects, RUN)
        else:
            changing.change(mirror.folder, RUN, lambda at: add(f"tag{number}", at))

    play(place, cache, seed, dies_at, work)
    stored(place)
    _change(place, cache / "after", "after")
    tags = stored(place)
    assert tags is not None
    assert "after" in tags


def _change(place: str, cache: Path, tag: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAKOTA_WH_CACHE", str(cache))
        mirror = Mirror(parse(place))
        changing.change(mirror.folder, RUN, lambda at: add(tag, at))


def test_an_ingest_in_the_middle_of_another(memory: str, tmp_path: Path) -> None:
    """At each request of one ingest, another machine does all of its own."""
    csv = kit.constant_run(tmp_path / "a", RUN, 1.0)
    moment = 0
    while True:
        ingest(memory, csv)

        def other(number: int, name: str, key: str, at: int = moment) -> None:
            if number == at:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv("DAKOTA_WH_CACHE", str(tmp_path / "other machine"))
                    ingest(memory, csv, role="trainer")

        with at_each((*WRITES, *READS), other) as made:
            ingest(memory, csv, entity="me")
        if len(made) <= moment:
            return
        warehouse = open_warehouse(memory)
        [run] = warehouse.runs().dicts()
        assert (run["entity"], run["role"], run["rows"]) == ("me", "trainer", 25), made[moment]
        counted = warehouse.sql("SELECT count(*), count(DISTINCT _step) FROM history")
        assert counted.rows() == [(25, 25)]
        warehouse.remove(RUN)
        moment += 1
        while moment < len(made) and made[moment].startswith("listed runs/"):
            moment += 1  # the five roles are listed side by side


def test_whoever_is_overtaken_by_one_who_does_not_know_him_notices(memory: str) -> None:
    there = objects(memory)
    first = claims.take(there, RUN, 0, [])
    assert first is not None
    assert first.number == 1
    assert claims.take(there, RUN, 0, []) is None  # the same number
    second = claims.take(there, RUN, 0, claims.claims_of(there, RUN))
    assert second is not None
    assert claims.overtaken(there, first, claims.claims_of(there, RUN))
    third = claims.take(there, RUN, 2, claims.claims_of(there, RUN))
    assert third is not None
    assert third.number == 3
    assert not claims.overtaken(there, second, claims.claims_of(there, RUN))
    assert not claims.overtaken(there, third, claims.claims_of(there, RUN))
