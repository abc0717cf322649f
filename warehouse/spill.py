"""The folder to which a connection moves what does not fit into memory.

A connection may read there, so nobody else may put anything there, a link for example: the folder
of a process is made under a name that nobody can foresee, readable by this user alone, and each
connection has one of its own below it, which DuckDB makes and deletes.
"""

from __future__ import annotations

import atexit
import os
import secrets
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from dakota_wh.rendering import left_behind


def new_folder() -> Path | None:
    """Return a path for one connection, at which nothing is; None where none can be made."""
    left_behind.sweep_temporary_folder()
    try:
        return _of_process(os.getpid()) / secrets.token_hex(4)
    except OSError:  # full or read-only: what spills is refused, everything else is answered
        return None


@cache
def _of_process(pid: int) -> Path:  # a process that is forked off has to make its own
    folder = Path(tempfile.mkdtemp(prefix="dakota-wh-spill-"))
    atexit.register(_remove, folder, pid)
    return folder


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:
        with suppress(OSError):  # gone, or a connection has not been closed
            folder.rmdir()
