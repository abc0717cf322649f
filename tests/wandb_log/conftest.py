"""Logs written by W&B's own client, once per session, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sdk_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment in which W&B finds nothing of this machine's user."""
    home = tmp_path_factory.mktemp("home")
    env = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    places = ("HOME", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR")
    quiet = {
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_CONSOLE": "off",
    }
    return env | quiet | {name: str(home) for name in places}


@pytest.fixture(scope="session")
def sdk_folder(tmp_path_factory: pytest.TempPathFactory, sdk_env: dict[str, str]) -> Path:
    """Return a folder that holds ``wandb/`` with the runs of ``write_with_sdk.py``."""
    folder = tmp_path_factory.mktemp("sdk")
    program = Path(__file__).with_name("write_with_sdk.py")
    subprocess.run(
        [sys.executable, str(program), str(folder)],
        env=sdk_env | {"WANDB_DIR": str(folder)},
        cwd=folder,
        check=True,
        timeout=240,
    )
    return folder
