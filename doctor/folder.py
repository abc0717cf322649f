"""The warehouse's folder: its runs' files, its catalogue, and who is writing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dakota_wh.doctor.told import State, Told
from dakota_wh.errors import NotReadable, WarehouseError
from dakota_wh.warehouse import catalogue
from dakota_wh.warehouse.access import not_readable
from dakota_wh.warehouse.connection import check_is_warehouse
from dakota_wh.warehouse.integrity import Examined, examine, examine_schema
from dakota_wh.warehouse.layout import CATALOGUE
from dakota_wh.warehouse.run_lock import held_locks

_ABOUT: Final = "warehouse"
_MOST_FAULTS: Final = 5


def look(root: Path, *, quick: bool) -> Iterator[Told]:
    """Yield what is found; with ``quick`` only the files' footers are read, not all their bytes."""
    try:
        check_is_warehouse(root)
    except WarehouseError as error:
        closed = isinstance(error, NotReadable)
        empty = not closed and not root.exists()
        state = State.NOTE if empty else State.ERROR
        what = f"{root} does not exist yet" if empty else error.message
        do = error.hint if closed else "dakota-wh ingest …, or dakota-wh demo"
        yield Told(_ABOUT, "folder", state, what, do)
        return
    if not os.access(root, os.W_OK):
        what = f"{root} cannot be written: queries work, ingest does not"
        yield Told(_ABOUT, "folder", State.WARNING, what, f"chmod u+w {shlex.quote(str(root))}")
    for looked in (look_at_runs(root, quick=quick), _catalogue(root), _locks(root)):
        try:
            yield from looked
        except NotReadable as error:
            yield Told(_ABOUT, "folder", State.ERROR, error.message, error.hint)
        except OSError as error:
            problem = not_readable(Path(error.filename or root), error)
            yield Told(_ABOUT, "folder", State.ERROR, problem.message, problem.hint)


def look_at_runs(root: Path, *, quick: bool) -> Iterator[Told]:
    """Yield what is found in the runs' files."""
    runs = files = size = unnamed = harmed = 0
    for fault in examine_schema(root):
        what = (
            f"{fault}; no query of its table answers" if fault.what != "is missing" else str(fault)
        )
        yield Told(_ABOUT, "schema", State.ERROR, what, "dakota-wh rebuild")
    for run in examine(root, quick=quick):
        runs, files, size = runs + 1, files + run.files, size + run.bytes
        unnamed += run.unnamed
        harmed += bool(run.faults)
        yield from _faults(run)
    what = f"{runs} runs, {files} files, {size / 1e6:,.1f} MB; "
    if harmed:
        yield Told(_ABOUT, "runs", State.NOTE, f"{what}{harmed} of the runs damaged, as said")
    else:
        what += "footers read" if quick else "every byte read and held to its hash"
        yield Told(_ABOUT, "runs", State.OK, what)
    if unnamed:
        what = f"{unnamed} files of earlier states, kept until their run's next ingest"
        yield Told(_ABOUT, "runs", State.NOTE, what)


def _faults(run: Examined) -> Iterator[Told]:
    # What costs most to mend goes first, since it mends the rest as well.
    faults = sorted(run.faults, key=lambda fault: fault.derived)
    for fault in faults[:_MOST_FAULTS]:
        yield Told(_ABOUT, f"run {run.run_id}", State.ERROR, str(fault), fault.do)
    more = len(faults) - _MOST_FAULTS
    if more > 0:
        do = faults[0].do
        yield Told(_ABOUT, f"run {run.run_id}", State.ERROR, f"and {more} more files", do)


def _catalogue(root: Path) -> Iterator[Told]:
    if catalogue.is_current(root):
        yield Told(_ABOUT, CATALOGUE, State.OK, "holds the views of this version")
        return
    if catalogue.shell_is_writing(root):
        what = "is old, and a shell has changes of its own beside it"
        do = "close that shell, then: dakota-wh runs"
        yield Told(_ABOUT, CATALOGUE, State.WARNING, what, do)
        return
    what = "is missing" if not (root / CATALOGUE).exists() else "is of another version or place"
    yield Told(_ABOUT, CATALOGUE, State.WARNING, what, "dakota-wh runs, which makes it anew")


def _locks(root: Path) -> Iterator[Told]:
    held = held_locks(root)
    for path, who in held.items():
        what = f"held by {who or 'some process'}: it is being written now"
        yield Told("locks", path.stem, State.NOTE, what, "wait for it, or end it")
    if not held:
        yield Told("locks", "locks", State.OK, "none is held")
