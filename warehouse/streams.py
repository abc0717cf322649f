"""What a run has beside its history, where it was asked for: the tables of the optional streams.

``streams`` has a row for each stream that was fetched: how complete it is, and where to go on.
``system`` holds system metrics, ``files`` the files and artifacts of the run, ``tables`` a row for
each ``wandb.Table`` that it logged, and ``table_rows`` (:mod:`dakota_wh.warehouse.table_rows`)
what stands in those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from dakota_wh.warehouse.column_names import PART
from dakota_wh.warehouse.history import new_part_id, part_path
from dakota_wh.warehouse.parquet import write_table
from dakota_wh.warehouse.parts import paths_of
from dakota_wh.warehouse.run_row import RunRow

T = TypeVar("T")

_TEXT, _COUNT, _REAL, _TIME = pa.string(), pa.int64(), pa.float64(), pa.timestamp("us")

STREAMS: Final = pa.schema(
    [
        ("stream", _TEXT),
        ("state", _TEXT),
        ("rows", _COUNT),
        ("sampled", _TEXT),
        ("evidence", _TEXT),
        ("source", _TEXT),
        ("source_name", _TEXT),
        ("fetched_at", _TIME),
        ("resume", _TEXT),
        (PART, _COUNT),
    ]
)
SYSTEM: Final = pa.schema(
    [
        ("metric", _TEXT),
        ("label", _TEXT),
        ("timestamp", _REAL),
        ("runtime", _REAL),
        ("value", _REAL),
        ("text", _TEXT),
        ("sampled", pa.bool_()),
        (PART, _COUNT),
    ]
)
FILES: Final = pa.schema(
    [
        ("kind", _TEXT),
        ("name", _TEXT),
        ("type", _TEXT),
        ("version", _COUNT),
        ("size", _COUNT),
        ("digest", _TEXT),
        ("relation", _TEXT),
        ("files", _COUNT),
        ("aliases", _TEXT),
        ("changed_at", _TIME),
        (PART, _COUNT),
    ]
)
TABLES: Final = pa.schema(
    [
        ("key", _TEXT),
        ("step", _COUNT),
        ("rows", _COUNT),
        ("columns", _COUNT),
        ("path", _TEXT),
        ("sha256", _TEXT),
        ("state", _TEXT),
        ("why", _TEXT),
        ("kind", _TEXT),
        ("log_mode", _TEXT),
        ("logged_rows", _COUNT),
        ("logged_columns", _COUNT),
        ("size", _COUNT),
        ("log_step", _COUNT),
        ("log_row", _COUNT),
        ("segment", _COUNT),
        ("content", _COUNT),
        (PART, _COUNT),
    ]
)


@dataclass(frozen=True, slots=True)
class StreamRow:
    """One fetched stream of a run; ``resume`` is JSON for the next fetch."""

    stream: str  # system, files, tables
    state: str  # complete, or partial: something of it could not be had
    rows: int
    sampled: str  # yes, no
    evidence: str
    source: str
    source_name: str
    fetched_at: datetime | None = None
    resume: str = "{}"

    def says_the_same(self, other: StreamRow | None) -> bool:
        """Tell whether another row differs in nothing but its time."""
        if other is None:
            return False
        return {**asdict(self), "fetched_at": None} == {**asdict(other), "fetched_at": None}


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of the run, or an artifact that it logged or used; see ``files_v1.sql``."""

    kind: str  # file, artifact
    name: str
    type: str | None = None
    version: int | None = None
    size: int | None = None
    digest: str | None = None
    relation: str = "saved"  # saved, logged, used
    files: int | None = None
    aliases: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LoggedTable:
    """A ``wandb.Table`` that was logged; see ``tables_v1.sql``.

    ``log_row`` is the row of history that names it, None for one that only the summary names.
    ``content`` is the id of its rows in ``table_rows``, None where none are stored.
    """

    key: str
    step: int | None = None
    rows: int | None = None
    columns: int | None = None
    path: str | None = None
    sha256: str | None = None
    state: str = ""
    why: str | None = None
    kind: str = ""
    log_mode: str | None = None
    logged_rows: int | None = None
    logged_columns: int | None = None
    size: int | None = None
    log_step: int | None = None
    log_row: int | None = None
    segment: int = 0
    content: int | None = None


def write_rows(folder: Path, schema: pa.Schema, rows: Sequence[Any]) -> Path | None:
    """Write dataclass rows as one part; nothing where there are none."""
    if not rows:
        return None
    part = new_part_id()
    values = [{**asdict(row), PART: part} for row in rows]
    path = part_path(folder, 0, part)
    write_table(path, pa.Table.from_pylist(values, schema=schema))
    return path


def stored_streams(root: Path, row: RunRow) -> dict[str, StreamRow]:
    """Return the streams of a run as stored, by name."""
    return {one.stream: one for one in _stored(root, row, "streams", StreamRow)}


def stored_files(root: Path, row: RunRow) -> list[RunFile]:
    """Return the files and artifacts of a run as stored."""
    return list(_stored(root, row, "files", RunFile))


def stored_tables(root: Path, row: RunRow) -> list[LoggedTable]:
    """Return the logged tables of a run as stored."""
    return list(_stored(root, row, "tables", LoggedTable))


def _stored(root: Path, row: RunRow, table: str, kind: type[T]) -> Iterator[T]:
    names = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    for path in paths_of(root, row, table):
        try:
            with pq.ParquetFile(path) as file:
                entries = file.read().to_pylist()
        except pa.ArrowException:  # damaged: what it held is fetched again
            continue
        for entry in entries:
            yield kind(**{key: value for key, value in entry.items() if key in names})


def sorted_files(found: Iterable[RunFile]) -> list[RunFile]:
    """Return files and artifacts in the order in which they are stored."""
    return sorted(
        found,
        key=lambda one: (one.kind, one.name, one.version or 0, one.relation, one.digest or ""),
    )
