"""How a file comes into a mirror's folder: under a name of nobody else's, then in one rename."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from dakota_wh.errors import WarehouseError
from dakota_wh.store.trouble import Vanished
from dakota_wh.warehouse.layout import STATE_FOLDER

#: Seconds after which what is still arriving belongs to a process that was killed.
_DEAD: Final = 86_400.0
#: The bytes of a Parquet file that holds nothing: two magic numbers and a length.
_LEAST: Final = 12


@contextmanager
def arriving(folder: Path, target: Path) -> Iterator[Path]:
    """Give a temporary name in a mirror's folder; the file there at the end is ``target``.

    Raises:
        WarehouseError: the folder cannot be written.
    """
    temporary = _place(folder) / f"{os.getpid()}-{secrets.token_hex(8)}"
    try:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(target)
    except Vanished:
        raise
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def drop_left_over(folder: Path) -> None:
    """Delete what a process that was killed had begun to fetch."""
    for path in _place(folder).glob("*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _DEAD:
                path.unlink()


def link(file: Path, name: Path) -> None:
    """Give a file that never changes a second name, or copy it where a file system has no links.

    Raises:
        OSError: there is no such file, or no room.
    """
    try:
        name.hardlink_to(file)
    except (OSError, NotImplementedError):
        shutil.copyfile(file, name)


def is_whole(file: Path) -> bool:
    """Return whether a Parquet file is there, and no empty one.

    A machine whose power failed may have kept the rename and lost the bytes; nothing here waits for
    the disk, since all of it can be fetched again.
    """
    try:
        return file.stat().st_size >= _LEAST
    except OSError:
        return False


def unwritable(folder: Path, error: OSError) -> WarehouseError:
    """Return the error that a person should see."""
    return WarehouseError(
        f"The cache {folder} cannot be written: {error.strerror or error}.",
        hint="Make room, or name another folder for it: DAKOTA_WH_CACHE=DIR",
    )


def _place(folder: Path) -> Path:
    return folder / STATE_FOLDER / "arriving"
