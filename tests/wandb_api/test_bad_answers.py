"""A bad answer of the service costs nothing that is stored, and a stale one is seen through."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Action
from tests.wandb_server import faults
from tests.wandb_server.faults import Reply, Spoil
from tests.wandb_server.model import Overlap, ServedRun
from tests.wandb_server.server import Server

from .conftest import Ingest, curve
from .test_incremental import snapshot


def of_run(value: dict[str, Any]) -> Spoil:
    return faults.data({"project": {"run": value}})


def last_rows(reply: Reply) -> Reply:
    """Give a few rows of a page, the last ones."""
    answer = json.loads(reply.body)
    run = answer["data"]["project"]["run"]
    run["history"] = run["history"][-5:]
    return replace(reply, body=json.dumps(answer).encode())


NO_PAGES: tuple[str, Spoil] = ("HistoryPage", of_run({"history": []}))
BAD: dict[str, list[tuple[str, Spoil]]] = {
    "empty pages": [NO_PAGES],
    "no pages": [("HistoryPage", of_run({"history": None}))],
    "no export": [("RunParquetHistory", of_run({"parquetHistory": None}))],
    "cut pages": [("HistoryPage", last_rows)],
}


@pytest.mark.parametrize("name", BAD)
def test_fewer_rows_than_the_service_counts_replace_nothing(
    server: Server, ingest: Ingest, warehouse: Warehouse, name: str
) -> None:
    run = server.add_run(ServedRun("acme", "p", "r", rows=curve(100), state="running"))
    ingest("acme/p/r")
    run.rows = curve(120, reward=1.0)
    run.heartbeat_at = "2026-05-01T00:00:00Z"
    if name == "no export":
        run.export(109)
    before = snapshot(warehouse.path)
    for operation, spoil in BAD[name]:
        server.fault(operation, spoil)
    kept = ingest("acme/p/r")["r"]
    assert (kept.action, kept.rows) == (Action.KEPT, 100)
    assert "the service counts 120" in kept.note
    assert "--force" in kept.note
    assert snapshot(warehouse.path) == before
    server.heal()
    assert ingest("acme/p/r")["r"].rows == 120


@pytest.mark.parametrize("count", [None, 0])
def test_no_rows_replace_none_that_are_stored(
    server: Server, ingest: Ingest, warehouse: Warehouse, count: int | None
) -> None:
    run = server.add_run(ServedRun("acme", "p", "r", rows=curve(100)))
    ingest("acme/p/r")
    before = snapshot(warehouse.path)
    run.claims = {"historyLineCount": count, "historyKeys": None, "summaryMetrics": None}
    server.fault(*NO_PAGES)
    assert ingest("acme/p/r", refetch=True)["r"].action is Action.KEPT
    assert snapshot(warehouse.path) == before
    server.heal()
    again = ingest("acme/p/r", refetch=True)["r"]
    assert again.rows == 100


def test_what_is_counted_and_not_given_is_not_written_twice(
    server: Server, ingest: Ingest, warehouse: Warehouse
) -> None:
    """Where a step is missing it is asked for again; what then comes is stored."""
    rows = curve(60)
    less = [row for row in rows if row["_step"] != 7]
    add = server.add_run
    add(ServedRun("acme", "p", "counts", rows=rows, claims={"historyLineCount": 70}))
    run = add(ServedRun("acme", "p", "lacks", rows=less, claims={"historyLineCount": 60}))
    ingest("acme/p/counts", "acme/p/lacks")
    before = snapshot(warehouse.path)
    server.requests.clear()
    found = ingest("acme/p/counts", "acme/p/lacks")
    assert {one.action for one in found.values()} == {Action.UNCHANGED}
    assert snapshot(warehouse.path) == before
    assert server.requests.count("HistoryPage", run="counts") == 0
    assert server.requests.count("HistoryPage", run="lacks") > 0
    run.rows = rows
    assert ingest("acme/p/lacks")["lacks"].completeness == "complete"


def test_an_export_of_what_was_rewound_is_not_believed(
    server: Server, ingest: Ingest, warehouse: Warehouse
) -> None:
    """The live history gives all of the run, and the step on which the files end differs."""
    new, old = curve(60), curve(20) + curve(10, start=20, loss=-1.0)
    server.add_run(
        ServedRun("acme", "p", "r", rows=new, exported_up_to=29, exported_rows=old,
                  overlap=Overlap.WHOLE)
    )  # fmt: skip
    landed = ingest("acme/p/r")["r"]
    assert (landed.rows, landed.completeness) == (60, "complete")
    rows = warehouse.query("history", runs=["r"]).dicts()
    assert [row["loss"] for row in rows] == [row["loss"] for row in new]


@pytest.mark.parametrize("cap", [512, 1_024])
def test_a_server_with_odd_pages_gives_all(server: Server, ingest: Ingest, cap: int) -> None:
    server.history_page_cap = cap
    server.add_run(ServedRun("acme", "p", "r", rows=[{"_step": s, "x": s} for s in range(4_000)]))
    landed = ingest("acme/p/r")["r"]
    assert (landed.rows, landed.completeness) == (4_000, "complete")
