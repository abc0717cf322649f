"""How a run is changed, wherever the warehouse lies: the one thing that ingest asks of this room.

In a folder that is: hold the run's lock, do it. In a store: have the run's live state in a folder
of this process's own, do it there, publish what came of it; where somebody else has published
meanwhile, do it again on top of that.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from dakota_wh.errors import NotAWarehouse, StoreProblem, WarehouseError
from dakota_wh.store import keys, publish
from dakota_wh.store.arriving import link
from dakota_wh.store.mirror import Mirror, mirror_of
from dakota_wh.store.publish import Outcome
from dakota_wh.store.row_bytes import is_whole
from dakota_wh.store.trouble import Vanished
from dakota_wh.warehouse import folder, sweep
from dakota_wh.warehouse.layout import STATE_FOLDER, encode_run_id
from dakota_wh.warehouse.run_lock import WAIT, run_lock
from dakota_wh.warehouse.run_row import RunRow, named_files, newest, row_files

T = TypeVar("T")

_TRIES: Final = 12
_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0


def create(root: Path) -> None:
    """Make the place a warehouse, or leave it as it is when it is one; see ``folder.create``."""
    mirror = mirror_of(root)
    if mirror is None:
        folder.create(root)
    else:
        mirror.create()


@contextmanager
def turn(root: Path, run_id: str, *, wait: float = WAIT) -> Iterator[None]:
    """Hold the run's lock against this machine's other processes; see ``run_lock``.

    In a folder nothing else is needed. Between machines, :func:`change` sees to it.
    """
    with run_lock(root, run_id, wait=wait):
        yield


def change(root: Path, run_id: str, work: Callable[[Path], T]) -> T:
    """Do work that may publish a run anew; return what it returns.

    Called within :func:`turn`. In a store the work may be done several times, so it must do
    nothing but read its source and write below the folder that it is given.

    Args:
        root: the warehouse's folder, or the mirror's of one in a store.
        run_id: the run.
        work: what is done, given the folder to do it in.

    Raises:
        WarehouseError: the store fails, or others publish the run all the time.
    """
    mirror = mirror_of(root)
    if mirror is None:
        return work(root)
    again = False
    for attempt in range(_TRIES):
        mirror.changed()
        mirror.refresh([run_id], required=False)
        base = _base(mirror, run_id)
        with _workshop(mirror, run_id) as place:
            _furnish(mirror, place, base)
            result = work(place)
            if not again and _same(base, newest(place, run_id)):
                return result
            outcome = publish.publish(mirror, place, run_id, base)
            if outcome is Outcome.DONE:
                return result
            again |= outcome is Outcome.OVERTAKEN
        time.sleep(random.uniform(0.5, 1) * min(_PAUSE * 2**attempt, _LONGEST_PAUSE))  # noqa: S311
    raise WarehouseError(
        f"Run {run_id} could not be published: others publish it all the time.",
        hint="Wait for them, or end them, and try again.",
    )


def remove(root: Path, run_id: str, *, still_there: Callable[[], None] = lambda: None) -> None:
    """Delete a run, and all that it has.

    Args:
        root: the warehouse's folder.
        run_id: the run.
        still_there: called when nobody else can change the run any more here; it may raise.

    Raises:
        WarehouseError: another process writes it, or the store fails.
    """
    with turn(root, run_id):
        still_there()
        mirror = mirror_of(root)
        if mirror is None:
            sweep.remove_run(root, run_id)
            return
        publish.remove(mirror.objects, run_id)
        mirror.changed()
        mirror.refresh([run_id], required=False)


def tidy(root: Path) -> None:
    """Delete what writers who died have left in a store; a folder's is swept run by run."""
    mirror = mirror_of(root)
    if mirror is not None:
        publish.sweep(mirror.objects)


def _base(mirror: Mirror, run_id: str) -> RunRow | None:
    """Return the run's live row; one that is damaged here, and not in the store, is fetched anew.

    Raises:
        NotAWarehouse: a later version of this program wrote it.
    """
    try:
        return newest(mirror.folder, run_id)
    except NotAWarehouse:
        for path in row_files(mirror.folder, run_id):
            if not is_whole(path.read_bytes(), path.relative_to(mirror.folder).as_posix()):
                path.unlink()
    mirror.changed()
    mirror.refresh([run_id], required=False)
    return newest(mirror.folder, run_id)


def _same(base: RunRow | None, row: RunRow | None) -> bool:
    if base is None or row is None:
        return base is row
    return (base.generation, base.publication) == (row.generation, row.publication)


@contextmanager
def _workshop(mirror: Mirror, run_id: str) -> Iterator[Path]:
    """Give an empty folder; what a killed process left of the same run goes first."""
    shop = mirror.folder / STATE_FOLDER / "work"
    name = encode_run_id(run_id)[:200]
    for old in shop.glob(f"{name}+*"):  # the run's lock is held, so nobody works there
        shutil.rmtree(old, ignore_errors=True)
    place = shop / f"{name}+{os.getpid()}-{secrets.token_hex(4)}"
    try:
        place.mkdir(parents=True)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _furnish(mirror: Mirror, place: Path, base: RunRow | None) -> None:
    """Put the run's live state into a folder; a part that is lost or damaged is left out.

    An ingest reads the source anew then, which puts it back.
    """
    if base is None:
        return
    with suppress(StoreProblem, Vanished, FileNotFoundError):
        mirror.bring_runs([base.run_id])
    parts = [keys.part_key(base, file) for file in named_files(base)]
    for key in (*parts, keys.row_key(base)):
        if (mirror.folder / key).is_file():
            (place / key).parent.mkdir(parents=True, exist_ok=True)
            link(mirror.folder / key, place / key)
