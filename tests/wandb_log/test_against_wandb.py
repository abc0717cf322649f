"""Logs of W&B's own client, checked with W&B's own readers: its protobuf classes and `leet`."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from dakota_wh.ingest.source import Continuation, Ended, StepMetric
from dakota_wh.ingest.wandb_log import WandbLog, find_logs
from dakota_wh.ingest.wandb_log.framing import Scan
from dakota_wh.ingest.wandb_log.snapshot import Snapshot
from tests.wandb_log.reader import Row, place, read

Tree = dict[str, Any]


@pytest.fixture(scope="module")
def logs(sdk_folder: Path) -> dict[str, WandbLog]:
    return {log.run_id: log for log in find_logs(sdk_folder / "wandb")}


def parsed(path: Path) -> list[Any]:
    """Return the records of a log as W&B's own protobuf class reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from wandb.proto import wandb_internal_pb2
    found = []
    for payload in Scan(Snapshot(path)).records():
        record = wandb_internal_pb2.Record()  # type: ignore[attr-defined,unused-ignore]
        record.ParseFromString(bytes(payload))
        found.append(record)
    return found


def path_of(item: Any) -> tuple[str, ...]:
    return tuple(item.nested_key) or (item.key,)


def put(tree: Tree, path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree[path[-1]] = value


def drop(tree: Any, path: tuple[str, ...]) -> None:
    for key in path[:-1]:
        tree = tree.get(key, {})
    tree.pop(path[-1], None)


def value_of(item: Any) -> Any:
    kind = item.WhichOneof("value") if "value" in item.DESCRIPTOR.oneofs_by_name else None
    if kind is None:
        return json.loads(item.value_json)
    value = getattr(item, kind)
    return None if kind == "none" else json.loads(value) if kind == "json" else value


def shown(value: Any) -> str:
    """Return a text that is equal for equal values, NaN with NaN, and 1 apart from 1.0."""
    return json.dumps(value, sort_keys=True)


def folded(records: list[Any], kind: str) -> Tree:
    tree: Tree = {}
    for record in records:
        name = record.WhichOneof("record_type")
        changes = getattr(record, name) if name == kind else getattr(record.run, kind)
        if name not in (kind, "run"):
            continue
        for item in changes.update:
            put(tree, path_of(item), value_of(item))
        for item in changes.remove:
            drop(tree, path_of(item))
    tree.pop("_wandb", None)
    return tree


def as_tree(row: Row) -> Tree:
    tree: Tree = {}
    for path, token in row.items():
        put(tree, path, json.loads(token))
    return tree


@pytest.mark.parametrize("run_id", ["everything", "typed", "resumed"])
def test_everything_is_as_the_protobuf_classes_read_it(
    logs: dict[str, WandbLog], run_id: str
) -> None:
    log = logs[run_id]
    files = [parsed(segment.path) for segment in log.segments]
    records = [record for file in files for record in file]
    got = read(log)
    expected = []
    for record in records:
        if record.WhichOneof("record_type") == "history":
            tree: Tree = {}
            for item in record.history.item:
                put(tree, path_of(item), value_of(item))
            expected.append(shown(tree))
    assert [shown(as_tree(row)) for row in got.rows] == expected
    facts = got.facts
    assert shown(facts.config) == shown(folded(records, "config"))
    assert shown(facts.summary) == shown(folded(records, "summary"))
    run = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    last = run[-1]
    assert (facts.run_id, facts.project) == (last.run_id, last.project)
    assert (facts.name, facts.group, facts.job_type, facts.notes) == tuple(
        text or None for text in (last.display_name, last.run_group, last.job_type, last.notes)
    )
    assert facts.tags == tuple(last.tags)
    assert facts.created_at is not None
    assert facts.created_at.timestamp() == pytest.approx(run[0].start_time.ToMicroseconds() / 1e6)
    assert got.segments == [
        index
        for index, file in enumerate(files)
        for record in file
        if record.WhichOneof("record_type") == "history"
    ]
    assert (facts.lost_records, facts.skipped, facts.torn) == (0, (), False)
    again = read(log, facts.resume)
    assert again.continuation is Continuation.UNCHANGED
    assert again.rows == []
    assert shown(again.facts.summary) == shown(facts.summary)
    assert again.facts.resume == facts.resume


def test_values_are_what_was_logged(logs: dict[str, WandbLog]) -> None:
    got = read(logs["everything"])
    cells: Row = {}
    for row in got.rows:
        cells |= row
    tokens = {path[0]: token for path, token in cells.items() if len(path) == 1}
    assert tokens["exact"] == str(2**53 + 1)
    assert tokens["large"] == str(2**62)
    assert json.loads(tokens["tiny"]) == 5e-324
    assert (tokens["bad"], tokens["up"], tokens["down"]) == ("NaN", "Infinity", "-Infinity")
    assert (tokens["nothing"], tokens["flag"]) == ("null", "true")
    assert json.loads(tokens["text"]) == 'line\n"q" é ☃ <&>'
    assert json.loads(tokens["list"]) == [1, 2.5, None, "x"]
    assert tokens["empty list"] == "[]"
    assert cells["nest", "a"] == "1"
    assert cells["nest", "b", "d.e"] == '"t"'
    assert tokens["nest.a"] == "3"
    assert tokens["key/with.all = 'kinds' \"of\" % é"] == "1.5"
    assert tokens["k" * 200] == "2"
    assert tokens[" lead"] == "3"
    assert json.loads(tokens["hist"])["_type"] == "histogram"
    assert len(json.loads(tokens["array"])["bins"]) == 33
    assert json.loads(tokens["table"])["_type"] == "table-file"
    assert json.loads(tokens["html"])["_type"] == "html-file"
    assert tokens["big"] == '"' + "x" * 40_000 + '"'
    assert [path for path in cells if path[0] == "hist"] == [("hist",)]
    facts = got.facts
    assert facts.summary["exact"] == 2**53 + 1
    assert math.isnan(facts.summary["bad"])
    assert facts.summary["best"] == {"max": 5}
    assert facts.summary["extra"] == {"deep": {"er": 1}}
    assert "gone" not in facts.summary
    assert facts.config["lr"] == 4e-05
    assert facts.config["a.b"] is True
    assert facts.config["late"] == {"a": 1, "b": [1, 2]}
    assert "_wandb" not in facts.summary | facts.config
    assert StepMetric("reward/*", "step") in facts.step_metrics
    assert (facts.state, facts.ended) == ("finished", Ended.FINISHED)
    assert facts.tags == ("x", "y", "z")
    assert facts.lossy


def test_typed_logs_keep_floats_apart_and_failures_are_failures(logs: dict[str, WandbLog]) -> None:
    got = read(logs["typed"])
    whole = [row["whole",] for row in got.rows if ("whole",) in row]
    assert whole == ["0.0", "1.0", "2.0", "3.0", "4.0"]
    assert [row["count",] for row in got.rows if ("count",) in row] == list("01234")
    assert (got.facts.state, got.facts.ended) == ("failed", Ended.FAILED)
    assert any("preempting" in text for text in got.facts.warnings)
    assert got.facts.lossy == ()
    assert (got.facts.name, got.facts.job_type) == ("named", "train")


def test_a_resumed_run_is_one_run_of_two_segments(logs: dict[str, WandbLog]) -> None:
    log = logs["resumed"]
    assert log.name.endswith("/run-resumed.wandb (+1 more)")
    got = read(log)
    assert got.segments == [0] * 40 + [1] * 40
    assert [int(row["_step",]) for row in got.rows] == [*range(40), *range(40)]
    assert got.facts.summary["seen0"] == got.facts.summary["seen1"] == 39
    assert got.facts.config == {"attempt": 1, "only0": 1, "only1": 1}


def test_nothing_of_the_machine_is_kept(logs: dict[str, WandbLog]) -> None:
    facts = read(logs["everything"]).facts
    told = repr(facts)
    assert sys.executable not in told
    assert "write_with_sdk" not in told
    assert "Settings" not in told


def test_leet_reads_as_many_records_intact_and_damaged(
    logs: dict[str, WandbLog], sdk_env: dict[str, str], tmp_path: Path
) -> None:
    data = logs["everything"].segments[0].path.read_bytes()
    bent = bytearray(data)
    bent[len(bent) // 3] ^= 0x55
    for number, content in enumerate((data, bytes(bent[:-40]))):
        path = place(tmp_path, content, stamp=f"2025010{number + 1}_000000")
        wandb = Path(sys.executable).with_name("wandb")
        found = subprocess.run(
            [str(wandb), "leet", "inspect", "--json", str(path)],
            env=sdk_env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        objects = [json.loads(line) for line in found.stdout.splitlines() if line.startswith("{")]
        # Its "num" counts the lines it prints; it is not the number in the record.
        theirs = [entry["type"] for entry in objects]
        ours = [record.WhichOneof("record_type") for record in parsed(path)]
        assert ours == theirs, found.stderr[-500:]
