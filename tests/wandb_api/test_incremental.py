"""Only what is new is fetched; what was rewound is fetched again; the rest costs nothing."""

from __future__ import annotations

from pathlib import Path

from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Action
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

from .conftest import Ingest, answers, curve


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of every file of a warehouse, locks aside."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def test_a_growing_run_fetches_only_new_steps(
    server: Server, ingest: Ingest, warehouse: Warehouse
) -> None:
    run = server.add_run(ServedRun("acme", "p", "grows", state="running"))
    run.log(*curve(40))
    first = ingest("acme/p/grows")["grows"]
    assert (first.action, first.rows, first.completeness) == (Action.STORED, 40, "growing")
    for round_number, heartbeat in ((1, "2026-01-02T05:00:00Z"), (2, "2026-01-02T06:00:00Z")):
        run.log(*curve(25, start=15 + 25 * round_number), heartbeat_at=heartbeat)
        server.requests.clear()
        grown = ingest("acme/p/grows")["grows"]
        assert (grown.action, grown.new_rows) == (Action.GREW, 25)
        pages = server.requests.all("HistoryPage")
        assert [page.variables["minStep"] for page in pages] == [14 + 25 * round_number]
        assert server.requests.count("RunParquetHistory") == 0
    run.finish(export=True)
    ended = ingest("acme/p/grows")["grows"]
    assert (ended.rows, ended.completeness) == (90, "complete")
    whole = ServedRun("acme", "p", "once", rows=run.rows, summary=run.summary)
    server.add_run(whole)
    ingest("acme/p/once")
    assert answers(warehouse, "grows") == answers(warehouse, "once")


def test_an_export_that_grew_past_the_last_stored_step_is_read_from_there(
    server: Server, ingest: Ingest, warehouse: Warehouse
) -> None:
    """What is exported is live no more, also the step on which the stored rows end."""
    run = server.add_run(ServedRun("acme", "p", "grows", state="running", rows_per_file=25))
    run.log(*curve(40))
    ingest("acme/p/grows")
    run.log(*curve(30, start=40), heartbeat_at="2026-01-02T05:00:00Z")
    run.export(55)
    grown = ingest("acme/p/grows")["grows"]
    assert (grown.action, grown.new_rows, grown.rows) == (Action.GREW, 30, 70)
    run.log(*curve(20, start=70), heartbeat_at="2026-01-02T06:00:00Z")
    run.finish(export=True)
    ended = ingest("acme/p/grows")["grows"]
    assert (ended.action, ended.new_rows, ended.completeness) == (Action.GREW, 20, "complete")
    server.add_run(ServedRun("acme", "p", "once", rows=run.rows, summary=run.summary))
    ingest("acme/p/once")
    assert answers(warehouse, "grows") == answers(warehouse, "once")


def test_an_export_that_grew_another_way_is_fetched_whole(
    server: Server, ingest: Ingest, warehouse: Warehouse
) -> None:
    run = server.add_run(ServedRun("acme", "p", "r", state="running", rows=curve(40)))
    ingest("acme/p/r")
    run.rewind(29)
    run.log(*curve(31, start=30, loss=7.0), heartbeat_at="2026-01-02T05:00:00Z")
    run.export(55)
    landed = ingest("acme/p/r")["r"]
    assert (landed.action, landed.rows) == (Action.STORED, 61)
    rows = warehouse.query("history", runs=["r"]).dicts()
    assert [row["loss"] for row in rows][30:] == [7.0] * 31


def test_an_unchanged_run_costs_one_request_and_writes_nothing(
    server: Server, ingest: Ingest, warehouse: Warehouse
) -> None:
    run = server.add_run(ServedRun("acme", "p", "still", rows=curve(30), exported_up_to=19))
    ingest("acme/p/still")
    before = snapshot(warehouse.path)
    server.requests.clear()
    assert ingest("acme/p/still")["still"].action is Action.UNCHANGED
    assert server.requests.counts() == {"Run": 1}
    assert snapshot(warehouse.path) == before
    run.tags = ["kept"]
    assert ingest("acme/p/still")["still"].new_rows == 0
    assert warehouse.query("runs").dicts()[0]["tags"] == '["kept"]'


def test_a_run_that_was_rewound_is_fetched_again(
    server: Server, ingest: Ingest, warehouse: Warehouse
) -> None:
    """Whether it is shorter now, as long, or longer than what is stored."""
    lengths = {"shorter": 5, "same": 20, "longer": 45}
    runs = {
        name: server.add_run(ServedRun("acme", "p", name, state="running", rows=curve(50)))
        for name in lengths
    }
    paths = [f"acme/p/{name}" for name in lengths]
    ingest(*paths)
    for name, more in lengths.items():
        runs[name].rewind(29)
        runs[name].log(*curve(more, start=30, loss=7.0), heartbeat_at="2026-01-03T00:00:00Z")
    found = ingest(*paths)
    assert {name: one.rows for name, one in found.items()} == {
        name: 30 + more for name, more in lengths.items()
    }
    for name, more in lengths.items():
        rows = warehouse.query("history", runs=[name]).dicts()
        assert [row["loss"] for row in rows][30:] == [7.0] * more


def test_a_finished_run_that_was_resumed_goes_on(
    server: Server, ingest: Ingest, warehouse: Warehouse
) -> None:
    run = server.add_run(ServedRun("acme", "p", "again", rows=curve(20)))
    assert ingest("acme/p/again")["again"].completeness == "complete"
    run.state = "running"
    run.log(*curve(10, start=20), heartbeat_at="2026-02-01T00:00:00Z")
    resumed = ingest("acme/p/again")["again"]
    assert (resumed.action, resumed.new_rows, resumed.completeness) == (Action.GREW, 10, "growing")
    run.finish()
    assert ingest("acme/p/again")["again"].completeness == "complete"


def test_rows_that_came_late_between_the_stored_ones(
    server: Server, ingest: Ingest, warehouse: Warehouse
) -> None:
    rows = curve(30)
    holes = [row for row in rows if row["_step"] not in (7, 8)]
    run = server.add_run(ServedRun("acme", "p", "late", state="running", rows=holes))
    ingest("acme/p/late")
    run.rows = [*rows, *curve(5, start=30)]
    assert ingest("acme/p/late")["late"].rows == 35
    steps = [row["_step"] for row in warehouse.query("history", runs=["late"]).dicts()]
    assert steps == list(range(35))


def test_fetching_again_and_samples(server: Server, ingest: Ingest, warehouse: Warehouse) -> None:
    server.add_run(ServedRun("acme", "p", "r", rows=curve(200), exported_up_to=99))
    sampled = ingest("acme/p/r", max_samples=20)["r"]
    assert (sampled.rows, sampled.completeness) == (20, "sampled")
    assert ingest("acme/p/r", max_samples=20)["r"].action is Action.UNCHANGED
    whole = ingest("acme/p/r")["r"]
    assert (whole.rows, whole.completeness) == (200, "complete")
    assert ingest("acme/p/r", max_samples=20)["r"].action is Action.KEPT
    server.requests.clear()
    assert ingest("acme/p/r", refetch=True)["r"].action is Action.STORED
    assert server.requests.count("Parquet") == 1
    server.requests.clear()
    assert ingest("acme/p/r", local_only=True)["r"].rows == 200
    assert server.requests.counts() == {}
