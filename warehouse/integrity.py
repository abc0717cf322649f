"""Whether what is stored is what was stored: every file of every run, read and held to its row.

A damaged byte is found by the SHA-256 of its file, which the run's row holds. Where it holds none,
an earlier version having written it, all pages are decoded and held to the CRC-32 that the Parquet
format keeps for each. Counts are held to the certificate: the rows of
``history``, the steps of ``steps``, and the values that ``series`` says ``metrics`` has.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dakota_wh.errors import NotReadable, WarehouseError
from dakota_wh.warehouse.access import is_no_damage, not_readable
from dakota_wh.warehouse.folder import schema_faults
from dakota_wh.warehouse.layout import (
    DERIVED_TABLES,
    PART_TABLES,
    encode_run_id,
    mends_part,
    part_id,
    part_of,
    run_folders,
    stored_run_ids,
)
from dakota_wh.warehouse.parts import paths_of
from dakota_wh.warehouse.run_row import (
    RunRow,
    hash_of,
    known_hashes,
    live_parts,
    named_files,
    newest,
)

_CHANGED: Final = "is not the file that was stored: its bytes differ"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was stored."""

    run_id: str
    #: A file below the warehouse's folder, ``""`` where it is about the run.
    file: str
    what: str
    #: What to type where it is no damage.
    instead: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.what}" if self.file else self.what

    @property
    def derived(self) -> bool:
        """Whether it is about a file that can be made anew from the stored history."""
        return self.file.partition("/")[0] in DERIVED_TABLES

    @property
    def do(self) -> str:
        """What to type."""
        return self.instead or mends_part(self.file.partition("/")[0], self.run_id)


@dataclass(frozen=True, slots=True)
class Examined:
    """A run after its files were read."""

    run_id: str
    files: int
    bytes: int
    faults: tuple[Fault, ...]
    #: Files that no row names: earlier states, or what a killed ingest left. Harmless.
    unnamed: int = 0


def examine(root: Path, *, quick: bool = False) -> Iterator[Examined]:
    """Yield each run after its files were read; with ``quick`` only their footers are."""
    for run_id in stored_run_ids(root):
        try:
            row = newest(root, run_id)
        except WarehouseError as error:
            instead = error.hint if isinstance(error, NotReadable) else ""
            yield Examined(run_id, 0, 0, (Fault(run_id, "", error.message, instead),))
            continue
        if row is not None:  # else it was removed meanwhile
            yield _run(root, row, quick)


def examine_schema(root: Path) -> Iterator[Fault]:
    """Yield what is wrong with the files of no rows that give each table its columns."""
    for path, what in schema_faults(root):
        yield Fault("", path.relative_to(root).as_posix(), what)


def check_parts(root: Path, row: RunRow, tables: Iterable[str]) -> None:
    """Raise unless every part of some tables of a run is what was stored.

    Raises:
        FileNotFoundError: one is not there; the run may have been published anew meanwhile.
        NotReadable: one may not or cannot be read now.
        WarehouseError: one is damaged.
    """
    hashes, wanted = known_hashes(row), list(tables)
    paths = [path for table in wanted for path in paths_of(root, row, table)]
    there = {path.name for path in paths}
    for one in named_files(row):
        if one.table in wanted and one.name not in there:
            raise FileNotFoundError(f"{one.table}/{one.name}")
    for path in paths:
        told = hashes.get(part_id(path))
        try:
            what = "" if told else _unreadable(path)
            if told and hash_of(path) != told:
                what = _CHANGED
        except FileNotFoundError:
            raise
        except OSError as error:
            if is_no_damage(error):
                raise not_readable(path, error) from error
            what = f"cannot be read: {_first_line(error)}"
        if what:
            raise damaged(Fault(row.run_id, path.relative_to(root).as_posix(), what))


def damaged(fault: Fault) -> WarehouseError:
    """Return the error of somebody who wanted to use what is damaged."""
    return WarehouseError(
        f"Run {fault.run_id} is damaged: {fault}.",
        hint=f"To mend it: {fault.do}. All faults: dakota-wh doctor",
    )


