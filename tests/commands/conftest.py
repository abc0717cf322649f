"""A warehouse of the demo's two runs, and three ways to call the command line on it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dakota_wh import api, demo
from dakota_wh.cli import run

ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("DAKOTA_", "WANDB_", "COLUMNS", "NO_COLOR", "PYTHONIOENCODING"))
}


class Called(NamedTuple):
    """What a call in this process gave."""

    code: int
    out: str
    err: str


Call = Callable[..., Called]
Dakota = Callable[..., "subprocess.CompletedProcess[bytes]"]
OnTerminal = Callable[..., str]


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the ``wandb/`` folder of the demo's two runs; not to be changed."""
    return demo.unpack(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, logs: Path) -> Path:
    """Give a warehouse folder with the demo's two runs; not to be changed."""
    root = tmp_path_factory.mktemp("commands") / "it's a warehouse"
    api.open(root).ingest(logs)
    return root


@pytest.fixture
def own_folder(tmp_path: Path, logs: Path) -> Path:
    """Give a warehouse folder with the demo's two runs that a test may change."""
    root = tmp_path / "own"
    api.open(root).ingest(logs)
    return root


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Call:
    """Call the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in set(os.environ) - set(ENVIRONMENT):
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", os.environ)

    def calling(*args: object) -> Called:
        capsys.readouterr()
        code = run([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Called(code, captured.out, captured.err)

    return calling


@pytest.fixture(scope="session")
def dakota() -> Dakota:
    """Call the command line as a process of its own, with bytes in and out."""

    def calling(
        *args: object, env: Mapping[str, str] | None = None, **more: Any
    ) -> subprocess.CompletedProcess[bytes]:
        more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60} | more
        if "input" not in more:
            more.setdefault("stdin", subprocess.DEVNULL)
        words = [sys.executable, "-m", "dakota_wh", *(str(arg) for arg in args)]
        more["env"] = {**ENVIRONMENT, **(env or {})}
        done: subprocess.CompletedProcess[bytes]
        done = subprocess.run(words, check=False, **more)  # type: ignore[assignment]
        return done

    return calling


@pytest.fixture(scope="session")
def on_terminal() -> OnTerminal:
    """Call the command line with stdout on a terminal; return what a person would see."""

    def calling(
        *args: object, width: int = 80, env: Mapping[str, str] | None = None, keys: str = ""
    ) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        words = [sys.executable, "-m", "dakota_wh", *(str(arg) for arg in args)]
        settings = {**ENVIRONMENT, "TERM": "xterm-256color", **(env or {})}
        with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=settings):
            os.close(theirs)
            if keys:
                os.write(ours, keys.encode())
            seen = b""
            while chunk := _read(ours):
                seen += chunk
        os.close(ours)
        return seen.decode().replace("\r\n", "\n")

    return calling


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""
