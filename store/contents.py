"""All that a store holds, by one listing of it: for those who look whether it is all there."""

from __future__ import annotations

from dataclasses import dataclass

from dakota_wh.store import keys
from dakota_wh.store.mirror import Mirror
from dakota_wh.warehouse.run_row import named_files, newest


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found."""

    objects: int
    bytes: int
    runs: list[str]
    #: The keys of parts that a run's live row names and that are not there, by run.
    lost: dict[str, list[str]]
    #: Parts that no live row names.
    unnamed: int


def contents_of(mirror: Mirror) -> Contents:
    """List a store whose rows the mirror has."""
    listed = mirror.objects.listed()
    named: set[str] = set()
    lost: dict[str, list[str]] = {}
    runs = sorted(keys.rows_by_run(listed))
    for run_id in runs:
        row = newest(mirror.folder, run_id)
        if row is None:
            continue
        of_run = {keys.part_key(row, one) for one in named_files(row)}
        if gone := sorted(of_run - {*listed}):
            lost[run_id] = gone
        named |= of_run
    parts = {key for key in listed if keys.run_of_part(key) is not None}
    size = sum(entry.bytes for entry in listed.values())
    return Contents(len(listed), size, runs, lost, len(parts - named))
