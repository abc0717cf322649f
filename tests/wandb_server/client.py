"""W&B's real client in a process of its own, which finds nothing of this machine's user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

API_KEY = "0123456789abcdef" * 2 + "01234567"

RETRIES = {
    "WANDB__GRAPHQL_RETRY_MAX": "2",
    "WANDB__GRAPHQL_RETRY_WAIT_MIN_SECONDS": "1",
    "WANDB__GRAPHQL_RETRY_WAIT_MAX_SECONDS": "1",
    "WANDB__FILE_TRANSFER_RETRY_MAX": "2",
    "WANDB__FILE_TRANSFER_RETRY_WAIT_MIN_SECONDS": "1",
    "WANDB__FILE_TRANSFER_RETRY_WAIT_MAX_SECONDS": "1",
}


def client_env(url: str, home: Path, api_key: str | None = API_KEY) -> dict[str, str]:
    """Return the environment of a process whose W&B client asks the server at ``url``."""
    env = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    places = (
        "HOME",
        "WANDB_CACHE_DIR",
        "WANDB_CONFIG_DIR",
        "WANDB_DATA_DIR",
        "WANDB_DIR",
        "WANDB_ARTIFACT_DIR",
        "TMPDIR",
    )
    home.mkdir(parents=True, exist_ok=True)
    env |= {name: str(home) for name in places}
    env |= {"WANDB_BASE_URL": url, "WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}
    return env if api_key is None else env | {"WANDB_API_KEY": api_key}


def run_client(
    program: str | Path, *arguments: str, url: str, home: Path, timeout: float = 60, **extra: str
) -> dict[str, Any]:
    """Run a program, a file or its text, that prints one JSON object, and return that."""
    code = [str(program)] if isinstance(program, Path) else ["-c", program]
    done = subprocess.run(
        [sys.executable, *code, *arguments],
        env=client_env(url, home) | extra,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if done.returncode:
        raise AssertionError(f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found
