"""The ``runs`` row: what a run is, how complete it is, and which parts belong together.

A run is published by writing a new row file with the next generation; every reader takes the row
of the highest generation and, of the other tables, only the parts that it names. Parts and row
files are never changed, so a reader sees each table as it was or as it is. What an earlier
generation named stays on disk until the run's next ingest, for readers that began before.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from dakota_wh.errors import NotAWarehouse, StoredByNewer
from dakota_wh.warehouse.access import is_no_damage, not_readable
from dakota_wh.warehouse.layout import (
    LAYOUT_VERSION,
    PART_TABLES,
    mends_part,
    part_id,
    run_folder,
    run_folders,
)
from dakota_wh.warehouse.parquet import write_table

_TEXT, _COUNT, _REAL = pa.string(), pa.int64(), pa.float64()
_TIME = pa.timestamp("us")  # UTC without a zone: Python needs no zone library to show it

SCHEMA: Final = pa.schema(
    [
        ("entity", _TEXT),
        ("project", _TEXT),
        ("name", _TEXT),
        ("run_group", _TEXT),
        ("job_type", _TEXT),
        ("notes", _TEXT),
        ("tags", _TEXT),
        ("sweep_id", _TEXT),
        ("url", _TEXT),
        ("state", _TEXT),
        ("created_at", _TIME),
        ("source", _TEXT),
        ("source_name", _TEXT),
        ("rows", _COUNT),
        ("steps", _COUNT),
        ("first_step", _COUNT),
        ("last_step", _COUNT),
        ("expected_rows", _COUNT),
        ("completeness", _TEXT),
        ("evidence", _TEXT),
        ("sampled", _TEXT),
        ("gaps", _COUNT),
        ("duplicate_steps", _COUNT),
        ("collapsed_rows", _COUNT),
        ("unstepped_rows", _COUNT),
        ("lost_records", _COUNT),
        ("step_key", _TEXT),
        ("step_evidence", _TEXT),
        ("step_metrics", _TEXT),
        ("role_evidence", _TEXT),
        ("role_given", pa.bool_()),
        ("segments", _COUNT),
        ("started_at", _REAL),
        ("ended_at", _REAL),
        ("lossy", _TEXT),
        ("warnings", _TEXT),
        ("ingested_at", _TIME),
        ("dakota_wh", _TEXT),
        ("layout", _COUNT),
        ("meaning", _TEXT),
        ("generation", _COUNT),
        ("publication", _COUNT),
        ("parts", pa.list_(_COUNT)),
        ("hashes", pa.list_(_TEXT)),
        ("files", pa.list_(_TEXT)),
        ("resume", _TEXT),
    ]
)


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A part's file, as the row that names it has it."""

    table: str
    name: str
    #: Of the whole file; ``""`` where an earlier version wrote the row.
    sha256: str


@dataclass(slots=True)
class RunRow:
    """One published state of a run; the fields are the columns of the file, see ``runs_v1.sql``."""

    run_id: str
    role: str
    entity: str | None = None
    project: str | None = None
    name: str | None = None
    run_group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    tags: str = "[]"
    sweep_id: str | None = None
    url: str | None = None
    state: str | None = None
    created_at: datetime | None = None
    source: str = ""
    source_name: str = ""
    rows: int = 0
    steps: int = 0
    first_step: int | None = None
    last_step: int | None = None
    expected_rows: int | None = None
    completeness: str = "unknown"
    evidence: str = ""
    sampled: str = "unknown"
    gaps: int = 0
    duplicate_steps: int = 0
    collapsed_rows: int = 0
    unstepped_rows: int = 0
    lost_records: int = 0
    step_key: str = ""
    step_evidence: str = ""
    step_metrics: str = "[]"
    role_evidence: str = ""
    role_given: bool = False
    segments: int = 1
    started_at: float | None = None
    ended_at: float | None = None
    lossy: str = "[]"
    warnings: str = "[]"
    ingested_at: datetime | None = None
    dakota_wh: str = ""
    layout: int = LAYOUT_VERSION
    meaning: str = ""
    generation: int = 0
    publication: int = 0
    parts: list[int] = field(default_factory=list)
    #: SHA-256 of each part's file, in the order of ``parts``; [] in rows of an earlier version.
    hashes: list[str] = field(default_factory=list)
    #: ``<table>/<file name>`` of each part, in the order of ``parts``; [] likewise. With these a
    #: reader of an object store needs no listing but that of the rows.
    files: list[str] = field(default_factory=list)
    resume: str = "{}"

    def resume_point(self) -> dict[str, Any]:
        """Return what the source asked to be given back at the next ingest."""
        point: dict[str, Any] = json.loads(self.resume)
        return point

    def warning_list(self) -> list[str]:
        """Return what a person should see once about this run."""
        words: list[str] = json.loads(self.warnings)
        return words


