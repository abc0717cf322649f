"""The command line as somebody whom permissions hold, also where the tests run as root."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

_DROPPED = "cap_dac_override,cap_dac_read_search"


def as_user(*args: object, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Call dakota-wh; return its exit code and what it wrote, stderr behind stdout."""
    words = [sys.executable, "-m", "dakota_wh", *map(str, args)]
    return held(words, env)


def held(words: list[str], env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a program as such a user."""
    if not permissions_hold():
        pytest.skip("permissions do not hold here: root, and no capsh that may drop that")
    done = subprocess.run(
        [*_way(), shlex.join(words)] if _way() else words,
        env={**_environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.decode()


@cache
def permissions_hold() -> bool:
    """Return whether a folder of mode 000 cannot be listed by what :func:`held` runs."""
    if sys.platform == "win32":
        return False
    if os.geteuid() != 0:
        return True
    if not _way():
        return False
    done = subprocess.run(
        [*_way(), 'd=$(mktemp -d); chmod 000 "$d"; ls "$d"; said=$?; rmdir "$d"; exit $said'],
        capture_output=True,
        check=False,
    )
    return done.returncode == 2  # what ls says of a folder that it cannot open


@cache
def _way() -> tuple[str, ...]:
    capsh = shutil.which("capsh", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if sys.platform == "win32" or os.geteuid() != 0 or capsh is None:
        return ()
    return (capsh, f"--drop={_DROPPED}", "--", "-c")


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAKOTA_", "WANDB_"))}
    return {**kept, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
