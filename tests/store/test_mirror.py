"""What is read of a store is what it has now, whole and as it was stored; or it is said."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import NotAWarehouse, StoreProblem, WarehouseError
from dakota_wh.store import keys
from dakota_wh.store.address import parse
from dakota_wh.store.mirror import Mirror
from dakota_wh.store.objects import Objects
from dakota_wh.store.publish import row_of
from dakota_wh.store.row_bytes import is_whole
from dakota_wh.store.trouble import speaking
from dakota_wh.warehouse import origin
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.run_row import named_files, write_row
from tests.store.kit import READS, at_each, flip, ingest, objects, seen
from tests.warehouse import kit

COUNTS = "SELECT (SELECT count(*) FROM history), (SELECT count(*) FROM metrics)"


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Give three states of one run."""
    return [
        kit.constant_run(tmp_path / str(steps), "run1", float(steps), steps=steps)
        for steps in (20, 25, 30)
    ]


def keys_of(place: str, table: str) -> list[str]:
    """Return the keys of a table's parts."""
    return [key for key in objects(place).listed(table) if "zz_schema" not in key]


@pytest.mark.parametrize("store", ["memory", "s3"])
def test_nothing_is_listed_from_a_cache(
    request: pytest.FixtureRequest, store: str, tmp_path: Path, runs: list[Path]
) -> None:
    place = request.getfixturevalue(store)
    ingest(place, runs[0])
    reader = open_warehouse(place)
    assert reader.sql(COUNTS).rows() == [(20, 40)]
    with pytest.MonkeyPatch.context() as patch:  # on another machine
        patch.setenv("DAKOTA_WH_CACHE", str(tmp_path / "other"))
        ingest(place, runs[1])
        ingest(place, kit.constant_run(tmp_path / "b", "run2", 1.0))
    assert reader.sql(COUNTS).rows() == [(50, 100)]
    open_warehouse(place).remove("run1")
    assert reader.sql(COUNTS).rows() == [(25, 50)]


def test_only_what_is_asked_for_is_fetched_and_once(memory: str, runs: list[Path]) -> None:
    ingest(memory, runs[0])
    mirror = open_warehouse(memory).path
    shutil.rmtree(mirror)
    reader = open_warehouse(memory)
    reader.sql("SELECT count(*) FROM metrics")
    parts = {path.relative_to(mirror).parts[0] for path in mirror.glob("*/role=single/*/part-*")}
    assert parts == {"metrics"}
    with at_each(READS, lambda *_: None) as made:
        assert reader.sql("SELECT count(*) FROM metrics").rows() == [(40,)]
    assert made == ["listed runs", "listed pairs"]
    with at_each(READS, lambda *_: None) as made, reader.one_listing():
        for _ in range(3):
            reader.query("metric_stats", runs=["run1"])
    assert len([one for one in made if one.startswith("listed")]) == 5  # a role each


def test_the_cache_is_its_owners(memory: str, cache: Path, runs: list[Path]) -> None:
    ingest(memory, runs[0])
    assert open_warehouse(memory).path.parent == cache
    assert open_warehouse(memory).path.stat().st_mode & 0o777 == 0o700


def test_a_run_that_another_process_has_brought_in_part_is_read_whole(
    memory: str, runs: list[Path]
) -> None:
    ingest(memory, runs[0])
    shutil.rmtree(open_warehouse(memory).path)
    one, other = open_warehouse(memory), Mirror(parse(memory))  # one folder
    assert one.sql("SELECT count(*) FROM history").rows() == [(20,)]
    ingest(memory, runs[1])
    shutil.rmtree(other.folder)
    other.refresh()  # has rows, and no parts
    with connect(other.folder, ["history", "metrics"]) as connection:
        assert connection.execute(COUNTS).fetchall() == [(25, 50)]


def test_a_part_that_vanishes_under_a_reader(memory: str, tmp_path: Path, runs: list[Path]) -> None:
    ingest(memory, runs[0])
    published: list[str] = []

    def publish_twice(number: int, name: str, key: str) -> None:
        if "history/" in key and not published:
            published.append(key)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("DAKOTA_WH_CACHE", str(tmp_path / "other"))
                ingest(memory, runs[1])
                ingest(memory, runs[2])

    shutil.rmtree(open_warehouse(memory).path)
    with at_each(("download",), publish_twice):
        assert open_warehouse(memory).sql(COUNTS).rows() == [(30, 60)]
    assert published[0] not in objects(memory).listed()


