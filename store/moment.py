"""A folder that has some tables of a store's warehouse as they are at one moment, and nothing else.

For an engine that reads files by itself, whenever it likes, and asks for none: Spark. A mirror does
not do, since other processes bring rows into it whose parts are not there, and delete what a store
has no more. The files here are second names of the mirror's, and this process's alone.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import BaseFileLock, FileLock, Timeout

from dakota_wh.errors import WarehouseError
from dakota_wh.store.arriving import link, unwritable
from dakota_wh.store.mirror import Mirror, mirror_of
from dakota_wh.store.rows_here import newest_of, place_of, rows_of
from dakota_wh.warehouse.layout import TABLES, schema_file

#: How often it is begun anew because a run was published, or deleted here, meanwhile.
_TRIES: Final = 6
_PAUSE: Final = 0.05


@contextmanager
def files_of(
    root: Path, tables: Iterable[str], runs: Sequence[str] | None = None
) -> Iterator[Path]:
    """Give a folder that has some tables whole: of some runs, or of all.

    A warehouse's own folder has them. Of a mirror's it is one of links, which goes at the end.

    Args:
        root: the warehouse's folder, or the mirror's, whose rows are as of its last refresh.
        tables: what will be read; run rows and fixed pairs are there in any case.
        runs: only these, of whose rows no other's are needed.

    Raises:
        WarehouseError: the store cannot be read, or the cache not be written.
    """
    mirror = mirror_of(root)
    if mirror is None:
        yield root
        return
    place, lock = _made(mirror, list(tables), runs)
    try:
        yield place
    finally:
        _drop(place, lock)


def kept_files_of(mirror: Mirror, tables: Iterable[str]) -> Path:
    """Return a folder as :func:`files_of` does, of all runs, that is there until the process ends.

    Raises:
        WarehouseError: the store cannot be read, or the cache not be written.
    """
    mirror.refresh()
    place, lock = _made(mirror, list(tables), None)
    atexit.register(_drop, place, lock)
    return place


def _made(
    mirror: Mirror, tables: Sequence[str], runs: Sequence[str] | None
) -> tuple[Path, BaseFileLock]:
    moments = mirror.folder.with_name(f"{mirror.folder.name}.read")
    try:
        moments.mkdir(mode=0o700, parents=True, exist_ok=True)
        _drop_left_over(moments)
        place = moments / f"{os.getpid()}-{secrets.token_hex(8)}"
        lock = FileLock(_lock_of(place), thread_local=False)
        lock.acquire(timeout=0)  # as long as it is held, nobody takes the folder for a dead one's
    except OSError as error:
        raise unwritable(moments, error) from error
    try:
        for attempt in range(1, _TRIES + 1):
            try:
                _fill(mirror, place, tables, runs)
                return place, lock
            except FileNotFoundError as error:
                shutil.rmtree(place, ignore_errors=True)
                if attempt == _TRIES:
                    raise WarehouseError(
                        f"The runs of {mirror.address} are published all the time.",
                        hint="Try it again later.",
                    ) from error
                time.sleep(_PAUSE * 2**attempt)
                mirror.changed()
                mirror.refresh(runs)
            except OSError as error:
                raise unwritable(moments, error) from error
    except BaseException:
        _drop(place, lock)
        raise
    raise AssertionError  # the last attempt returns or raises


def _fill(mirror: Mirror, place: Path, tables: Sequence[str], runs: Sequence[str] | None) -> None:
    """Link what is asked for.

    Raises:
        FileNotFoundError: some of it has been deleted since it was brought.
    """
    rows = newest_of(rows_of(mirror.folder, runs))
    mirror.bring(rows, tables)
    files = [*rows, *mirror.folder.glob("pairs/role=orchestrator/*/pair-*.parquet")]
    files += [schema_file(mirror.folder, table) for table in TABLES]
    files += [
        place_of(mirror.folder, row, file)
        for row in rows
        for file in mirror.named_by(row)
        if file.table in tables
    ]
    for folder in {file.parent for file in files}:
        (place / folder.relative_to(mirror.folder)).mkdir(parents=True, exist_ok=True)
    for file in files:
        link(file, place / file.relative_to(mirror.folder))


def _lock_of(place: Path) -> Path:
    return place.with_name(f"{place.name}.lock")


def _drop(place: Path, lock: BaseFileLock) -> None:
    shutil.rmtree(place, ignore_errors=True)
    lock.release()
    with suppress(OSError):
        _lock_of(place).unlink()


def _drop_left_over(moments: Path) -> None:
    """Delete the folders of processes that were killed: nobody holds their locks."""
    for place in moments.iterdir():
        if place.is_dir():
            with suppress(OSError, Timeout), FileLock(_lock_of(place), timeout=0):
                shutil.rmtree(place, ignore_errors=True)
                _lock_of(place).unlink()
