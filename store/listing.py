"""Which rows a store has now: always asked, never remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from dakota_wh.store import keys
from dakota_wh.store.objects import Entry, Objects, together
from dakota_wh.warehouse.layout import PART_TABLES, ROLES, part_id


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows and pairs of a store, or the rows of some runs of it."""

    #: The keys of each run's rows, the oldest generation first; the last one is the run.
    rows: dict[str, list[str]]
    #: The keys of fixed pairs; None where they were not asked for.
    pairs: frozenset[str] | None
    #: Whether the store is known to hold a warehouse; None where that was not asked.
    is_warehouse: bool | None


def everything(objects: Objects) -> Listing:
    """List the rows of all runs, and the pairs."""
    rows, pairs = together(objects.listed, ["runs", "pairs"])
    return Listing(
        keys.rows_by_run(rows),
        frozenset(key for key in pairs if keys.is_pair(key)),
        keys.MARK in rows or any(keys.run_of(key) for key in rows),
    )


def of_runs(objects: Objects, runs: Sequence[str]) -> Listing:
    """List the rows of some runs only: a request for each role of each."""
    folders = [keys.folder_key("runs", role, run) for run in runs for role in ROLES]
    found = together(objects.listed, folders)
    rows = keys.rows_by_run(key for listed in found for key in listed)
    return Listing(rows, None, None)


def parts_listed(objects: Objects, role: str, run_id: str) -> dict[str, Entry]:
    """Return all parts of a run in a role by key, whether a row names them or not."""
    folders = [keys.folder_key(table, role, run_id) for table in PART_TABLES]
    found = together(objects.listed, folders)
    return {
        key: entry
        for listed in found
        for key, entry in listed.items()
        if _id(key.rpartition("/")[2]) >= 0
    }


def _id(name: str) -> int:
    try:
        return part_id(PurePosixPath(name))
    except ValueError:
        return -1
