"""What killed processes left where nobody else looks: temporary folders, half-written files.

What nobody has written to for a day belongs to nobody. Process ids would say it sooner, but they
are given again, and containers and machines that share a folder do not share them.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from dakota_wh.rendering.apart import MARK

#: Seconds after which nobody goes on writing.
_LONG: Final = 24 * 3600.0
#: The temporary folders of this program that have no other owner to sweep them, as ``tempfile``
#: names them.
_FOLDERS: Final = re.compile(r"dakota-wh-(catalogue|demo|spill|sync)-[a-z0-9_]{8}")


def sweep(folder: Path, ours: re.Pattern[str]) -> None:
    """Delete this user's files and folders whose whole name matches and that are a day old.

    A link is left alone, wherever it leads, and so is a folder that others may look into, which
    ``tempfile`` makes none of, or that is a warehouse: a person may have given it such a name. What
    cannot be deleted stays.
    """
    for entry in _named(folder, ours):
        with suppress(OSError):  # gone meanwhile, or not ours to delete
            told = entry.stat(follow_symlinks=False)
            if entry.is_symlink() or not is_own(told):
                continue
            if time.time() - _last_written(Path(entry.path), told) < _LONG:
                continue
            if entry.is_dir(follow_symlinks=False):
                if not _is_private(told) or (Path(entry.path) / MARK).exists():
                    continue
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)


@cache
def sweep_temporary_folder() -> None:
    """Do it in the system's folder for temporary files, once in a process."""
    sweep(Path(tempfile.gettempdir()), _FOLDERS)


def is_own(told: os.stat_result) -> bool:
    """Tell whether something is this user's; where there are no user ids, so is its place."""
    user = getattr(os, "getuid", None)
    return user is None or told.st_uid == user()


def _is_private(told: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or not told.st_mode & 0o077


def _named(folder: Path, ours: re.Pattern[str]) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if ours.fullmatch(entry.name):
                yield entry


def _last_written(path: Path, told: os.stat_result) -> float:
    """Return when something, or anything in it, was written last (s since 1970)."""
    times = [told.st_mtime]
    for folder, _, files in os.walk(path):
        for name in files:
            with suppress(OSError):
                times.append(os.stat(Path(folder) / name, follow_symlinks=False).st_mtime)
    return max(times)