def _unreadable(path: Path) -> str:
    """Return why the pages of a file that was never hashed cannot be read, ``""`` if they can."""
    try:
        _rows(path, footer=False)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError) or is_no_damage(error):
            raise
        return f"cannot be read: {_first_line(error)}"
    return ""


def _run(root: Path, row: RunRow, quick: bool) -> Examined:
    faults: list[Fault] = []
    counts: dict[str, int] = {}
    files = size = 0
    found: set[int] = set()
    hashes = {} if quick else known_hashes(row)
    for table in PART_TABLES:
        try:
            paths = paths_of(root, row, table)
        except NotReadable as error:
            faults.append(Fault(row.run_id, "", error.message.rstrip("."), error.hint))
            found |= {
                part
                for part, file in zip(row.parts, row.files, strict=False)
                if file.startswith(f"{table}/")
            }
            continue
        for path in paths:
            found.add(part_id(path))
            files += 1
            name = path.relative_to(root).as_posix()
            try:
                size += path.stat().st_size
                told = hashes.get(part_id(path))
                if told and hash_of(path) != told:
                    faults.append(Fault(row.run_id, name, _CHANGED))
                    continue
                counts[table] = counts.get(table, 0) + _rows(path, footer=quick or bool(told))
                if table == "series":
                    counts["values"] = counts.get("values", 0) + _values(path)
            except (OSError, pa.ArrowException) as error:
                faults.append(_fault_of(root, row, path, error))
    faults += _missing(row, found)
    if not faults:
        faults += _counts(row, counts)
    unnamed = 0
    with suppress(NotReadable):  # which is among the faults
        unnamed = _unnamed(root, row)
    return Examined(row.run_id, files, size, tuple(faults), unnamed)


def _fault_of(root: Path, row: RunRow, path: Path, error: Exception) -> Fault:
    name = path.relative_to(root).as_posix()
    if isinstance(error, OSError) and is_no_damage(error):
        why = os.strerror(error.errno or 0)
        return Fault(row.run_id, name, f"cannot be read: {why}", not_readable(path, error).hint)
    return Fault(row.run_id, name, f"cannot be read: {_first_line(error)}")


def _missing(row: RunRow, found: set[int]) -> Iterator[Fault]:
    names = dict(zip(row.parts, row.files, strict=False))
    unnamed = 0
    for part in sorted(live_parts(row) - found):
        table, _, name = names.get(part, "").partition("/")
        if name:
            folder = f"{table}/role={row.role}/run_id={encode_run_id(row.run_id)}"
            yield Fault(row.run_id, f"{folder}/{name}", "is missing")
        else:
            unnamed += 1
    if unnamed:
        yield Fault(row.run_id, "", f"{unnamed} of its {len(row.parts)} parts are missing")


def _rows(path: Path, *, footer: bool) -> int:
    """Return a file's rows by its footer, or after every page was held to its checksum."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        if footer:
            return int(file.metadata.num_rows)
        return sum(batch.num_rows for batch in file.iter_batches())


def _values(path: Path) -> int:
    """Return how many values of ``metrics`` the index of a run's metrics speaks of."""
    with pq.ParquetFile(path) as file:
        table = file.read(columns=["samples", "nonfinite"])
    return sum(pc.sum(column).as_py() or 0 for column in table.columns)


def _counts(row: RunRow, counts: dict[str, int]) -> Iterator[Fault]:
    for table, said, of in (
        ("history", row.rows, "its certificate says"),
        ("steps", row.steps, "its certificate says"),
        ("metrics", counts.get("values", 0), "its index of metrics says"),
    ):
        if counts.get(table, 0) != said:
            what = f"{table} has {counts.get(table, 0)} rows where {of} {said}"
            yield Fault(row.run_id, "", what)


def _unnamed(root: Path, row: RunRow) -> int:
    live = live_parts(row)
    return sum(
        part is not None and part not in live
        for table in PART_TABLES
        for folder in run_folders(root, table, row.run_id)
        for part in map(part_of, folder.glob("part-*.parquet"))
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
