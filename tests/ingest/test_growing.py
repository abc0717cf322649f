"""A log that grows: each ingest takes what is new, and the end is as if read at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dakota_wh import api, demo
from dakota_wh.api import Warehouse
from dakota_wh.ingest import landing, patterns
from dakota_wh.ingest.landed import Action
from dakota_wh.warehouse import small_parts
from dakota_wh.warehouse.parts import copy_part
from dakota_wh.warehouse.run_row import live_parts, newest
from tests.ingest.kit import (
    COMPUTED,
    Log,
    Row,
    assert_same,
    assert_same_answers,
    land,
    parts,
    roles_on_disk,
    stored_run,
    tables,
    tree,
)

BLOCK = 32_768
ORCHESTRATOR = demo.RUN_IDS["orchestrator"]


def growing_copy(demo_logs: Path, folder: Path, run_id: str) -> tuple[Path, bytes]:
    """Return a place for a copy of a demo log, and the whole of it."""
    (original,) = demo_logs.glob(f"*/run-{run_id}.wandb")
    path = folder / "wandb" / original.parent.name / original.name
    path.parent.mkdir(parents=True)
    return path, original.read_bytes()


def at_once(path: Path, folder: Path) -> Warehouse:
    warehouse = api.open(folder)
    landed = warehouse.ingest(path)
    assert [one.error for one in landed] == [None] * len(landed)
    return warehouse


CUTS = {
    "at block boundaries": [BLOCK, 2 * BLOCK, 5 * BLOCK, 9 * BLOCK],
    "within headers and records": [0, 3, 7, 20, 1234, BLOCK - 1, BLOCK + 3, 100_001, 340_007],
    "a few bytes at a time": [200_000, 200_001, 200_002, 200_900, 203_000, 596_000],
}


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS.keys())
def test_ingest_after_each_growth_equals_one_at_the_end(
    warehouse: Warehouse, demo_logs: Path, tmp_path: Path, cuts: list[int]
) -> None:
    path, data = growing_copy(demo_logs, tmp_path, ORCHESTRATOR)
    rows = 0
    for cut in cuts:
        path.write_bytes(data[:cut])
        landed = land(warehouse, path)
        assert landed.completeness == "growing"
        assert landed.rows >= rows
        assert landed.new_rows in (landed.rows - rows, landed.rows)
        rows = landed.rows
        assert len(warehouse.query("history")) == rows
    path.write_bytes(data)
    landed = land(warehouse, path)
    assert (landed.action, landed.rows, landed.new_rows) == (Action.GREW, 240, 240 - rows)
    assert landed.completeness == "complete"
    whole = at_once(path, tmp_path / "at once")
    assert_same(tables(warehouse), tables(whole))
    assert_same_answers(warehouse, whole, COMPUTED)


def test_only_new_rows_are_written(warehouse: Warehouse, demo_logs: Path, tmp_path: Path) -> None:
    path, whole = growing_copy(demo_logs, tmp_path, ORCHESTRATOR)
    growing = ("history", "metrics", "steps")
    before: dict[Path, tuple[bytes, int]] = {}
    for n, cut in enumerate([150_000, 300_000, 450_000, len(whole)], 1):
        path.write_bytes(whole[:cut])
        land(warehouse, path)
        for old, (data, time) in before.items():
            assert (old.read_bytes(), old.stat().st_mtime_ns) == (data, time)
        files = {table: parts(warehouse, table, ORCHESTRATOR) for table in growing}
        assert {table: len(found) for table, found in files.items()} == dict.fromkeys(growing, n)
        before = {
            part: (part.read_bytes(), part.stat().st_mtime_ns)
            for found in files.values()
            for part in found
        }
        assert len(warehouse.query("history")) == stored_run(warehouse, ORCHESTRATOR)["rows"]
    # What has been replaced on the way is gone with the next ingest.
    land(warehouse, path)
    for table in ("series", "summary", "config", "runs"):
        assert len(parts(warehouse, table, ORCHESTRATOR)) == 1


@pytest.mark.usefixtures("with_catalogue")
def test_many_small_parts_become_one(
    warehouse: Warehouse, demo_logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a run that is watched, which is ingested a few rows at a time."""
    monkeypatch.setattr(small_parts, "MANY", 4)
    path, data = growing_copy(demo_logs, tmp_path, ORCHESTRATOR)
    reads: list[dict[str, set[str]]] = []
    for cut in [*range(60_000, len(data), 40_000), len(data)]:
        path.write_bytes(data[:cut])
        landed = land(warehouse, path)
        row = newest(warehouse.path, ORCHESTRATOR)
        assert row is not None
        live = live_parts(row)
        tables_now = {
            table: {one.name for one in parts(warehouse, table, ORCHESTRATOR)}
            for table in ("history", "metrics", "steps")
        }
        for table, there in tables_now.items():
            counted = [name for name in there if int(name.split("-")[-1][:-8], 16) in live]
            assert 1 <= len(counted) <= 5, table
        reads.append(tables_now)
        assert len(warehouse.query("history")) == landed.rows
    assert len(reads) > 12
    joined = [one for one in reads if len(one["history"]) < 6]
    assert len(joined) > 2, "what was joined is swept by the next ingest"
    whole = at_once(path, tmp_path / "at once")
    assert_same(tables(warehouse), tables(whole))
    assert_same_answers(warehouse, whole, COMPUTED)


