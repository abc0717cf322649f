"""System metrics, files and logged tables from the service, by the real client."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Action
from dakota_wh.ingest.wandb_api.fetching import Fetch
from dakota_wh.ingest.wandb_api.pool import Workers
from tests.streams.logs import HandMade, table_json
from tests.wandb_server import faults
from tests.wandb_server.faults import Spoil
from tests.wandb_server.model import ServedArtifact, ServedRun
from tests.wandb_server.server import Server

from .conftest import curve
from .test_incremental import snapshot

ALL = ("system", "files", "tables")


def with_tables(run: ServedRun, count: int, start: int = 0) -> ServedRun:
    """Let a run log rows of which each names a table's file."""
    for step in range(start, start + count):
        cells = [[f"prompt {step}", float(step), 2**53 + 1], ["é\n", None, {"k": 1}]]
        data = json.dumps({"columns": ["prompt", "reward", "n"], "data": cells}).encode()
        sha256 = hashlib.sha256(data).hexdigest()
        path = f"media/table/samples_{step}_{sha256[:20]}.table.json"
        run.files = {**run.files, path: data}
        named = {"_type": "table-file", "path": path, "sha256": sha256, "size": len(data)}
        run.log(*curve(1, step, samples={**named, "nrows": 2, "ncols": 3}))
    return run


def bring(
    warehouse: Warehouse, workers: Workers, run: str = "t", timeout: float = 60, **more: Any
) -> Any:
    fetch = Fetch(jobs=1, timeout=timeout, workers=workers)
    (landed,) = warehouse.ingest(f"acme/p/{run}", fetch=fetch, **more)
    return landed


def test_all_three_and_then_nothing(
    server: Server, warehouse: Warehouse, running: tuple[Server, Workers]
) -> None:
    run = server.add_run(with_tables(ServedRun("acme", "p", "t"), 3))
    run.files["output.log"] = b"hello"
    run.artifacts = [
        ServedArtifact("run-t-samples", version=number, size=10 + number, aliases=("best",))
        for number in range(120)  # three pages
    ]
    run.events = [
        {"_timestamp": 1.7e9 + i, "_runtime": i, "_wandb": True, "system.gpu.0.gpu": 90.5 + i}
        for i in range(5)
    ]
    landed = bring(warehouse, running[1], streams=ALL)
    assert (landed.error, landed.completeness, landed.warnings) == (None, "complete", ())
    assert len(landed.streams) == 3
    rows = warehouse.query("table_rows").dicts()
    assert [(row["step"], row["row_number"], row["reward"]) for row in rows] == [
        (0, 0, 0.0), (0, 1, None), (1, 0, 1.0), (1, 1, None), (2, 0, 2.0), (2, 1, None),
    ]  # fmt: skip
    assert json.loads(rows[3]["prompt::json"]) == "é\n"
    assert (rows[0]["n::json"], rows[1]["n::json"]) == (str(2**53 + 1), '{"k":1}')
    system = warehouse.query("system_metrics").dicts()
    assert [(r["metric"], r["runtime"], r["value"], r["sampled"]) for r in system] == [
        ("gpu.0.gpu", float(i), 90.5 + i, True) for i in range(5)
    ]
    listed = warehouse.query("files").dicts()
    files = {row["name"]: row for row in listed if row["kind"] == "file"}
    assert set(files) == set(run.files)
    md5 = hashlib.md5(b"hello", usedforsecurity=False).digest()
    log = files["output.log"]
    assert (log["size"], log["digest"]) == (5, base64.b64encode(md5).decode())
    artifacts = [(row["name"], row["version"], row["size"]) for row in listed if row["version"]]
    assert artifacts == [("run-t-samples", number, 10 + number) for number in range(1, 120)]
    states = warehouse.sql("SELECT stream, state, sampled FROM streams ORDER BY stream").rows()
    assert states == [
        ("files", "complete", "no"), ("system", "complete", "yes"), ("tables", "complete", "no"),
    ]  # fmt: skip

    before = snapshot(warehouse.path)
    server.requests.clear()
    assert bring(warehouse, running[1], streams=ALL).action is Action.UNCHANGED
    assert snapshot(warehouse.path).items() <= before.items()
    assert server.requests.count("File") == 0
    server.requests.clear()
    assert bring(warehouse, running[1]).streams == ()
    assert server.requests.counts() == {"Run": 1}


