"""One writer per run, and one that makes a folder a warehouse; readers need no lock."""

from __future__ import annotations

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
    lock = FileLock(folder / f"{name[:200]}.lock")
    try:
        with lock.acquire(timeout=wait):
            yield
    except Timeout as error:
        raise WarehouseError(
            f"Run {run_id} is being ingested by another process for more than {wait:.0f} s.",
            hint="Wait for it, or end it, and ingest again.",
        ) from error


def folder_lock(root: Path, *, wait: float = WAIT) -> FileLock:
    """Return the lock, to hold by ``with``, under which the folder's zero-row files are made.

    When it cannot be had in ``wait`` seconds that is an ``OSError``.
    """
    folder = root / STATE_FOLDER
    folder.mkdir(exist_ok=True)
    return FileLock(folder / "folder.lock", timeout=wait)
