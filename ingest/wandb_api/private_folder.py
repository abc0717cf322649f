"""The folder of one worker, which no other process uses; what a killed program left is swept.

W&B's client keeps caches, downloads and logs there. Its owner holds a lock in it, which the system
frees when the owner dies, however it dies: a folder whose lock is free is nobody's. One without
the lock's file was made by somebody else, whatever its name, and stays. That holds
where process ids do not (they are given again, and containers share a temporary folder).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from dakota_wh.rendering.left_behind import is_own

#: As ``tempfile`` goes on.
_NAME: Final = re.compile(r"dakota-wh-worker-[a-z0-9_]{8}")
_PREFIX: Final = "dakota-wh-worker-"
_LOCK: Final = "owner.lock"
#: Seconds in which who makes a folder has locked it; a younger one is let be.
_YOUNG: Final = 60.0


@dataclass(frozen=True, slots=True)
class PrivateFolder:
    """A new folder, readable by this user alone; it is there until ``remove``."""

    path: Path
    _lock: FileLock

    @classmethod
    def make(cls) -> PrivateFolder:
        """Make one in the system's temporary folder. Raises OSError."""
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = FileLock(path / _LOCK, thread_local=False)
        try:
            with suppress(NotImplementedError):  # nobody can lock there, hence nobody sweeps
                lock.acquire(timeout=0)
        except OSError:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return cls(path, lock)

    def remove(self) -> None:
        """Delete it and all that is in it."""
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)


def sweep_abandoned() -> None:
    """Delete the folders of this user's programs that are gone; never one in use."""
    for folder in _folders():
        # Asking for the lock makes its file.
        if not os.path.isfile(folder / _LOCK):
            continue
        try:
            FileLock(folder / _LOCK, thread_local=False).acquire(timeout=0).lock.release()
        except (OSError, NotImplementedError):
            continue  # in use
        shutil.rmtree(folder, ignore_errors=True)


def _folders() -> list[Path]:
    """Return folders of workers that are this user's; a link is none, wherever it leads."""
    found = []
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            with suppress(OSError):  # gone meanwhile
                if _NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                    told = entry.stat(follow_symlinks=False)
                    if is_own(told) and time.time() - told.st_mtime > _YOUNG:
                        found.append(Path(entry.path))
    return found
