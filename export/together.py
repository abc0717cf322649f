"""The files of one export: they are written aside, and take their names when all are written.

Each export has a folder of its own for that, hidden beside the files that are to be, so that two
processes never write the same one. It is locked as long as its process lives; what a killed one
left is deleted by the next export into the same folder.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from dakota_wh.errors import WarehouseError
from dakota_wh.rendering.whole_file import unwritten

_PREFIX: Final = ".dakota-wh-"
_SUFFIX: Final = ".part"
_LOCK: Final = "lock"
_ELSEWHERE: Final = "--output-dir DIR"


class Files:
    """The files of one export, while they are written."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._written: dict[Path, Path] = {}
        self._gone: list[Path] = []

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that were written, by the names that they will have."""
        return tuple(self._written)

    @contextmanager
    def new(self, target: Path) -> Iterator[Path]:
        """Give the name under which to write what is to be ``target``.

        Raises:
            WarehouseError: the disk is full, or writing is not allowed.
        """
        temporary = self._place / target.name
        with _said_of(target, self._place):
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
        self._written[target] = temporary

    def drop(self, paths: Iterable[Path]) -> None:
        """Delete files that the new ones stand for, when those have their names."""
        self._gone += paths

    def take_names(self) -> None:
        """Give all files their names."""
        for target in self._written:
            if target.is_dir():
                raise WarehouseError(
                    f"{target} cannot be written: it is a folder.",
                    hint=f"Move it away, or write elsewhere: {_ELSEWHERE}",
                )
        for target, temporary in self._written.items():
            with _said_of(target, self._place):
                temporary.replace(target)
        for path in self._gone:
            path.unlink(missing_ok=True)


@contextmanager
def together(folder: Path) -> Iterator[Files]:
    """Give a new export into a folder, which is made if need be; at the end it is published.

    When the block fails, nothing in the folder has changed.

    Raises:
        WarehouseError: the folder or a file cannot be written.
    """
    new = not folder.exists()
    with _said_of(folder, folder):
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        place, lock = _own_place(folder)
    try:
        files = Files(place)
        yield files
        files.take_names()
    finally:
        _drop(place, lock)
        if new:
            with suppress(OSError):  # not empty: all went well
                folder.rmdir()


@contextmanager
def _said_of(target: Path, place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = unwritten(target, error, place, _ELSEWHERE)
        if problem is None:
            raise
        raise problem from error


def _own_place(folder: Path) -> tuple[Path, FileLock | None]:
    """Make a folder that no other process has, and lock it where the file system can."""
    while True:
        place = folder / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        place.mkdir()
        lock = FileLock(place / _LOCK)
        try:
            lock.acquire(timeout=0)
        except (Timeout, FileNotFoundError):
            continue  # another export took it for a leftover before it was locked
        except (OSError, NotImplementedError):
            return place, None
        if (place / _LOCK).exists():
            return place, lock
        lock.release()


def _sweep(folder: Path) -> None:
    """Delete what killed exports left; a folder that is locked is still being written."""
    for place in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        lock = FileLock(place / _LOCK)
        try:
            lock.acquire(timeout=0)
        except (OSError, NotImplementedError):
            continue
        _drop(place, lock)


def _drop(place: Path, lock: FileLock | None) -> None:
    shutil.rmtree(place, ignore_errors=True)
    if lock is not None:
        lock.release()
        with suppress(OSError):  # Windows deletes no file that is locked
            place.rmdir()
