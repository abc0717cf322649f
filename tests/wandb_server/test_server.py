"""The served runs as W&B's real client sees them."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .client import run_client
from .exact import Row, Token
from .model import Overlap, ServedArtifact, ServedRun
from .owner_runs import DATA, ENTITY, PROJECT, owner_runs
from .server import Server

PROGRAM = Path(__file__).with_name("reading_program.py")
BIG = 2**53 + 1
FILES = {
    "wandb-metadata.json": b'{"host":"h1","gpu":"L40S"}',
    "media/table/samples 1.table.json": b'{"columns":["prompt"],"data":[["x"]]}',
}


def rows() -> list[Row]:
    """Return 100 rows with every kind of value, a gap, and a key that comes late."""
    made: list[Row] = []
    for step in range(100):
        row: Row = {"_step": step, "_timestamp": 1.5 + step, "loss": 1 / (step + 1), "n": step}
        row |= {"big": BIG, "text": f"t{step}", "nested": {"a": step}, "list": [1, 2], "ok": True}
        row |= {"a/b.c d": 1.0, "größe": 2, "none": None}
        row["odd"] = {3: "NaN", 4: "Infinity", 5: float("-inf"), 6: Token("1e3")}.get(step, 2.5)
        if step >= 50:
            row["late"] = step
        made.append(row)
    return made


def numbers(table: list[Row], key: str) -> list[Any]:
    return [row[key] for row in table]


@pytest.fixture(scope="module")
def served() -> ServedRun:
    return ServedRun(
        "acme", "my proj", "abc", "a name", "running",
        config={"lr": 0.001, "model": {"name": "m"}}, raw_config={"_wandb": {"value": {"t": 1}}},
        summary={"loss": 0.01, "big": BIG}, rows=rows(), group="g1", tags=["x", "y"],
        events=[{"_timestamp": 1.0 + i, "system.gpu.0.gpu": 90.5} for i in range(5)],
        files=FILES, artifacts=[ServedArtifact("run-abc-samples", aliases=("latest", "best"))],
        exported_up_to=59, rows_per_file=25,
    )  # fmt: skip


@pytest.fixture(scope="module")
def seen(
    served: ServedRun, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, int], list[bool]]:
    """Return what one process of the client saw, and what it asked."""
    with Server() as server:
        server.add_run(served)
        for mode in Overlap:
            server.add_run(replace(served, id=mode.name, overlap=mode))
        for number in range(5):
            server.add_run(
                ServedRun(
                    "acme", "many", f"r{number}", f"name {number}", group="ab"[number % 2],
                    state="crashed" if number == 4 else "finished", tags=[f"t{number}"],
                    created_at=f"2026-01-0{number + 1}T00:00:00Z",
                    config={"lr": number / 10}, summary={"score": -number},
                )
            )  # fmt: skip
        task = {
            "runs": ["acme/my proj/abc", *(f"acme/my proj/{mode.name}" for mode in Overlap)],
            "listings": {
                "acme/many": [
                    {"per_page": 2},
                    {"filters": {"state": "crashed"}},
                    {"filters": {"group": "b"}, "order": "-created_at"},
                    {"filters": {"created_at": {"$gte": "2026-01-04T00:00:00"}}},
                    {"filters": {"$or": [{"tags": "t0"}, {"config.lr": {"$gt": 0.25}}]}},
                    {"filters": {"display_name": {"$regex": "[12]$"}}},
                    {"order": "+summary_metrics.score", "lazy": False},
                    {"filters": {"state": {"$odd": 1}}},
                ],
                "acme/nothing": [{}],
            },
            "missing": ["acme/many/gone", "acme/nothing/gone"],
        }
        home = tmp_path_factory.mktemp("home")
        answer = run_client(PROGRAM, json.dumps(task), url=server.url, home=home)
        authorized = [request.authorized for request in server.requests.all("File")]
        return answer, server.requests.counts(), authorized


def test_facts(seen: tuple[dict[str, Any], ...], served: ServedRun) -> None:
    run = seen[0]["acme/my proj/abc"]
    assert (run["id"], run["name"], run["state"]) == ("abc", "a name", "running")
    assert run["config"] == served.config
    assert run["raw_config"]["_wandb"] == {"t": 1}
    assert run["summary"] == served.summary
    assert (run["created_at"], run["heartbeat_at"]) == (served.created_at, served.heartbeat_at)
    assert (run["group"], run["tags"]) == ("g1", ["x", "y"])
    assert (run["lines"], run["last_step"]) == (100, 99)
    assert run["keys"] == sorted({key for row in served.rows for key in row})
    assert run["metadata"] == json.loads(FILES["wandb-metadata.json"])
    assert run["files"] == {name: content.decode() for name, content in FILES.items()}
    assert run["artifacts"] == [["run-abc-samples:v0", "run_table", ["latest", "best"]]]
    assert run["events"] == served.events


def test_history(seen: tuple[dict[str, Any], ...], served: ServedRun) -> None:
    run = seen[0]["acme/my proj/abc"]
    for name in ("scan", "scan_keys"):
        assert numbers(run[name], "_step") == list(range(100))
        assert numbers(run[name], "loss") == numbers(served.rows, "loss")
    assert numbers(run["scan"], "big") == [BIG] * 100
    assert numbers(run["sampled"], "_step")[::6] == [0, 99]
    assert (len(run["sampled"]), len(run["sampled_keys"])) == (7, 3)


def test_export(seen: tuple[dict[str, Any], ...], served: ServedRun) -> None:
    run = seen[0]["acme/my proj/abc"]
    assert (run["live"], run["export_errors"]) == (True, {})
    assert [name.rsplit("_", 1)[1][:2] for name in run["export"]] == ["0.", "1.", "2."]
    table = [row for part in run["export"].values() for row in part]
    assert numbers(table, "_step") == list(range(60))
    for key in ("loss", "big", "text", "nested", "list", "ok", "a/b.c d", "größe"):
        assert numbers(table, key) == numbers(served.rows[:60], key)
    odd = numbers(table, "odd")
    assert math.isnan(odd[3])
    assert odd[4:7] == [math.inf, -math.inf, 1000.0]
    assert not any("large" in kind for kinds in run["types"].values() for kind in kinds)


def test_live_rows_keep_their_text(seen: tuple[dict[str, Any], ...]) -> None:
    whole = seen[0]["acme/my proj/WHOLE"]["page"]
    assert len(whole) == 100
    assert '"big":9007199254740993,' in whole[0]
    assert '"a/b.c d":1.0,"größe":2,"none":null' in whole[0]
    spelled = ['"NaN"', '"Infinity"', '"-Infinity"', "1e3"]
    assert [row.split('"odd":')[1].rstrip("}") for row in whole[3:7]] == spelled


@pytest.mark.parametrize(
    ("mode", "exported", "live"),
    [
        (Overlap.NONE, 60, range(60, 100)),
        (Overlap.EXPORT_ALSO_LIVE, 60, range(50, 100)),
        (Overlap.LIVE_ALSO_EXPORTED, 70, range(60, 100)),
        (Overlap.WHOLE, 60, range(100)),
    ],
)
def test_overlap(
    seen: tuple[dict[str, Any], ...], mode: Overlap, exported: int, live: range
) -> None:
    run = seen[0][f"acme/my proj/{mode.name}"]
    assert sum(map(len, run["export"].values())) == exported
    assert [json.loads(row)["_step"] for row in run["page"]] == list(live)


def test_listing(seen: tuple[dict[str, Any], ...]) -> None:
    found = seen[0]["acme/many"]
    assert found[:7] == [
        ["r0", "r1", "r2", "r3", "r4"],
        ["r4"],
        ["r3", "r1"],
        ["r3", "r4"],
        ["r0", "r3", "r4"],
        ["r1", "r2"],
        ["r4", "r3", "r2", "r1", "r0"],
    ]
    assert "unknown filter operator $odd" in found[7]
    assert seen[0]["acme/nothing"] == ["ValueError('Could not find project nothing')"]


def test_missing(seen: tuple[dict[str, Any], ...]) -> None:
    run, project = seen[0]["acme/many/gone"]
    assert "Could not find run" in run
    assert project == "none"
    run, project = seen[0]["acme/nothing/gone"]
    assert "Could not find run" in run
    assert "Project nothing not found" in project


def test_what_is_asked(seen: tuple[dict[str, Any], dict[str, int], list[bool]]) -> None:
    _, asked, authorized = seen
    assert (asked["Viewer"], asked["GetDefaultEntity"]) == (1, 1)
    assert {"Runs", "RunHistoryKeys", "SampledHistoryPage", "RunOutputArtifacts"} <= asked.keys()
    assert not any(name.startswith(("POST", "GET")) for name in asked), asked
    assert authorized
    assert all(authorized)


@pytest.mark.skipif(not DATA.exists(), reason="the owner's exports are not here")
def test_the_owners_runs(tmp_path: Path) -> None:
    with Server() as server:
        for run in owner_runs():
            run.export(499)
            server.add_run(run)
        paths = [f"{ENTITY}/{PROJECT}/{run.id}" for run in owner_runs()]
        seen = run_client(PROGRAM, json.dumps({"runs": paths}), url=server.url, home=tmp_path)
    for path in paths:
        name = path.rsplit("/", 1)[1]
        with (DATA / name / f"{name}_history.csv").open(newline="") as file:
            wanted = sorted(csv.DictReader(file), key=lambda row: int(row["_step"]))
        rows = [row for part in seen[path]["export"].values() for row in part]
        rows += [json.loads(row) for row in seen[path]["page"]]
        assert len(rows) == len(wanted)
        for row, cells in zip(rows, wanted, strict=True):
            logged = {key: value for key, value in row.items() if value is not None}
            assert logged == {key: float(text) for key, text in cells.items() if text}
