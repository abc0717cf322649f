"""The two kinds of places that a warehouse is copied between: a folder and an object store."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from dakota_wh.errors import NotAWarehouse, StoreProblem, WarehouseError
from dakota_wh.store import keys, listing, publish
from dakota_wh.store.address import Address
from dakota_wh.store.mirror import Mirror
from dakota_wh.store.objects import Objects
from dakota_wh.warehouse import catalogue, folder, pairs, sweep
from dakota_wh.warehouse.access import is_no_damage, not_readable, runs_must_be_listable
from dakota_wh.warehouse.connection import check_is_warehouse
from dakota_wh.warehouse.layout import PART_TABLES, part_id, run_folders
from dakota_wh.warehouse.parquet import STAGED_SUFFIX
from dakota_wh.warehouse.run_lock import run_lock
from dakota_wh.warehouse.run_row import RunRow, hash_of, live_parts, named_files, row_files


class End(Protocol):
    """One end of a copy. Keys are those of :mod:`dakota_wh.store.keys`."""

    #: As a person would write it.
    location: str

    def check(self) -> None:
        """Raise NotAWarehouse unless there is a warehouse."""

    def create(self) -> None:
        """Make it a warehouse, or leave it as it is."""

    def finish(self) -> None:
        """Do what is to be done once all of it is there."""

    def keys(self) -> dict[str, int]:
        """Return the size of every row, part and pair by its key, as it is now; nothing if none."""
        ...

    def rows(self, run_id: str) -> list[str]:
        """Return the keys of a run's rows as they are now, the oldest generation first."""
        ...

    def read(self, key: str) -> bytes:
        """Return the bytes of a row or a pair; FileNotFoundError if it is gone."""
        ...

    def local(self, key: str) -> AbstractContextManager[Path]:
        """Give a file with a part's bytes; FileNotFoundError if it is gone."""
        ...

    def write(self, file: Path, key: str, sha256: str) -> None:
        """Write a part whose bytes have that hash; it is there whole or not at all."""

    def write_pair(self, data: bytes, key: str) -> None:
        """Write a fixed pair."""

    def drop_pair(self, key: str) -> None:
        """Delete a fixed pair."""

    def turn(self, run_id: str) -> AbstractContextManager[None]:
        """Hold off this machine's other writers of a run."""
        ...

    def publish(self, row: RunRow, content: bytes, base: str | None) -> bool:
        """Make a run's parts what readers see, in place of the row ``base``.

        Returns False, and lets nothing be seen, if that is not the run's row any more, or a part
        has been deleted meanwhile.
        """
        ...

    def remove(self, run_id: str) -> None:
        """Delete a run."""


