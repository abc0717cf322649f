"""The real program as a process, with a temporary folder of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

from dakota_wh import cli
from dakota_wh.rendering import left_behind

DAKOTA = str(Path(sys.executable).with_name("dakota-wh"))
_LAUNCHER = Path(__file__).parents[1] / "launcher.py"
_PATIENCE = 240
#: How often a folder is looked at while its first change is waited for (s).
_GLANCE = 0.002


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str
    #: MiB at its peak, where that was measured.
    peak: float = 0.0


def environment(temporary: Path | None = None) -> dict[str, str]:
    """Return an environment without settings of this program or of W&B."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAKOTA_", "WANDB_"))}
    if temporary is not None:
        temporary.mkdir(parents=True, exist_ok=True)
        kept["TMPDIR"] = str(temporary)
    return kept | {"NO_COLOR": "1"}


def start(
    words: Sequence[str], place: Path, temporary: Path | None = None
) -> subprocess.Popen[str]:
    """Start ``dakota-wh`` with some words in a folder, in a session of its own."""
    return subprocess.Popen(
        [DAKOTA, *words], cwd=place, env=environment(temporary), text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> Ended:
    """Wait for a process; one that takes too long is killed."""
    try:
        out, err = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        kill(process)
        out, err = process.communicate()
        err += f"\nkilled after {_PATIENCE} s"
    return Ended(process.returncode, out, err)


def call(words: Sequence[str], place: Path, temporary: Path | None = None) -> Ended:
    """Run ``dakota-wh`` to its end."""
    return finish(start(words, place, temporary))


def measured(words: Sequence[str], place: Path, temporary: Path) -> Ended:
    """Run any program to its end, with the peak of its memory."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_LAUNCHER), *words], cwd=place,
        env=environment(temporary), capture_output=True, text=True, check=False, timeout=_PATIENCE,
    )  # fmt: skip
    *said, last = done.stderr.strip().splitlines()
    found = json.loads(last)
    return Ended(found["code"], done.stdout, "\n".join(said), found["peak"])


def call_here(words: Sequence[str], place: Path, temporary: Path) -> Ended:
    """Run ``dakota-wh`` to its end in this process, as if in a folder, which costs no imports."""
    temporary.mkdir(parents=True, exist_ok=True)
    here, talk = os.getcwd(), io.StringIO()
    left_behind.sweep_temporary_folder.cache_clear()
    tempfile.tempdir = str(temporary)
    os.chdir(place)
    try:
        with redirect_stdout(io.StringIO()) as said, redirect_stderr(talk):
            code = cli.run(list(words))
    finally:
        os.chdir(here)
        tempfile.tempdir = None
    return Ended(code, said.getvalue(), talk.getvalue())


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def span(process: subprocess.Popen[str], folders: Sequence[Path]) -> float:
    """Wait for a process; return how many seconds passed between its first change of some folders
    and its last one."""
    before = _look(folders)
    first = last = time.perf_counter()
    changes = 0
    while process.poll() is None:
        now = _look(folders)
        if now != before:
            before, last = now, time.perf_counter()
            first = first if changes else last
            changes += 1
        time.sleep(_GLANCE)
    return last - first


def first_change(process: subprocess.Popen[str], folders: Sequence[Path]) -> bool:
    """Wait until a process changes some folders; return whether it still runs."""
    before = _look(folders)
    while process.poll() is None:
        if _look(folders) != before:
            return True
        time.sleep(_GLANCE)
    return False


def _look(folders: Sequence[Path]) -> list[tuple[str, int]]:
    found = []
    for folder in folders:
        for at, _, _ in os.walk(folder):
            with suppress(OSError):
                found.append((at, os.stat(at).st_mtime_ns))
    return found
