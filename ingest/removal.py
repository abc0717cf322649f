"""A run is removed from the warehouse, wherever that lies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dakota_wh.errors import NotAWarehouse, NotReadable, StoredByNewer
from dakota_wh.store.changing import remove as remove_run
from dakota_wh.warehouse import gathered
from dakota_wh.warehouse.connection import check_is_warehouse
from dakota_wh.warehouse.origin import origin_of
from dakota_wh.warehouse.query import known_runs
from dakota_wh.warehouse.run_row import newest
from dakota_wh.warehouse.sweep import is_left_behind


def must_be_removable(root: Path, run_ids: Sequence[str]) -> None:
    """Raise unless each run is stored, or is what a killed removal left of one.

    Raises:
        NotAWarehouse: there is no warehouse.
        StoredByNewer: a newer program stored one: who knows what else it has.
        NoSuchRun: it is not.
    """
    check_is_warehouse(root)
    here = origin_of(root) is None  # in a mirror parts without a row are only a cache
    stored = [one for one in run_ids if not (here and is_left_behind(root, one))]
    known_runs(root, stored)
    for run_id in stored:
        try:
            newest(root, run_id)
        except (StoredByNewer, NotReadable):
            raise
        except NotAWarehouse:
            continue  # a row that is damaged; removing the run mends that


def remove(root: Path, run_id: str) -> None:
    """Delete a run from the warehouse; see :meth:`dakota_wh.api.Warehouse.remove`.

    Of two who do it at once the second hears that there is no such run.
    """
    must_be_removable(root, [run_id])
    remove_run(root, run_id, still_there=lambda: must_be_removable(root, [run_id]))
    gathered.drop(root)
