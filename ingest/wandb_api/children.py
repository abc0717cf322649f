"""Ending a worker together with the ``wandb-core`` that W&B's client started in it.

The client starts it in a session of its own, so that no signal to a group reaches both. It ends by
itself when it sees that its starter is gone, but until then, a tenth of a second, it may write what
was just deleted. On Linux its id is in /proc; elsewhere what it writes is swept another time.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """Return the processes that a process started and that still run; none where nobody tells.

    ``/proc/<pid>/task/<tid>/children`` is a list of ids for each thread (proc_pid_task(5)).
    """
    found: list[int] = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError, ValueError):
            found += map(int, listed.read_text(encoding="ascii").split())
    return found


def kill_with_children(process: subprocess.Popen[bytes], temporary: Path) -> None:
    """Kill a process and its children, and wait for it; nothing where it has ended.

    ``temporary`` is the temporary folder of both.
    """
    if process.poll() is None:
        started = children(process.pid)
        process.kill()
        kill_helpers(process.pid, started, temporary)
    process.wait()


def kill_helpers(worker: int, helpers: list[int], temporary: Path) -> None:
    """Kill processes that a worker started, and delete the folders of their sockets.

    ``wandb-core`` names its own ``wandb-<id of who started it>-<its id>-<random>``.
    """
    for pid in helpers:
        with suppress(OSError):  # it has ended
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        for folder in temporary.glob(f"wandb-{worker}-{pid}-*"):
            shutil.rmtree(folder, ignore_errors=True)
