"""The real client in workers of our own, against the local server; nothing of this machine's user.

A worker takes more than a second to load the client, so most tests share one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Landed
from dakota_wh.ingest.wandb_api.fetching import Fetch
from dakota_wh.ingest.wandb_api.pool import Workers
from tests.wandb_server.client import client_env
from tests.wandb_server.exact import Row
from tests.wandb_server.server import Server

Call = Callable[..., "subprocess.CompletedProcess[str]"]
Ingest = Callable[..., dict[str, Landed]]


def use_environment(patch: pytest.MonkeyPatch, url: str, home: Path) -> None:
    """Let W&B's client in this process and its children see only the server and ``home``."""
    for name in list(os.environ):
        if name.startswith(("WANDB_", "DAKOTA_")) or name in ("NETRC", "TMPDIR"):
            patch.delenv(name)
    for name, value in client_env(url, home).items():
        patch.setenv(name, value)


@pytest.fixture(scope="session")
def running() -> Iterator[tuple[Server, Workers]]:
    """Start one server, and the workers that ask it, for all tests."""
    with Server() as server, Workers() as workers:
        yield server, workers


@pytest.fixture
def server(running: tuple[Server, Workers]) -> Server:
    """Give a server that is well and has no runs."""
    server = running[0]
    server.heal()
    server.history_page_cap = None
    for project in ("p", "many"):
        for run in server.runs_of("acme", project):
            server.delete_run(run)
    server.requests.clear()
    return server


@pytest.fixture
def warehouse(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Give a warehouse that does not exist yet, and make W&B be the server."""
    use_environment(monkeypatch, server.url, tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    return api.open(tmp_path / "warehouse")


@pytest.fixture
def ingest(warehouse: Warehouse, running: tuple[Server, Workers]) -> Ingest:
    """Ingest runs of the server by its one worker; the outcomes by run id."""

    def call(*what: str, **options: Any) -> dict[str, Landed]:
        fetch = Fetch(jobs=1, timeout=60, workers=running[1], **options)
        return {one.run_id: one for one in warehouse.ingest(*what, fetch=fetch)}

    return call


@pytest.fixture
def dakota(server: Server, tmp_path: Path) -> Call:
    """Call the program as a user does."""
    home = tmp_path / "home"
    env = client_env(server.url, home)

    def call(*words: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
        changed = {k: v for k, v in (env | changes).items() if v is not None}
        command = [sys.executable, "-m", "dakota_wh", *words]
        return subprocess.run(
            command, env=changed, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )

    return call


def curve(count: int, start: int = 0, **more: Any) -> list[Row]:
    """Return rows of a small training run."""
    return [
        {
            "_step": step,
            "_timestamp": 1.7e9 + step,
            "_runtime": step + 0.5,
            "reward/mean": (step % 7) / 3,
            "loss": 1 / (step + 1),
            **more,
        }
        for step in range(start, start + count)
    ]


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what has to come, half a minute at most."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


#: What tells of the source and not of the run.
_NOT_OF_THE_RUN = ("run_id", "_part", "completeness")


def answers(warehouse: Warehouse, run_id: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return what the views answer of a run, without where it came from and when."""
    found = {}
    for view in ("history", "metrics", "steps", "series", "summary", "config", "metric_stats"):
        result = warehouse.query(view, runs=[run_id])
        keep = [i for i, name in enumerate(result.columns) if name not in _NOT_OF_THE_RUN]
        rows = [tuple(repr(row[i]) for i in keep) for row in result]
        names = tuple(result.columns[i] for i in keep)
        found[view] = [names, *sorted(rows)]
    return found
