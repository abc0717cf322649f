"""A warehouse is copied between folders and object stores: only what differs, rows last.

Parts are immutable and have names of their own, so one that is there need not be copied; each is
held to the SHA-256 that its row has. A run's row is written when all its parts are there, so that
a copy that was broken off shows each run as it was or as it is, and goes on where it ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from dakota_wh.errors import (
    NotAWarehouse,
    SourceUnreachable,
    StoreProblem,
    StoreRefused,
    UsageProblem,
    WarehouseError,
)
from dakota_wh.store import keys
from dakota_wh.store.address import is_address, parse
from dakota_wh.store.ends import End, FolderEnd, StoreEnd
from dakota_wh.store.objects import together
from dakota_wh.store.publish import row_of
from dakota_wh.store.row_bytes import is_whole
from dakota_wh.store.synced import Synced
from dakota_wh.warehouse.run_row import NamedFile, RunRow, named_files

_TRIES: Final = 4
#: Runs that are copied at once: most of a small one's time is waiting for one answer after another.
_SIDE_BY_SIDE: Final = 16


def end_of(place: str) -> End:
    """Return the end of a copy that a folder's name or a store's address means."""
    if is_address(place):
        return StoreEnd(parse(place))
    return FolderEnd(Path(place).expanduser())


def sync(
    source: str,
    target: str,
    *,
    delete: bool = False,
    dry_run: bool = False,
    tell: Callable[[Synced], None] | None = None,
) -> list[Synced]:
    """Copy the runs of ``source`` that ``target`` has not, or has in an older generation.

    Args:
        source: a folder or an address.
        target: likewise; it is made if need be.
        delete: remove runs and pairs of ``target`` that ``source`` has not.
        dry_run: write nothing; return what would be done.
        tell: called with each outcome as it comes.

    Returns:
        An outcome a run, and one of ``run_id`` ``""`` if pairs were copied.

    Raises:
        UsageProblem: the two are one place, or one lies in the other.
        NotAWarehouse: there is no warehouse at ``source``.
        WarehouseError: a store cannot be reached, or refuses.
    """
    return run(end_of(source), end_of(target), delete=delete, dry_run=dry_run, tell=tell)


def run(
    source: End,
    target: End,
    *,
    delete: bool = False,
    dry_run: bool = False,
    tell: Callable[[Synced], None] | None = None,
) -> list[Synced]:
    """Do :func:`sync` between two ends."""
    if _absolute(source) == _absolute(target):
        raise UsageProblem(f"{source.location} cannot be copied onto itself.")
    _refuse_nested(source, target)
    source.check()
    if not dry_run:
        target.create()
    outcomes = []
    for outcome in _Copy(source, target, delete, dry_run).outcomes():
        outcomes.append(outcome)
        if tell is not None:
            tell(outcome)
    if not dry_run:
        target.finish()
    return outcomes


def _absolute(end: End) -> str:
    return os.path.realpath(end.location) if isinstance(end, FolderEnd) else end.location


def _refuse_nested(source: End, target: End) -> None:
    """Raise if one of two folders lies in the other: a warehouse holds nothing but its own files.

    Raises:
        UsageProblem: it does.
    """
    if not (isinstance(source, FolderEnd) and isinstance(target, FolderEnd)):
        return
    ends = [Path(os.path.realpath(end.root)) for end in (source, target)]
    if ends[0] in ends[1].parents or ends[1] in ends[0].parents:
        raise UsageProblem(
            f"{source.location} and {target.location} lie one in the other.",
            hint="Copy to a folder beside it.",
        )


class _Copy:
    """One pass over both places, which are listed once."""

    def __init__(self, source: End, target: End, delete: bool, dry_run: bool) -> None:
        self.source, self.target = source, target
        self.delete, self.dry_run = delete, dry_run
        self.there = target.keys()
        self.from_keys = source.keys()
        self.rows = keys.rows_by_run(self.from_keys)
        self.target_rows = keys.rows_by_run(self.there)
        #: Runs that have changed since then at one of the places: nothing listed of them holds.
        self.moved: set[str] = set()

    def outcomes(self) -> Iterator[Synced]:
        runs = sorted(self.rows)
        for start in range(0, len(runs), _SIDE_BY_SIDE):
            yield from together(self._run_or_error, runs[start : start + _SIDE_BY_SIDE])
        yield from self._pairs()
        if self.delete:
            for run_id in sorted({*self.target_rows} - {*self.rows}):
                if not self.dry_run:
                    self.target.remove(run_id)
                yield Synced(run_id, "removed")

    def _run_or_error(self, run_id: str) -> Synced:
        try:
            return self._run(run_id)
        except (SourceUnreachable, StoreRefused):  # as the next one will be
            raise
        except WarehouseError as error:
            return Synced(run_id, "failed", note=error.message, error=error)

    def _run(self, run_id: str) -> Synced:
        for _ in range(_TRIES):
            rows, base = self.rows[run_id], self.target_rows.get(run_id, [])[-1:]
            why = _why_left(rows, base, self.target.location)
            if why is not None:
                return Synced(run_id, "left" if why else "unchanged", note=why)
            try:
                outcome = self._copy(run_id, rows[-1], base[0] if base else None)
            except FileNotFoundError:  # published anew at the source since it was listed
                outcome = None
            if outcome is not None:
                return outcome
            self.rows[run_id] = self.source.rows(run_id)
            self.target_rows[run_id] = self.target.rows(run_id)
            self.moved.add(run_id)
            if not self.rows[run_id]:
                return Synced(run_id, "left", note="it was removed at the source meanwhile")
        raise WarehouseError(
            f"Run {run_id} is being written by another process.", hint="Sync again later."
        )

    def _copy(self, run_id: str, key: str, base: str | None) -> Synced | None:
        """Copy one run; None if one of the two places has changed meanwhile."""
        content = self.source.read(key)
        if not is_whole(content, key):
            raise StoreProblem(
                f"{key} of {self.source.location} is damaged: it is no row of a run."
            )
        row = row_of(content, key)
        files = self._files(row)
        parts = [(keys.part_key(row, file), file) for file in files]
        again = run_id in self.moved
        missing = [(part, file) for part, file in parts if again or not self._is_there(part)]
        size = len(content) + sum(self.from_keys.get(part, 0) for part, _ in missing)
        if not self.dry_run:
            with self.target.turn(run_id):
                together(lambda one: self._part(*one), missing)
                if not self.target.publish(row, content, base):
                    return None
        return Synced(run_id, "copied", len(missing) + 1, size)

    def _files(self, row: RunRow) -> list[NamedFile]:
        files = named_files(row)
        if row.parts and len(files) != len(row.parts):
            raise NotAWarehouse(
                f"Run {row.run_id} was stored by an earlier dakota-wh, without its files' names.",
                hint=f"Write it anew first: dakota-wh rebuild --warehouse {self.source.location}",
            )
        return files

    def _is_there(self, part: str) -> bool:
        return part in self.there and self.there[part] == self.from_keys.get(part)

    def _part(self, part: str, file: NamedFile) -> None:
        with self.source.local(part) as path:
            self.target.write(path, part, file.sha256)

    def _pairs(self) -> Iterator[Synced]:
        here = {key for key in self.from_keys if keys.is_pair(key)}
        there = {key for key in self.there if keys.is_pair(key)}
        new, surplus = sorted(here - there), sorted(there - here) if self.delete else []
        if not self.dry_run:
            for key in surplus:
                self.target.drop_pair(key)
            for key in new:
                self.target.write_pair(self.source.read(key), key)
        if new:
            yield Synced("", "copied", len(new), sum(self.from_keys[key] for key in new), "pairs")
        if surplus:
            yield Synced("", "removed", len(surplus), note="pairs")


def _why_left(rows: list[str], base: list[str], where: str) -> str | None:
    """Return why the target's state of a run stays, "" if it is the same, None if it does not.

    A publication's id stays with it wherever it is copied to.
    """
    if not base:
        return None
    (generation, publication), (there, present) = keys.order_of(rows[-1]), keys.order_of(base[0])
    if publication == present:
        return ""
    if present in {keys.order_of(row)[1] for row in rows} or there < generation:
        return None
    if there == generation:
        return f"{where} has another state of generation {there}, which did not come from here"
    return f"{where} has a newer state (generation {there}, here {generation})"