@pytest.mark.usefixtures("with_catalogue")
def test_an_unchanged_run_changes_no_byte(warehouse: Warehouse, demo_logs: Path) -> None:
    first = warehouse.ingest(demo_logs)
    before = tree(warehouse.path)
    for what in (demo_logs, *sorted(demo_logs.glob("*")), *sorted(demo_logs.glob("*/*.wandb"))):
        assert {one.action for one in warehouse.ingest(what)} == {Action.UNCHANGED}
    # A lock is taken by opening its file, which is empty and stays so.
    after = tree(warehouse.path)
    assert {name: found[1] for name, found in after.items()} == {
        name: found[1] for name, found in before.items()
    }
    assert {name for name in after if after[name] != before[name]} <= {
        name for name in after if name.endswith(".lock")
    }
    again = warehouse.ingest(demo_logs)
    assert [(one.run_id, one.rows, one.completeness) for one in again] == [
        (one.run_id, one.rows, one.completeness) for one in first
    ]
    assert [one.new_rows for one in again] == [0, 0]


@pytest.mark.usefixtures("with_catalogue")
def test_an_unchanged_export_changes_no_byte(warehouse: Warehouse, tmp_path: Path) -> None:
    from tests.ingest.kit import write_csv, write_json

    rows = [{"reward/mean": n / 3} for n in range(20)]
    write_csv(tmp_path / "a", "one", rows, config={"lr": 1})
    write_json(tmp_path / "a", "two", rows)
    warehouse.ingest(tmp_path / "a")
    before = {name: found for name, found in tree(warehouse.path).items() if ".lock" not in name}
    assert {one.action for one in warehouse.ingest(tmp_path / "a")} == {Action.UNCHANGED}
    after = {name: found for name, found in tree(warehouse.path).items() if ".lock" not in name}
    assert after == before


def test_a_rewritten_log_is_read_whole(warehouse: Warehouse, tmp_path: Path) -> None:
    rows: list[Row] = [{"loss": n / 3} for n in range(10)]
    path = Log(tmp_path, "r").begin("r").log(*rows).write()
    land(warehouse, path)
    Log(tmp_path, "r").begin("r").log(*({"loss": -row["loss"]} for row in rows)).end().write()
    landed = land(warehouse, path)
    assert (landed.action, landed.new_rows, landed.rows) == (Action.STORED, 10, 10)
    assert_same(tables(warehouse), tables(at_once(path, tmp_path / "at once")))
    (total,) = warehouse.sql("SELECT sum(loss) FROM history").rows()
    assert total == (pytest.approx(-15.0),)