class FolderEnd:
    """A warehouse in a folder."""

    def __init__(self, root: Path) -> None:
        """Make an end of a folder."""
        self.root = root
        self.location = str(root)

    def check(self) -> None:
        """See :class:`End`."""
        check_is_warehouse(self.root)

    def create(self) -> None:
        """See :class:`End`."""
        folder.create(self.root)

    def finish(self) -> None:
        """See :class:`End`."""
        catalogue.refresh(self.root)

    def keys(self) -> dict[str, int]:
        """See :class:`End`."""
        found: dict[str, int] = {}
        for table in ("runs", "pairs", *PART_TABLES):
            runs_must_be_listable(self.root, table)
            for path in self.root.glob(f"{table}/role=*/run_id=*/*.parquet"):
                with suppress(FileNotFoundError):
                    found[path.relative_to(self.root).as_posix()] = path.stat().st_size
        return found

    def rows(self, run_id: str) -> list[str]:
        """See :class:`End`."""
        return [path.relative_to(self.root).as_posix() for path in row_files(self.root, run_id)]

    def read(self, key: str) -> bytes:
        """See :class:`End`."""
        return (self.root / key).read_bytes()

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """See :class:`End`."""
        yield self.root / key

    def write(self, file: Path, key: str, sha256: str) -> None:
        """See :class:`End`."""
        target = self.root / key
        with self._staged(target) as temporary:
            shutil.copyfile(file, temporary)
            _refuse_other(temporary, key, sha256)

    def write_pair(self, data: bytes, key: str) -> None:
        """See :class:`End`."""
        with pairs.turn(self.root), self._staged(self.root / key) as temporary:
            temporary.write_bytes(data)

    def drop_pair(self, key: str) -> None:
        """See :class:`End`."""
        (self.root / key).unlink(missing_ok=True)

    @contextmanager
    def turn(self, run_id: str) -> Iterator[None]:
        """See :class:`End`."""
        with run_lock(self.root, run_id):
            yield

    def publish(self, row: RunRow, content: bytes, base: str | None) -> bool:
        """See :class:`End`."""
        rows = self.rows(row.run_id)
        if rows[-1:] != ([] if base is None else [base]):
            return False
        # One that was there without a row when all was listed may have been swept since.
        if not all((self.root / keys.part_key(row, file)).exists() for file in named_files(row)):
            return False
        with self._staged(self.root / keys.row_key(row)) as temporary:
            temporary.write_bytes(content)
        for key in rows[:-1]:  # older than the state before, which stays for readers of it
            (self.root / key).unlink(missing_ok=True)
        for path in sweep.half_written(self.root, row.run_id):
            path.unlink(missing_ok=True)
        kept = live_parts(row)
        if base is not None:
            kept |= live_parts(publish.row_of(self.read(base), base))
        for table in PART_TABLES:
            for at in run_folders(self.root, table, row.run_id):
                for path in at.glob("part-*.parquet"):
                    if part_id(path) not in kept:
                        path.unlink(missing_ok=True)
        return True

    def remove(self, run_id: str) -> None:
        """See :class:`End`."""
        with run_lock(self.root, run_id):
            sweep.remove_run(self.root, run_id)

    @contextmanager
    def _staged(self, target: Path) -> Iterator[Path]:
        """Give a name that no reader sees; at the end the file takes the target's."""
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}{STAGED_SUFFIX}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            temporary.replace(target)
        except FileNotFoundError:  # what is copied has gone
            raise
        except OSError as error:
            read = Path(str(error.filename or self.root))
            if is_no_damage(error) and self.root not in (read, *read.parents):
                raise not_readable(read, error) from error
            raise NotAWarehouse(
                f"The warehouse {self.root} cannot be written: {error.strerror or error}.",
                hint="Make room, or mend its permissions, and sync again: it goes on from there.",
            ) from error
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


class StoreEnd:
    """A warehouse in an object store."""

    def __init__(self, address: Address) -> None:
        """Make an end of a store."""
        self.address = address
        self.location = str(address)
        self.objects = Objects(address)

    def check(self) -> None:
        """See :class:`End`."""
        if not listing.everything(self.objects).is_warehouse:
            raise NotAWarehouse(f"There is no warehouse at {self.address}.")

    def create(self) -> None:
        """See :class:`End`."""
        Mirror(self.address, objects=self.objects).create()

    def finish(self) -> None:
        """See :class:`End`."""

    def keys(self) -> dict[str, int]:
        """See :class:`End`."""
        return {key: entry.bytes for key, entry in self.objects.listed().items()}

    def rows(self, run_id: str) -> list[str]:
        """See :class:`End`."""
        return listing.of_runs(self.objects, [run_id]).rows.get(run_id, [])

    def read(self, key: str) -> bytes:
        """See :class:`End`."""
        return self.objects.read(key)

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """See :class:`End`."""
        with tempfile.TemporaryDirectory(prefix="dakota-wh-sync-") as place:
            path = Path(place) / "part"
            try:
                self.objects.download(key, path)
            except OSError as error:
                if isinstance(error, FileNotFoundError):
                    raise
                raise WarehouseError(
                    f"{place} cannot be written: {error.strerror or error}.",
                    hint="Make room, or name another folder for what is under way: TMPDIR=DIR",
                ) from error
            yield path

    def write(self, file: Path, key: str, sha256: str) -> None:
        """See :class:`End`."""
        _refuse_other(file, key, sha256)
        self.objects.upload(file, key)

    def write_pair(self, data: bytes, key: str) -> None:
        """See :class:`End`."""
        self.objects.put(key, data)

    def drop_pair(self, key: str) -> None:
        """See :class:`End`."""
        self.objects.delete([key])

    @contextmanager
    def turn(self, run_id: str) -> Iterator[None]:
        """See :class:`End`."""
        yield  # the claim does it, see publish

    def publish(self, row: RunRow, content: bytes, base: str | None) -> bool:
        """See :class:`End`."""
        return publish.publish_copy(self.objects, row, content, base)

    def remove(self, run_id: str) -> None:
        """See :class:`End`."""
        publish.remove(self.objects, run_id)


def _refuse_other(file: Path, key: str, sha256: str) -> None:
    if sha256 and hash_of(file) != sha256:
        raise StoreProblem(
            f"{key} is not what was stored: its bytes differ (SHA-256).",
            hint="dakota-wh doctor tells of all such files; ingest the run again with --force.",
        )
