"""Many runs at once: a broken one stops no other, and the program says which and why."""

from __future__ import annotations

import json

from tests.wandb_server import faults
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

from .conftest import Call, curve

BROKEN = ("run-017", "run-101", "run-199")


def test_two_hundred_runs_with_three_broken(server: Server, dakota: Call) -> None:
    for number in range(200):
        run = ServedRun("acme", "many", f"run-{number:03}", rows=curve(20), state="finished")
        server.add_run(run)
    server.add_run(ServedRun("acme", "many", "other", rows=curve(3), state="crashed"))
    server.fault("HistoryPage", faults.latency(0.02, 0.05))
    server.fault("HistoryPage", faults.html(), run=BROKEN[0])
    server.fault("Run", faults.forbidden(), run=BROKEN[1])
    server.fault("Run", faults.data({"project": {"run": None}}), run=BROKEN[2])
    words = ("ingest", "acme/many", "--state", "finished", "--jobs", "2", "--format", "json")
    done = dakota(*words)
    assert done.returncode == 6, done.stderr
    told = {one["run_id"]: one for one in json.loads(done.stdout)}
    failed = {run_id for run_id, one in told.items() if one["error"]}
    assert failed == set(BROKEN)
    assert len(told) == 200
    assert {one["rows"] for run_id, one in told.items() if run_id not in failed} == {20}
    assert all(run_id in done.stderr.splitlines()[-1] for run_id in BROKEN)
    assert "has no run run-199" in done.stderr
    assert 1 < server.requests.most_at_once() <= 4

    server.heal()
    server.requests.clear()
    again = dakota(*words)
    assert again.returncode == 0, again.stderr
    actions = [one["action"] for one in json.loads(again.stdout)]
    assert (actions.count("unchanged"), actions.count("stored")) == (197, 3)
    assert server.requests.count("Run") == 200
    assert server.requests.count("HistoryPage") == 3
