"""The store that a warehouse lies in: whether it answers, and has all that its rows name."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from dakota_wh.doctor.folder import look_at_runs
from dakota_wh.doctor.told import State, Told
from dakota_wh.errors import NotAWarehouse, WarehouseError
from dakota_wh.store.contents import Contents, contents_of
from dakota_wh.store.mirror import Mirror
from dakota_wh.store.trouble import Vanished

_ABOUT: Final = "warehouse"
_MOST: Final = 5


def look(mirror: Mirror, *, quick: bool) -> Iterator[Told]:
    """Yield what is found; with ``quick`` nothing but the run rows is fetched."""
    try:
        mirror.refresh()
        found = contents_of(mirror)
    except (WarehouseError, Vanished) as error:
        yield _unreadable(error)
        return
    what = f"{mirror.address} answers: {found.objects} objects, {found.bytes / 1e6:,.1f} MB"
    yield Told(_ABOUT, "store", State.OK, what)
    yield from _lost(found)
    if found.unnamed:
        what = f"{found.unnamed} files of earlier states, or left by writers who died"
        yield Told(_ABOUT, "store", State.NOTE, what, "dakota-wh rebuild deletes those of before")
    if quick:
        return
    for run_id in found.runs:
        try:
            mirror.bring_runs([run_id])
        except (WarehouseError, OSError) as error:
            what = error.message if isinstance(error, WarehouseError) else str(error)
            yield Told(_ABOUT, f"run {run_id}", State.ERROR, what, _again(run_id))
    yield from look_at_runs(mirror.folder, quick=False)


def _unreadable(error: WarehouseError | Vanished) -> Told:
    if isinstance(error, NotAWarehouse):
        return Told(_ABOUT, "store", State.NOTE, error.message, "dakota-wh ingest …")
    if isinstance(error, Vanished):
        return Told(_ABOUT, "store", State.ERROR, str(error), "try again")
    return Told(_ABOUT, "store", State.ERROR, error.message, error.hint, error.exit_code)


def _lost(found: Contents) -> Iterator[Told]:
    for run_id, parts in found.lost.items():
        more = f" and {len(parts) - _MOST} more" if len(parts) > _MOST else ""
        what = f"lost by the store: {', '.join(parts[:_MOST])}{more}"
        yield Told(_ABOUT, f"run {run_id}", State.ERROR, what, _again(run_id))


def _again(run_id: str) -> str:
    return f"ingest {shlex.quote(run_id)} again with --force"