def test_a_part_that_the_store_has_lost_is_named_and_put_back(
    memory: str, tmp_path: Path, runs: list[Path]
) -> None:
    ingest(memory, runs[0])
    [lost] = keys_of(memory, "history")
    objects(memory).delete([lost])
    shutil.rmtree(open_warehouse(memory).path)
    with pytest.raises(StoreProblem, match="lost a part"):
        open_warehouse(memory).sql(COUNTS)
    assert open_warehouse(memory).sql("SELECT count(*) FROM metrics").rows() == [(40,)]
    ingest(memory, runs[0])
    assert open_warehouse(memory).sql(COUNTS).rows() == [(20, 40)]


def test_other_bytes_than_were_stored_are_refused_and_not_kept(
    memory: str, tmp_path: Path, runs: list[Path]
) -> None:
    ingest(memory, runs[0])
    [key] = keys_of(memory, "history")
    flip(memory, key)
    mirror = open_warehouse(memory).path
    shutil.rmtree(mirror)
    with pytest.raises(StoreProblem, match=r"history/.*SHA-256.*run1"):
        open_warehouse(memory).sql(COUNTS)
    assert not list(mirror.glob("history/role=single/*/*.parquet"))
    assert not list(mirror.glob(".dakota-wh/arriving/*"))
    ingest(memory, runs[0])
    assert seen(memory, tmp_path / "after")["history"]["run1"]


def test_what_a_machine_lost_of_its_cache_is_fetched_again(memory: str, runs: list[Path]) -> None:
    """Power failed behind a rename: the file is there, and empty."""
    ingest(memory, runs[0])
    mirror = open_warehouse(memory).path
    for path in (*mirror.glob("metrics/role=single/*/*"), *mirror.glob("runs/role=single/*/*")):
        path.unlink()  # it may be a link to what is elsewhere
        path.touch()
    assert open_warehouse(memory).sql(COUNTS).rows() == [(20, 40)]


def test_other_damage_in_a_cache_is_called_that(memory: str, runs: list[Path]) -> None:
    ingest(memory, runs[0])
    mirror = open_warehouse(memory).path
    for table in ("history", "runs"):
        [path] = mirror.glob(f"{table}/role=single/*/*")
        size = path.stat().st_size
        path.unlink()
        path.write_bytes(b"x" * size)
        with pytest.raises(NotAWarehouse) as said:
            open_warehouse(memory).sql(COUNTS)
        assert said.value.hint == f"It is a cache, which can be deleted: rm -r {mirror}"
    [landed] = ingest(memory, runs[1])  # an ingest mends the row, and reads its source anew
    assert landed.rows == 25
    shutil.rmtree(mirror)
    assert open_warehouse(memory).sql(COUNTS).rows() == [(25, 50)]