def test_a_growing_run_downloads_new_tables_only(
    server: Server, warehouse: Warehouse, running: tuple[Server, Workers]
) -> None:
    run = server.add_run(with_tables(ServedRun("acme", "p", "t", state="running"), 2))
    bring(warehouse, running[1], streams=("tables",))
    with_tables(run, 2, start=2).heartbeat_at = "2026-02-01T00:00:00Z"
    server.requests.clear()
    landed = bring(warehouse, running[1], streams=("tables",))
    assert (landed.action, landed.new_rows) == (Action.GREW, 2)
    assert server.requests.count("File") == 2
    assert len(warehouse.query("table_rows")) == 8
    # All of the run again, its tables too, of which every file is here already.
    run.rewind(2)
    run.summary = {key: value for key, value in run.summary.items() if key != "samples"}
    run.log(*curve(1, 3, loss=9.0), heartbeat_at="2026-03-01T00:00:00Z")
    server.requests.clear()
    landed = bring(warehouse, running[1])
    assert (landed.action, landed.rows) == (Action.STORED, 4)
    assert len(landed.streams) == 1
    assert server.requests.count("File") == 0
    assert [row["step"] for row in warehouse.query("tables").dicts()] == [0, 1, 2]


def test_the_service_and_a_local_log_give_the_same(
    server: Server, warehouse: Warehouse, running: tuple[Server, Workers], tmp_path: Path
) -> None:
    local = HandMade(tmp_path / "wandb" / "run-x-t", run_id="t")
    served = server.add_run(ServedRun("acme", "p", "t"))
    for step in range(3):
        cells = [[f"p{step}", step / 2, 2**53 + 1], [None, float("nan"), {"k": [1, 1.0]}]]
        named = local.table(table_json(["prompt", "reward", "n"], cells), nrows=2, ncols=3)
        data = (local.folder / "files" / named["path"]).read_bytes()
        served.files = {**served.files, named["path"]: data}
        local.stats(step, {"gpu.0.gpu": f"{step}.25"})
        served.log({"_step": step, "_timestamp": 1.7e9 + step, "samples": named})
        at = {"_timestamp": 1.7e9 + step + 0.5, "_runtime": step + 0.5}
        served.events = [*served.events, {**at, "system.gpu.0.gpu": step + 0.25}]
        local.row({"samples": named})
    local.end()
    bring(warehouse, running[1], streams=("system", "tables"))
    other = api.open(tmp_path / "local")
    assert other.ingest(local.write(), streams=("system", "tables"))[0].error is None
    for view in ("tables", "table_rows", "system_metrics"):
        one, two = warehouse.query(view).dicts(), other.query(view).dicts()
        for row in (*one, *two):
            row.pop("sampled", None)
        assert repr(one) == repr(two), view
        assert one


#: By step: the fault of the table's file, what its state is then, and words of why.
FAULTS: list[tuple[Spoil | None, str, str]] = [
    (None, "stored", ""),
    (faults.forbidden(), "forbidden", "(403)"),
    (faults.status(404, "not found"), "missing", "has no file media/table"),
    (faults.truncated(), "damaged", "SHA-256"),
    (faults.html(), "damaged", "SHA-256"),
    (None, "stored", ""),
    (faults.drop("middle"), "unreachable", "broke its answer off"),
    (faults.status(500), "unreachable", "(500)"),
    (faults.hang(), "unreachable", "file media/table/samples_8_"),
    (faults.too_many(3600), "unreachable", "file media/table/samples_9_"),
]


def _is_of(name: str, asked: dict[str, Any]) -> bool:
    return bool(asked["name"] == name)


