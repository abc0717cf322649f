"""One writer per run, and one that makes a folder a warehouse; readers need no lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from dakota_wh.errors import WarehouseError
from dakota_wh.warehouse.layout import STATE_FOLDER, encode_run_id

#: How long a second ingest of the same run waits for the first, in seconds.
WAIT: Final = 60.0


@contextmanager
def run_lock(root: Path, run_id: str, *, wait: float = WAIT) -> Iterator[None]:
    """Hold the run's lock; the system releases it when this process dies, however it dies.

    Raises:
        WarehouseError: another process held it for the whole of ``wait`` seconds.
    """
    folder = root / STATE_FOLDER / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    name = encode_run_id(run_id)
    path = folder / f"{name[:200]}.lock"
    lock = FileLock(path)
    try:
        with lock.acquire(timeout=wait):
            yield
    except Timeout as error:
        who = holder(path)
        raise WarehouseError(
            f"Run {run_id} is being ingested by another process for more than {wait:.0f} s"
            f"{f' ({who})' if who else ''}.",
            hint="Wait for it, or end it, and ingest again.",
        ) from error


def holder(lock: Path) -> str:
    """Return which process holds a lock, as far as the system tells: on Linux by /proc/locks.

    ``""`` where it does not. A line there is ``1: FLOCK ADVISORY WRITE 4711 fe:00:123456 0 EOF``:
    the process, and the file as major:minor:inode (proc_locks(5)).
    """
    try:
        here = lock.stat()
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    wanted = f"{os.major(here.st_dev):02x}:{os.minor(here.st_dev):02x}:{here.st_ino}"
    for words in map(str.split, lines):
        if len(words) > 5 and words[5] == wanted and words[4].isdigit():
            return f"process {words[4]}{_command(int(words[4]))}"
    return ""


def _command(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
    return f" ({text})" if text else ""


def held_locks(root: Path) -> dict[Path, str]:
    """Return the locks that some process holds now, and which one, see :func:`holder`."""
    held: dict[Path, str] = {}
    state = root / STATE_FOLDER
    for path in sorted([*state.glob("*.lock"), *(state / "locks").glob("*.lock")]):
        try:
            FileLock(path).acquire(timeout=0).lock.release()
        except Timeout:
            held[path] = holder(path)
        except OSError:
            continue  # a folder that cannot be written has no writer either
    return held


def folder_lock(root: Path, *, wait: float = WAIT) -> FileLock:
    """Return the lock, to hold by ``with``, under which the folder's zero-row files are made.

    When it cannot be had in ``wait`` seconds that is an ``OSError``.
    """
    folder = root / STATE_FOLDER
    folder.mkdir(exist_ok=True)
    return FileLock(folder / "folder.lock", timeout=wait)
