"""A warehouse that does not exist yet, and the sample of the demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from dakota_wh import api, demo
from dakota_wh.api import Warehouse
from dakota_wh.warehouse import catalogue


@pytest.fixture
def with_catalogue() -> None:
    """Ask for ``warehouse.duckdb`` to be built as it is outside these tests."""


@pytest.fixture(autouse=True)
def _quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build no catalogue where no shell is used: it takes longer than the ingest itself."""
    if "with_catalogue" not in request.fixturenames:
        monkeypatch.setattr(catalogue, "ensure", lambda _: False)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Give a warehouse in a folder of its own, with a blank and a quote in its name."""
    return api.open(tmp_path / "a warehouse's folder")


@pytest.fixture(scope="session")
def demo_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the ``wandb/`` folder of the demo's two runs; not to be changed."""
    return demo.unpack(tmp_path_factory.mktemp("demo"))
