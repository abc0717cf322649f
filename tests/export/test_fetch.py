"""Runs that are not stored are fetched first, by the real client from the local server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dakota_wh import api
from dakota_wh.errors import NoSuchRun, RunConflict
from dakota_wh.ingest.wandb_api.fetching import Fetch
from dakota_wh.ingest.wandb_api.pool import Workers
from tests.wandb_api.conftest import curve, use_environment
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Server, Workers]]:
    """Start one server, and the workers that ask it, for all tests."""
    with Server() as server, Workers() as workers:
        yield server, workers


def test_what_is_missing_is_fetched_once(
    running: tuple[Server, Workers], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, workers = running
    use_environment(monkeypatch, server.url, tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    losses = [row | {"loss/mean": 0.5} for row in curve(40)]
    for run, rows in (("orch", curve(40)), ("train", losses)):
        server.add_run(ServedRun("acme", "p", run, rows=rows))
    warehouse = api.open(tmp_path / "wh")
    fetch = Fetch(jobs=1, timeout=60, workers=workers)

    done = warehouse.analyze("acme/p/orch", "train", entity="acme", project="p", fetch=fetch)
    assert done.document["reward_analysis"]["total_steps"] == 40
    assert done.document["training_analysis"]["key_metrics"]["loss/mean"]["final"] == 0.5
    assert done.document["orchestrator_run"]["url"].endswith("/acme/p/runs/orch")
    asked = server.requests.counts()
    assert asked

    # What is here is not asked for again, unless that is wanted.
    assert warehouse.bring("acme/p/orch", "train", fetch=fetch) == ["orch", "train"]
    assert warehouse.bring("acme/p/orch", "orch", fetch=fetch) == ["orch", "orch"]
    assert server.requests.counts() == asked
    server.add_run(ServedRun("acme", "p", "orch", rows=curve(50)))
    again = Fetch(jobs=1, timeout=60, workers=workers, refetch=True)
    assert warehouse.bring("orch", fetch=again) == ["orch"]  # its project is known from the store
    assert warehouse.query("runs", runs=["orch"]).dicts()[0]["rows"] == 50

    with pytest.raises(RunConflict, match="another run orch, of acme/p"):
        warehouse.bring("other/q/orch", fetch=fetch)
    with pytest.raises(NoSuchRun, match="No data available"):
        warehouse.bring("acme/p/none", fetch=Fetch(local_only=True))

    # And what was fetched comes back from its export, certificate and all.
    warehouse.bring("acme/p/train", fetch=fetch)
    (exported,) = warehouse.export("orch", output_dir=tmp_path / "out")
    assert exported.completeness == "complete"
    (landed,) = api.open(tmp_path / "again").ingest(tmp_path / "out")
    assert (landed.run_id, landed.rows, landed.completeness) == ("orch", 50, "complete")
    info = json.loads((tmp_path / "out" / "orch" / "orch_metadata.json").read_text())
    assert (info["entity"], info["project"], info["id"]) == ("acme", "p", "orch")