@pytest.mark.parametrize("cut", [0, 5, 90_000, 500_000])
def test_a_log_that_was_cut_does_not_replace_better(
    warehouse: Warehouse, demo_logs: Path, tmp_path: Path, cut: int
) -> None:
    path, whole = growing_copy(demo_logs, tmp_path, ORCHESTRATOR)
    path.write_bytes(whole)
    land(warehouse, path)
    before = tables(warehouse)
    path.write_bytes(whole[:cut])
    landed = land(warehouse, path)
    assert (landed.action, landed.rows) == (Action.KEPT, 240)
    assert "240 rows (complete)" in landed.note
    assert "--force" in landed.note
    assert_same(tables(warehouse), before)
    path.write_bytes(whole)
    assert land(warehouse, path).action is Action.UNCHANGED


def test_a_damaged_log_does_not_replace_better(
    warehouse: Warehouse, demo_logs: Path, tmp_path: Path
) -> None:
    path, whole = growing_copy(demo_logs, tmp_path, ORCHESTRATOR)
    path.write_bytes(whole)
    land(warehouse, path)
    before = tables(warehouse)
    damaged = bytearray(whole)
    damaged[200_000] ^= 0xFF
    path.write_bytes(damaged)
    assert land(warehouse, path).action is Action.KEPT
    assert_same(tables(warehouse), before)


def test_new_rows_behind_damage_are_stored(
    warehouse: Warehouse, demo_logs: Path, tmp_path: Path
) -> None:
    """A verdict that gets worse does not keep out rows that come behind the stored ones."""
    path, whole = growing_copy(demo_logs, tmp_path, ORCHESTRATOR)
    path.write_bytes(whole[:200_000])
    first = land(warehouse, path)
    damaged = bytearray(whole)
    damaged[400_000] ^= 0xFF
    path.write_bytes(damaged)
    landed = land(warehouse, path)
    assert (landed.action, landed.completeness) == (Action.GREW, "truncated")
    assert landed.rows > first.rows
    assert_same(tables(warehouse), tables(at_once(path, tmp_path / "at once")))


def attempt(folder: Path, number: int, count: int, *, ended: bool = True) -> Log:
    stamp = f"2025010{number + 1}_000000"
    log = Log(folder, "r", stamp=stamp)
    log.begin("r", {"attempt": number, f"only{number}": 1}, start=number * 9000, project="p")
    log.log(*({"step": number * 10 + n, "loss": n / 3, f"seen{number}": n} for n in range(count)))
    log.summarise({"loss": (count - 1) / 3, "step": number * 10 + count - 1})
    return log.end() if ended else log


@pytest.mark.parametrize("ended", [True, False])
def test_a_resumed_run_comes_in_two_logs(warehouse: Warehouse, tmp_path: Path, ended: bool) -> None:
    """Also while the second attempt still runs, though the first one was complete."""
    attempt(tmp_path, 0, 12).write()
    assert land(warehouse, tmp_path / "wandb").completeness == "complete"
    old = parts(warehouse, "history", "r")
    attempt(tmp_path, 1, 15, ended=ended).write()
    landed = land(warehouse, tmp_path / "wandb")
    assert (landed.action, landed.rows, landed.new_rows) == (Action.GREW, 27, 15)
    assert landed.completeness == ("complete" if ended else "growing")
    row = stored_run(warehouse, "r")
    assert (row["segments"], row["first_step"], row["last_step"]) == (2, 0, 24)
    assert row["duplicate_steps"] == 2
    assert set(old) < set(parts(warehouse, "history", "r"))
    assert_same(tables(warehouse), tables(at_once(tmp_path / "wandb", tmp_path / "at once")))
    config = {row["key"]: row["value"] for row in warehouse.query("config").dicts()}
    assert config == {"attempt": 1, "only0": 1, "only1": 1}
    assert land(warehouse, tmp_path / "wandb").action is Action.UNCHANGED