_PART_NAME: Final = re.compile(r"part-[0-9a-f-]+\.parquet")
_COLUMNS: Final = tuple(f.name for f in fields(RunRow) if f.name not in ("run_id", "role"))


def generation_of(path: PurePath) -> tuple[int, str]:
    """Return what orders a run's row files, by name: the highest is the run."""
    _, generation, publication = path.stem.split("-", 2)
    return int(generation), publication


def row_files(root: Path, run_id: str) -> list[Path]:
    """Return the run's row files of all roles, the oldest generation first."""
    found = [
        path
        for folder in run_folders(root, "runs", run_id)
        for path in folder.glob("run-*-*.parquet")
    ]
    return sorted(found, key=generation_of)


def newest(root: Path, run_id: str) -> RunRow | None:
    """Return the run's live row, None if the warehouse has no such run.

    Raises:
        StoredByNewer: the row is of a newer layout.
        NotAWarehouse: it cannot be read.
    """
    files = row_files(root, run_id)
    return read_row(files[-1], run_id) if files else None


def read_row(path: PurePath, run_id: str, *, content: bytes | None = None) -> RunRow:
    """Read one row file, or its content where it lies elsewhere; see :func:`newest`."""
    role = path.parent.parent.name.removeprefix("role=")
    try:
        with pq.ParquetFile(path if content is None else pa.BufferReader(content)) as file:
            stored = file.read().to_pylist()[0]
    except (pa.ArrowException, IndexError, OSError) as error:
        if isinstance(error, OSError) and is_no_damage(error):
            raise not_readable(Path(path), error) from error
        if isinstance(error, OSError) and error.errno:  # the system's; pyarrow's has none
            raise
        raise NotAWarehouse(
            f"The row of run {run_id} cannot be read: {path.name} is damaged.",
            hint=mends_part("runs", run_id),
        ) from error
    if stored.get("layout", LAYOUT_VERSION) > LAYOUT_VERSION:
        raise StoredByNewer(run_id, stored["layout"])
    return RunRow(run_id, role, **{k: v for k, v in stored.items() if k in _COLUMNS})


def publish(root: Path, row: RunRow) -> Path:
    """Write the row as the run's next generation: from this rename on it is what readers see."""
    files = row_files(root, row.run_id)
    _name_files(root, row, read_row(files[-1], row.run_id) if files else None)
    row.generation = generation_of(files[-1])[0] + 1 if files else 1
    row.publication = secrets.randbits(62)
    return write_row(root, row)


def write_row(root: Path, row: RunRow) -> Path:
    """Write the row's file under the name that its generation and publication give it."""
    folder = run_folder(root, "runs", row.role, row.run_id)
    path = folder / f"run-{row.generation:08d}-{row.publication:016x}.parquet"
    values = {name: [getattr(row, name)] for name in _COLUMNS}
    write_table(path, pa.table(values, schema=SCHEMA))
    return path


def _name_files(root: Path, row: RunRow, before: RunRow | None) -> None:
    """Note names and hashes of the row's parts; what an earlier row has hashed is not read again.

    A part that is gone keeps the name that the earlier row has for it.
    """
    hashes = known_hashes(before) if before is not None else {}
    names = dict(zip(before.parts, before.files, strict=False)) if before is not None else {}
    live = live_parts(row)
    for table in PART_TABLES:
        for path in run_folder(root, table, row.role, row.run_id).glob("part-*.parquet"):
            part = part_id(path)
            if part in live:
                names[part] = f"{table}/{path.name}"
                if part not in hashes:
                    hashes[part] = hash_of(path)
    row.hashes = [hashes.get(part, "") for part in row.parts]
    row.files = [names.get(part, "") for part in row.parts]


def named_files(row: RunRow) -> list[NamedFile]:
    """Return the files of the row's parts; [] where an earlier version wrote the row.

    What is no name of a part is left out: a row may come from elsewhere.
    """
    return files_named(row.files, row.hashes)


def files_named(files: Iterable[str], hashes: Iterable[str]) -> list[NamedFile]:
    """Return the files of two columns of a row; see :func:`named_files`."""
    found = []
    for file, told in zip(files, hashes, strict=False):
        table, _, name = file.partition("/")
        if table in PART_TABLES and _PART_NAME.fullmatch(name):
            found.append(NamedFile(table, name, told))
    return found


def known_hashes(row: RunRow) -> dict[int, str]:
    """Return the SHA-256 of each part's file, by its id, as far as the row has them."""
    return {part: told for part, told in zip(row.parts, row.hashes, strict=False) if told}


def hash_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def live_parts(row: RunRow) -> frozenset[int]:
    """Return the ids of the parts that the row names."""
    return frozenset(row.parts)


def as_json_list(words: Iterable[str]) -> str:
    """Return sentences as the JSON list that the row keeps them in."""
    return json.dumps(list(words), ensure_ascii=False)