def test_a_cache_that_does_not_say_of_which_store(
    memory: str, runs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(memory, runs[0])
    mirror = open_warehouse(memory).path
    (mirror / ".dakota-wh" / "store.json").write_text("{", encoding="utf-8")
    monkeypatch.setattr(origin, "_ORIGINS", {})  # as in another process
    with pytest.raises(NotAWarehouse, match="does not say of which"):
        open_warehouse(mirror)
    assert open_warehouse(memory).sql(COUNTS).rows() == [(20, 40)]


def test_a_full_disk_is_this_machines(
    memory: str, runs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(memory, runs[0])
    shutil.rmtree(open_warehouse(memory).path)

    def full(self: Objects, key: str, path: Path) -> None:
        with speaking(self.address):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Objects, "download", full)
    with pytest.raises(WarehouseError, match=r"The cache .* No space left.*DAKOTA_WH_CACHE=DIR"):
        open_warehouse(memory).sql(COUNTS)


def test_a_damaged_row_is_named(memory: str, tmp_path: Path, runs: list[Path]) -> None:
    ingest(memory, runs[0])
    ingest(memory, runs[1])
    key = keys.rows_by_run(objects(memory).listed())["run1"][-1]
    objects(memory).put(key, objects(memory).read(key)[:-9])
    shutil.rmtree(open_warehouse(memory).path)
    with pytest.raises(StoreProblem, match="damaged"):
        open_warehouse(memory).runs()
    objects(memory).delete([key])  # as the error says
    assert open_warehouse(memory).sql(COUNTS).rows() == [(20, 40)]


def test_no_bit_of_a_row_can_change_what_it_says(memory: str, runs: list[Path]) -> None:
    ingest(memory, runs[0])
    [key] = keys.rows_by_run(objects(memory).listed())["run1"]
    content = objects(memory).read(key)
    said = row_of(content, key)
    assert is_whole(content, key)
    assert not is_whole(content, key.replace("run-00000001", "run-00000002"))
    harmless = 0
    for place in range(0, len(content), 37):
        other = bytearray(content)
        other[place] ^= 1 << place % 8
        if is_whole(bytes(other), key):  # statistics, and who wrote it
            harmless += 1
            assert row_of(bytes(other), key) == said
    assert harmless < len(content) / 37 / 2


def test_a_row_cannot_name_a_file_elsewhere(memory: str, tmp_path: Path, runs: list[Path]) -> None:
    ingest(memory, runs[0])
    [key] = keys.rows_by_run(objects(memory).listed())["run1"]
    row = row_of(objects(memory).read(key), key)
    row.files = ["history/../../../evil.parquet", "../x/part-00.parquet", *row.files[2:]]
    assert len(named_files(row)) == len(row.files) - 2
    objects(memory).put(key, write_row(tmp_path, row).read_bytes())
    shutil.rmtree(open_warehouse(memory).path)
    with pytest.raises(NotAWarehouse, match="of the run run1 is gone"):
        open_warehouse(memory).sql("SELECT count(*) FROM history")
    assert not list(tmp_path.rglob("evil*"))


def test_a_shells_mirror_is_whole(memory: str, tmp_path: Path, runs: list[Path]) -> None:
    ingest(memory, runs[0])
    place = open_warehouse(memory).whole()
    assert place != open_warehouse(memory).path
    assert kit.state(place) == seen(memory, tmp_path / "other")
    ingest(memory, runs[1])
    assert len(kit.state(place)["history"]["run1"]) == 20  # as it was, all of it
    assert open_warehouse(memory).whole() == place
    assert kit.state(place) == seen(memory, tmp_path / "other")


def test_a_mirrors_folder_is_known_as_one(memory: str, runs: list[Path]) -> None:
    ingest(memory, runs[0])
    mirror = open_warehouse(memory).path
    for path in mirror.glob("*/role=single/*/part-*"):
        path.unlink()
    named = open_warehouse(mirror)  # by whoever finds it in the cache
    assert named.location == memory
    assert named.sql(COUNTS).rows() == [(20, 40)]


def test_there_is_no_warehouse(memory: str) -> None:
    with pytest.raises(NotAWarehouse, match="memory://bucket/runs"):
        open_warehouse(memory).runs()
    with pytest.raises(NotAWarehouse):
        open_warehouse(memory).remove("run1")


def test_a_store_without_conditional_writes_is_refused(
    memory: str, runs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(self: Objects, key: str, data: bytes) -> bool:
        self.put(key, data)
        return True

    monkeypatch.setattr(Objects, "create", create)
    with pytest.raises(StoreProblem, match="If-None-Match"):
        open_warehouse(memory).ingest(runs[0])
    assert not [key for key in objects(memory).listed() if "run1" in key]


def test_pairs(memory: str, tmp_path: Path) -> None:
    for run in ("a", "b", "c"):
        ingest(memory, kit.constant_run(tmp_path / run, run, 1.0))
    warehouse = open_warehouse(memory)
    assert warehouse.pair("a", "b")
    assert not warehouse.pair("a", "b")
    with pytest.raises(WarehouseError, match="a and b are a fixed pair"):
        warehouse.pair("a", "c")

    def somebody_else(number: int, name: str, key: str) -> None:
        if key.startswith("pairs/") and not other:
            other.append(key)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("DAKOTA_WH_CACHE", str(tmp_path / "other"))
                open_warehouse(memory).pair("c", "a")

    warehouse.pair("a", "b", remove=True)
    other: list[str] = []
    with at_each(("upload",), somebody_else), pytest.raises(WarehouseError, match="c and a"):
        warehouse.pair("a", "b")
    rows = warehouse.query("fixed_pairs").dicts()
    assert [(r["orchestrator_run_id"], r["trainer_run_id"]) for r in rows] == [("c", "a")]