def test_the_fault_of_a_file_costs_its_table_only(server: Server, warehouse: Warehouse) -> None:
    run = server.add_run(with_tables(ServedRun("acme", "p", "t"), len(FAULTS)))
    for (spoil, _, _), name in zip(FAULTS, list(run.files), strict=True):
        if spoil is not None:
            server.fault("File", spoil, where=partial(_is_of, name))
    with Workers() as workers:
        landed = bring(warehouse, workers, timeout=18, streams=("tables",))
        assert landed.error is None
        assert (landed.rows, landed.completeness) == (len(FAULTS), "complete")
        assert any("--tables" in warning for warning in landed.warnings)
        tables = warehouse.query("tables").dicts()
        assert [row["state"] for row in tables] == [state for _, state, _ in FAULTS]
        for (_, _, words), table in zip(FAULTS, tables, strict=True):
            assert words in (table["why"] or "")
        server.heal()
        server.requests.clear()
        mended = bring(warehouse, workers, timeout=60, streams=("tables",))
        assert (mended.action, mended.warnings) == (Action.UNCHANGED, ())
        assert server.requests.count("File") == len(FAULTS) - 2
        assert {row["state"] for row in warehouse.query("tables").dicts()} == {"stored"}
        assert len(warehouse.query("table_rows")) == 2 * len(FAULTS)


def test_a_storage_out_of_reach_is_not_asked_for_every_file(
    server: Server, warehouse: Warehouse
) -> None:
    server.add_run(with_tables(ServedRun("acme", "p", "t"), 30))
    server.fault("File", faults.hang())
    with Workers() as workers:
        landed = bring(warehouse, workers, timeout=9, streams=("tables",))
    assert (landed.error, landed.rows) == (None, 30)
    asked = {request.variables["name"] for request in server.requests.all("File")}
    assert len(asked) <= 8
    why = [row["why"] for row in warehouse.query("tables").dicts()]
    assert "not asked for, after 3 files in a row failed" in why[-1]


@pytest.mark.parametrize(
    ("stream", "operation"),
    [("system", "RunFullHistory"), ("files", "RunFiles"), ("files", "RunInputArtifacts")],
)
def test_a_stream_that_cannot_be_had_is_said(
    server: Server,
    warehouse: Warehouse,
    running: tuple[Server, Workers],
    stream: str,
    operation: str,
) -> None:
    """The run lands, what was fetched before stays, and the next fetch mends it."""
    run = server.add_run(ServedRun("acme", "p", "t", rows=curve(5), files={"a.txt": b"a"}))
    run.events = [{"_timestamp": 1.7e9, "system.cpu": 1.0}]
    bring(warehouse, running[1], streams=(stream,))
    view = {"system": "system_metrics", "files": "files"}[stream]
    before = warehouse.query(view).rows()
    assert before
    server.fault(operation, faults.errors("permission denied"))
    landed = bring(warehouse, running[1], streams=(stream,))
    assert landed.error is None
    assert warehouse.query(view).rows() == before
    (told,) = warehouse.query("streams").dicts()
    assert told["state"] == "partial"
    assert "could not be" in told["evidence"]
    assert landed.warnings == landed.streams == (f"--{stream}: {told['evidence']}.",)
    server.heal()
    assert bring(warehouse, running[1], streams=(stream,)).warnings == ()
    assert warehouse.query("streams").dicts()[0]["state"] == "complete"


def test_the_command_line(server: Server, dakota: Any) -> None:
    run = server.add_run(with_tables(ServedRun("acme", "p", "t"), 1))
    run.events = [{"_timestamp": 1.7e9, "system.cpu": 1.0}]
    done = dakota("ingest", "acme/p/t", "--tables", "--system")
    assert done.returncode == 0, done.stderr
    assert "--tables: 1 table logged, 1 of them stored whole (2 rows)" in done.stderr
    assert "samples that W&B picked" in done.stderr
    done = dakota("query", "table_rows", "--format", "json")
    assert [row["prompt::json"] for row in json.loads(done.stdout)] == ['"prompt 0"', '"é\\n"']
