"""A warehouse that does not exist yet, and a run with tables as W&B's own client writes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.warehouse import catalogue


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build no catalogue: no shell is used here."""
    monkeypatch.setattr(catalogue, "ensure", lambda _: False)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Give a warehouse in a folder of its own."""
    return api.open(tmp_path / "warehouse")


@pytest.fixture(scope="session")
def sdk_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder that ``write_tables.py`` made; not to be changed."""
    folder, home = tmp_path_factory.mktemp("sdk"), tmp_path_factory.mktemp("home")
    env = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    places = ("HOME", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR")
    env |= {name: str(home) for name in places}
    env |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    program = Path(__file__).with_name("write_tables.py")
    subprocess.run(
        [sys.executable, str(program), str(folder)], env=env, cwd=folder, check=True, timeout=240
    )
    (run,) = folder.glob("wandb/offline-run-*")
    return run