def test_an_earlier_attempt_that_comes_later(warehouse: Warehouse, tmp_path: Path) -> None:
    attempt(tmp_path, 1, 15).write()
    land(warehouse, tmp_path / "wandb")
    attempt(tmp_path, 0, 12).write()
    landed = land(warehouse, tmp_path / "wandb")
    assert (landed.rows, landed.action) == (27, Action.STORED)
    assert_same(tables(warehouse), tables(at_once(tmp_path / "wandb", tmp_path / "at once")))


def test_the_second_attempt_alone_is_added_or_refused_and_never_replaces(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    attempt(tmp_path, 0, 12).write()
    second = attempt(tmp_path, 1, 15).write()
    land(warehouse, tmp_path / "wandb" / "offline-run-20250101_000000-r")
    landed = land(warehouse, second)
    assert landed.rows in (12, 27)
    assert len(warehouse.query("history")) == landed.rows
    assert land(warehouse, tmp_path / "wandb").rows == 27
    assert tables(warehouse, without=["ingested_at", "generation", "source_name"]) == tables(
        at_once(tmp_path / "wandb", tmp_path / "at once"),
        without=["ingested_at", "generation", "source_name"],
    )


def test_a_step_that_goes_back_is_read_whole(warehouse: Warehouse, tmp_path: Path) -> None:
    """New rows on steps that are stored: their metrics take the place of the stored ones."""
    log = Log(tmp_path, "r").begin("r").log(*({"step": n, "loss": float(n)} for n in range(20)))
    path = log.write()
    land(warehouse, path)
    log.log(*({"step": n, "loss": -float(n)} for n in range(17, 25))).end().write()
    landed = land(warehouse, path)
    assert (landed.action, landed.new_rows) == (Action.GREW, 8)
    assert stored_run(warehouse, "r")["steps"] == 25
    assert_same(tables(warehouse), tables(at_once(path, tmp_path / "at once")))


GROWTHS: dict[str, list[list[Row]]] = {
    "new keys": [[{"a": 1}], [{"b": 2.5}], [{"c": "x"}, {"a": 2}]],
    "integers, then floats": [[{"a": 1}], [{"a": 0.5}], [{"a": 2}]],
    "numbers, then NaN": [[{"a": 1}], [{"a": float("nan")}], [{"a": float("-inf")}]],
    "numbers, then text": [[{"a": 1}], [{"a": "x"}], [{"a": None}], [{"a": [1]}]],
    "text, then numbers": [[{"a": "x"}], [{"a": 1}], [{"a": 2**53 + 1}]],
    "nothing, then numbers": [[{"a": None}], [{"a": 1}]],
    "integers of any size": [[{"a": 2**53 + 1}], [{"a": 2**63 - 1}], [{"a": 2**70}], [{"a": 1.5}]],
    "nested, then plain": [[{"a": {"b": 1}}], [{"a.b": 2}], [{"a": {"c": 3}}]],
    "the step comes late": [[{"a": 1}, {"a": 2}], [{"step": n, "a": n} for n in range(9)]],
    "only the end is new": [[{"a": 1}], [], []],
    "rows without anything": [[{}], [{}, {}], [{"a": 1}]],
    "flags": [[{"a": True}], [{"a": False}]],
}


@pytest.mark.parametrize("growth", GROWTHS.values(), ids=GROWTHS.keys())
def test_a_key_that_changes_on_the_way(
    warehouse: Warehouse, tmp_path: Path, growth: list[list[Row]]
) -> None:
    log = Log(tmp_path, "r").begin("r")
    for rows in growth:
        path = log.log(*rows).write()
        land(warehouse, path)
    log.end().write()
    land(warehouse, path)
    assert_same(tables(warehouse), tables(at_once(path, tmp_path / "at once")))


def test_flags_that_become_numbers(warehouse: Warehouse, tmp_path: Path) -> None:
    test_a_key_that_changes_on_the_way(warehouse, tmp_path, [[{"a": True}], [{"a": 1}]])


def test_a_killed_move_to_another_role_is_done_by_the_next_ingest(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(tmp_path, "r").begin("r").log({"step": 0, "loss": 1.0})
    path = log.write()
    assert land(warehouse, path).role == "unknown"
    log.log({"step": 1, "loss/mean": 1.0, "optim/lr": 1.0, "entropy/mean": 1.0, "is_masked": 1.0})
    log.write()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(landing, "rebuild_run", killed)
        with pytest.raises(KeyboardInterrupt):
            warehouse.ingest(path)
    assert len(warehouse.query("history")) == 2
    assert land(warehouse, path).role == "trainer"
    assert stored_run(warehouse, "r")["role"] == "trainer"
    land(warehouse, path)
    assert roles_on_disk(warehouse, "r") == {"trainer"}
    assert_same(tables(warehouse), tables(at_once(path, tmp_path / "at once")))


def test_other_patterns_give_an_unchanged_run_a_new_meaning(
    warehouse: Warehouse, demo_logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = demo_logs.glob(f"*/run-{ORCHESTRATOR}.wandb")
    land(warehouse, path)
    before = tables(warehouse)
    kinds = patterns.kinds
    monkeypatch.setattr(patterns, "fingerprint", lambda: "another table")
    monkeypatch.setattr(
        patterns,
        "kinds",
        lambda names: {**kinds(names), "time/step": patterns.Kind("kl", 1)},
    )
    assert land(warehouse, path).action is Action.STORED
    found = {row["metric"]: row["kind"] for row in warehouse.query("series").dicts()}
    assert found["time/step"] == "kl"
    after = tables(warehouse)
    assert {view for view in before if after[view] != before[view]} == {"series"}
    assert land(warehouse, path).action is Action.UNCHANGED


@pytest.mark.parametrize("table", ["history", "metrics", "series", "steps", "summary", "config"])
def test_a_part_that_was_deleted_is_read_again(
    warehouse: Warehouse, demo_logs: Path, tmp_path: Path, table: str
) -> None:
    path, whole = growing_copy(demo_logs, tmp_path, ORCHESTRATOR)
    path.write_bytes(whole)
    land(warehouse, path)
    before = tables(warehouse)
    for part in parts(warehouse, table, ORCHESTRATOR):
        part.unlink()
    assert land(warehouse, path).action is Action.STORED
    assert_same(tables(warehouse), before)


def test_what_a_killed_ingest_left_is_swept(
    warehouse: Warehouse, demo_logs: Path, tmp_path: Path
) -> None:
    path, whole = growing_copy(demo_logs, tmp_path, ORCHESTRATOR)
    path.write_bytes(whole[:300_000])
    land(warehouse, path)
    before = tables(warehouse)
    for table in ("history", "metrics"):
        part = parts(warehouse, table, ORCHESTRATOR)[0]
        copy_part(part, part.parent)  # moved in, and killed before the row was written
        part.with_name(f".{part.name}.tmp").write_bytes(b"half")
    staging = warehouse.path / ".dakota-wh" / "staging" / ORCHESTRATOR / "history"
    staging.mkdir(parents=True)
    (staging / "part-0000000000-00.parquet").write_bytes(b"half")
    assert_same(tables(warehouse), before)
    path.write_bytes(whole)
    assert land(warehouse, path).action is Action.GREW
    assert_same(tables(warehouse), tables(at_once(path, tmp_path / "at once")))
    assert len(parts(warehouse, "history", ORCHESTRATOR)) == 2
    left = [name for name in tree(warehouse.path) if "staging" in name or name.endswith(".tmp")]
    assert left == []
