"""A run of W&B's own client: its tables, system metrics and files, against what it wrote."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from wandb.proto import wandb_internal_pb2

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Action
from dakota_wh.ingest.wandb_log.framing import Scan
from dakota_wh.ingest.wandb_log.snapshot import Snapshot
from tests.ingest.kit import land, tree

ALL = ("system", "files", "tables")
STEPS = 3


@pytest.fixture(scope="module")
def filled(sdk_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = api.open(tmp_path_factory.mktemp("streams") / "warehouse")
    landed = land(warehouse, sdk_run, streams=ALL)
    assert (landed.action, landed.completeness) == (Action.STORED, "complete")
    return warehouse


def same(stored: Any, logged: Any) -> bool:
    if isinstance(logged, float) and math.isnan(logged):
        return isinstance(stored, float) and math.isnan(stored)
    return bool(stored == logged)


def cell(row: dict[str, Any], column: str) -> Any:
    """Return a cell by the documented rule: JSON text where there is one, else the number."""
    text = row.get(f"{column}::json")
    return row.get(column) if text is None else json.loads(text)


def test_each_table_of_each_step_is_here_as_it_was_logged(filled: Warehouse) -> None:
    samples = filled.sql("SELECT * FROM table_rows WHERE key = 'samples' ORDER BY ALL").dicts()
    samples.sort(key=lambda row: (row["step"], row["row_number"]))
    assert [(row["step"], row["row_number"]) for row in samples] == [
        (step, number) for step in range(STEPS) for number in range(2)
    ]
    names = ("prompt", "completion", "reward", "n", "extra")
    for step in range(STEPS):
        logged = [
            [f"prompt {step}", 'says "ß"\n\u2028', 0.5 * step, 2**53 + 1, None],
            ["", "done", math.nan, 7, {"k": [1, {"z": 2.5}], "inf": math.inf}],
        ]
        for row, values in zip(samples[2 * step : 2 * step + 2], logged, strict=True):
            stored = [cell(row, name) for name in names]
            assert all(map(same, stored, values)), (stored, values)


@pytest.mark.parametrize(
    ("key", "column", "wanted"),
    [
        ("growing", "step~2", [[0], [1], [2]]),  # an increment holds the rows since the last one
        ("again", "a", [[0], [0, 1], [0, 1, 2]]),  # a mutable table holds them all again
        ("nest.t", "Reward~2", [[0], [1], [2]]),  # another column called reward was there before
    ],
)
def test_the_ways_of_logging(
    filled: Warehouse, key: str, column: str, wanted: list[list[int]]
) -> None:
    select = f"SELECT step, \"{column}\" FROM table_rows WHERE key = '{key}' ORDER BY ALL"
    by_step: dict[int, list[int]] = {}
    for step, value in filled.sql(select).rows():
        by_step.setdefault(step, []).append(value)
    assert [by_step[step] for step in range(STEPS)] == wanted


def test_what_is_not_whole_is_said(filled: Warehouse) -> None:
    tables = {(row["key"], row["step"]): row for row in filled.query("tables").dicts()}
    states = {key: row["state"] for key, row in tables.items() if row["state"] != "stored"}
    assert states == {("long", 3): "cut", ("none", 3): "empty", ("joined", 4): "artifact"}
    long = tables["long", 3]
    assert (long["rows"], long["logged_rows"]) == (5, 8)
    assert (tables["none", 3]["rows"], tables["none", 3]["columns"]) == (0, 1)
    (stream,) = filled.sql("SELECT * FROM streams WHERE stream = 'tables'").dicts()
    assert (stream["state"], stream["rows"]) == ("partial", 23)
    assert "5 of the 8 rows" in stream["evidence"]
    (warnings,) = filled.sql("SELECT warnings FROM runs").rows()[0]
    assert "--tables: 15 tables logged" in warnings


def test_system_metrics_are_what_the_log_holds(filled: Warehouse, sdk_run: Path) -> None:
    wanted = []
    for payload in Scan(Snapshot(next(sdk_run.glob("*.wandb")))).records():
        record: Any = wandb_internal_pb2.Record()  # type: ignore[attr-defined]
        record.ParseFromString(bytes(payload))
        if record.WhichOneof("record_type") == "stats":
            at = record.stats.timestamp.seconds + record.stats.timestamp.nanos // 1000 / 1e6
            wanted += [(i.key, round(at, 5), float(i.value_json)) for i in record.stats.item]
    assert wanted
    stored = filled.query("system_metrics").dicts()
    found = [(row["metric"], round(row["timestamp"], 5), row["value"]) for row in stored]
    assert sorted(found) == sorted(wanted)
    assert {(row["sampled"], row["label"], row["text"]) for row in stored} == {(False, None, None)}
    assert all(-1 < row["runtime"] < 60 for row in stored)


def test_the_files_are_those_of_the_folder(filled: Warehouse, sdk_run: Path) -> None:
    folder = sdk_run / "files"
    wanted = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).digest()
            name = path.relative_to(folder).as_posix()
            wanted[name] = (path.stat().st_size, base64.b64encode(md5).decode())
    rows = filled.query("files").dicts()
    files = {row["name"]: (row["size"], row["digest"]) for row in rows if row["kind"] == "file"}
    assert files.pop("notes.txt") == (len("saved by hand"), None)  # a link that leads out
    assert files == wanted
    artifacts = {(row["name"], row["type"], row["relation"]) for row in rows if row["files"]}
    assert ("parts", "dataset", "logged") in artifacts
    assert ("run-tabs-incr-growing", "wandb-run-incremental-table", "logged") in artifacts


def test_asking_again_writes_nothing(filled: Warehouse, sdk_run: Path) -> None:
    before = tree(filled.path)
    for streams in (ALL, (), ("tables",)):
        assert land(filled, sdk_run, streams=streams).action is Action.UNCHANGED
        after = tree(filled.path)
        assert after.items() <= before.items()  # the row before the streams' own is swept


def test_samples_beside_the_reward_of_their_step(filled: Warehouse) -> None:
    rows = filled.sql(
        """
        SELECT s.step, r.value AS mean_reward, s.reward, s."prompt::json" ->> '$' AS prompt
        FROM table_rows AS s
        JOIN metrics AS r ON r.run_id = s.run_id AND r.step = s.step AND r.metric = 'reward/mean'
        WHERE s.key = 'samples' AND s.row_number = 0
        ORDER BY s.step
        """
    ).rows()
    assert rows == [(step, step / 4, step / 2, f"prompt {step}") for step in range(STEPS)]
