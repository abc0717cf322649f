"""A folder on this machine with what was needed of a store's warehouse, so that all else reads it.

Rows and parts never change and have names of their own, so what is here is what is there. Each
read lists the store's rows anew; a row that is new is fetched, one that is gone is deleted with
the parts that only it named. A part is fetched when a connection is about to read it, held to the
SHA-256 that its row has, and takes its name in one rename. Processes share the folder without a
lock: what another one deletes under a reader makes the reader start over.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from dakota_wh.errors import NotAWarehouse, StoreProblem, UsageProblem, WarehouseError
from dakota_wh.store import cache, founding, keys, listing, room
from dakota_wh.store.address import MIRROR, Address, parse
from dakota_wh.store.arriving import arriving, drop_left_over, is_whole, link, unwritable
from dakota_wh.store.listing import Listing
from dakota_wh.store.named import Named
from dakota_wh.store.objects import Objects, together
from dakota_wh.store.row_bytes import whole
from dakota_wh.store.rows_here import forget, newest_of, place_of, rows_of, run_id_of
from dakota_wh.store.trouble import Vanished
from dakota_wh.warehouse import folder as local_folder
from dakota_wh.warehouse.layout import PART_TABLES
from dakota_wh.warehouse.live_files import gather
from dakota_wh.warehouse.origin import origin_of, register
from dakota_wh.warehouse.run_row import NamedFile, files_named, hash_of, named_files, read_row

#: How often rows are listed again because one went between the listing and its fetching.
_TRIES: Final = 6
_PAUSE: Final = 0.05


class Mirror:
    """The mirror of one store. Cheap to make; touches nothing until it is asked."""

    def __init__(
        self,
        address: Address,
        *,
        whole: bool = False,
        objects: Objects | None = None,
        folder: Path | None = None,
    ) -> None:
        """Make the mirror of a store.

        Args:
            address: the store.
            whole: have all parts of every run before its row, in a folder apart: for readers that
                do not ask for parts, like a shell on the catalogue.
            objects: what speaks to the store.
            folder: where the mirror lies, if another process has made it.
        """
        self.address = address
        self.objects = objects or Objects(address)
        main = folder or cache.folder_of(address)
        #: Where it lies.
        self.folder = main.with_name(f"{main.name}.whole") if whole else main
        self._main = main if whole else None
        self._named = Named(self.folder)
        #: Let one listing do for as long as nothing is published here: for a program that asks
        #: several times and then ends.
        self.one_listing = False
        self._listed: set[str] | None = set()
        if not whole:
            register(self.folder, self)

    def refresh(self, runs: Sequence[str] | None = None, *, required: bool = True) -> None:
        """Have the rows of the store as they are now: of all runs with the pairs, or of some runs.

        Raises:
            NotAWarehouse: the store holds no warehouse, unless none is ``required``.
            WarehouseError: the store cannot be read, or the folder not be written.
        """
        if self.one_listing and (self._listed is None or (runs and self._listed.issuperset(runs))):
            return
        self._make()
        if self._main is not None:
            with suppress(OSError):
                os.utime(self.folder)  # a shell begins
        for attempt in range(_TRIES):
            try:
                found = self._list(runs, required)
                if found.is_warehouse is False and required:
                    raise NotAWarehouse(
                        f"There is no warehouse at {self.address}.",
                        hint="Ingest a run first (dakota-wh ingest …), or give --warehouse.",
                    )
                new = self._fetch_rows(found)
                break
            except Vanished:
                if attempt == _TRIES - 1:
                    raise
                time.sleep(_PAUSE * 2**attempt)
        if new:
            gather(self.folder)
        forget(self.folder, found, runs if found.pairs is None else None, self._files_here)
        if found.pairs is not None:
            self._listed = None
        elif self._listed is not None and runs is not None:
            self._listed.update(runs)

    def changed(self) -> None:
        """Take no earlier listing for the store's state any more."""
        self._listed = set()

    def _list(self, runs: Sequence[str] | None, required: bool) -> Listing:
        if runs:
            found = listing.of_runs(self.objects, runs)
            if not required or all(run in found.rows for run in runs):
                return found  # else it may be no warehouse, or a run that is not there
        return listing.everything(self.objects)

    def bring(self, rows: Sequence[Path], tables: Iterable[str]) -> None:
        """Have the parts of some tables that row files name; see :class:`Origin`."""
        wanted = {*tables} & {*PART_TABLES}
        missing = [
            (row, file)
            for row in newest_of(rows)
            for file in self.named_by(row)
            if file.table in wanted and not self._is_here(place_of(self.folder, row, file))
        ]
        try:
            together(lambda one: self._fetch_part(*one), missing)
            if missing:
                room.make()
        except Vanished as error:
            self.changed()
            self.refresh()
            now = newest_of(rows_of(self.folder))
            if all(row in now for row in newest_of(rows)):
                raise StoreProblem(
                    f"{self.address} has lost a part of a run: {error}.",
                    hint="dakota-wh doctor names it; ingest that run again to put it back.",
                ) from error
            raise FileNotFoundError(str(error)) from error  # published anew since it was listed

    def bring_runs(self, runs: Sequence[str] | None = None) -> None:
        """Have all parts of some runs, or of all; rows are as of the last refresh."""
        self.bring(rows_of(self.folder, runs), PART_TABLES)

    def create(self) -> None:
        """Make the store a warehouse, or leave it as it is when it is one."""
        self._make()
        founding.found(self.objects, self.folder)

    def adopt(self, file: Path, key: str) -> None:
        """Keep a file that has just been published, instead of fetching it later."""
        with suppress(OSError), arriving(self.folder, self.folder / key) as temporary:
            link(file, temporary)
        room.make()

    def _make(self) -> None:
        room.limit()  # that it is a size is said before anything is done
        cache.make(self.folder)
        try:
            says = self.folder / MIRROR
            if not says.exists() and self._main is None:
                with arriving(self.folder, says) as temporary:
                    temporary.write_text(json.dumps({"url": str(self.address)}), encoding="utf-8")
            local_folder.create(self.folder)
            drop_left_over(self.folder)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        except NotAWarehouse as error:
            if isinstance(error.__cause__, OSError):
                raise unwritable(self.folder, error.__cause__) from error
            raise

    def _is_here(self, part: Path) -> bool:
        """Return whether a part need not be fetched; then it counts as used now."""
        return is_whole(part) and (self._main is not None or room.used(part))

    def _fetch_rows(self, found: Listing) -> int:
        new = [rows[-1] for rows in found.rows.values() if not is_whole(self.folder / rows[-1])]
        if found.pairs is not None:
            new += [key for key in sorted(found.pairs) if not is_whole(self.folder / key)]
        together(self._fetch_row, new)
        return len(new)

    def _fetch_row(self, key: str) -> None:
        data = self.objects.read(key)
        row = whole(data, key)
        if row is None:
            raise StoreProblem(
                f"The object {key} of {self.address} is damaged: it is no row of a run.",
                hint="Delete it: the run is then as it was before, and its next ingest mends it.",
            )
        target = self.folder / key
        if self._main is not None and keys.run_of(key):
            self._bring_before(target, data)
        with arriving(self.folder, target) as temporary:
            temporary.write_bytes(data)
        if keys.run_of(key):
            self._named.add(key, files_named(row["files"][0].as_py(), row["hashes"][0].as_py()))

    def _bring_before(self, target: Path, data: bytes) -> None:
        row = read_row(target, run_id_of(target), content=data)
        for file in named_files(row):
            if not is_whole(place_of(self.folder, target, file)):
                self._fetch_part(target, file)

    def _fetch_part(self, row: Path, file: NamedFile) -> None:
        """Fetch a part; it gets its name here only if it is what was stored."""
        target = place_of(self.folder, row, file)
        key = target.relative_to(self.folder).as_posix()
        with arriving(self.folder, target) as temporary:
            if self._main is not None and is_whole(self._main / key):
                with suppress(OSError):
                    link(self._main / key, temporary)
                    return
            for attempt in (1, 2):  # the second time because a line may have turned a bit
                self.objects.download(key, temporary)
                if not file.sha256 or hash_of(temporary) == file.sha256:
                    return
                if attempt == 2:
                    raise StoreProblem(
                        f"The object {key} of {self.address} is not what was stored: its bytes"
                        " differ (SHA-256).",
                        hint=f"To put it back, ingest {run_id_of(row)} again with --force.",
                    )

    def _files_here(self, row: Path) -> list[NamedFile]:
        """Return the files that a row names, none if it cannot be read."""
        with suppress(WarehouseError, OSError):
            return self.named_by(row)
        return []

    def named_by(self, row: Path) -> list[NamedFile]:
        """Return the files that a row names.

        Raises:
            NotAWarehouse, OSError: it cannot be read.
        """
        key = row.relative_to(self.folder).as_posix()
        found = self._named.of(key)
        if found is None:
            found = named_files(read_row(row, run_id_of(row)))
            self._named.add(key, found)
        return found


def mirror_of(root: Path) -> Mirror | None:
    """Return the mirror whose folder this is, also one that another process made; else None."""
    known = origin_of(root)
    if isinstance(known, Mirror):
        return known
    says = root / MIRROR
    if not says.is_file():
        return None
    try:
        address = parse(json.loads(says.read_text(encoding="utf-8"))["url"])
    except (ValueError, KeyError, TypeError, UsageProblem) as error:
        raise NotAWarehouse(
            f"{root} is the cache of a store, and {says.name} in it does not say of which.",
            hint=f"Delete it, and name the store's address: rm -r {shlex.quote(str(root))}",
        ) from error
    return Mirror(address, folder=root)
