"""Runs of W&B into an object store: workers publish them, each as soon as it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.ingest.wandb_api.fetching import Fetch
from dakota_wh.ingest.wandb_api.pool import Workers
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

from .conftest import curve, use_environment


def test_a_growing_run(
    server: Server,
    running: tuple[Server, Workers],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("fsspec", reason="the extra s3 is not installed")
    use_environment(monkeypatch, server.url, tmp_path / "home")
    monkeypatch.setenv("DAKOTA_WH_CACHE", str(tmp_path / "cache"))
    place = f"file://{tmp_path}/store"  # a store that several processes see
    run = server.add_run(ServedRun("acme", "p", "r", rows=curve(9), name="n"))
    for rows in (9, 12):
        [landed] = open_warehouse(place).ingest("acme/p/r", fetch=Fetch(workers=running[1]))
        assert landed.error is None
        assert landed.rows == rows
        counted = open_warehouse(place).sql("SELECT count(*) FROM history").rows()
        assert counted == [(rows,)]
        run.log(*curve(3, start=rows))
    assert not list((tmp_path / "cache").glob("*/.dakota-wh/work/*"))
