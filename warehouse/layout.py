"""Where things lie in a warehouse folder, and how a run's id becomes a folder name.

``<table>/role=<role>/run_id=<id>/<file>.parquet`` is hive partitioning: DuckDB and Spark read the
two columns from the path, and undo percent-encoding. Ids are percent-encoded byte by byte outside
``a-z 0-9 _ -``, upper case included, so that two ids which differ only in case do not meet on a
file system that does not see case.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final
from urllib.parse import unquote

from dakota_wh.errors import UsageProblem
from dakota_wh.warehouse.access import can_be_listed, must_be_listable, not_readable

ROLES: Final = ("orchestrator", "trainer", "shared", "single", "unknown")

#: The tables of a run in the order in which a run is published; ``runs`` names the others' parts.
PART_TABLES: Final = (
    "history",
    "metrics",
    "timed",
    "series",
    "components",
    "steps",
    "summary",
    "config",
    "streams",
    "system",
    "files",
    "tables",
    "table_rows",
)
#: Of those, what is only fetched when it is asked for. Nothing derives them, so a run that is
#: published anew keeps the parts that it has.
STREAM_TABLES: Final = ("streams", "system", "files", "tables", "table_rows")
#: What a rebuild makes anew from the stored history.
DERIVED_TABLES: Final = ("metrics", "timed", "series", "components", "steps")
#: All folders of tables; ``pairs`` belong to no run's generation.
TABLES: Final = (*PART_TABLES, "runs", "pairs")

CATALOGUE: Final = "warehouse.duckdb"
#: The program's own small files: locks and the catalogue's stamp. Can be deleted at rest.
STATE_FOLDER: Final = ".dakota-wh"
#: The partition of the zero-row files that give each table its columns before any run is there.
#: It sorts behind every role: DuckDB estimates a table's size by its first file, and plans badly
#: when that has no row.
SCHEMA_PARTITION: Final = "zz_schema"
#: The layout's version, in each runs row; a newer one is refused.
LAYOUT_VERSION: Final = 1

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
_LONGEST_NAME: Final = 255 - len("run_id=")


def encode_run_id(run_id: str) -> str:
    """Return the folder form of a run id.

    Raises:
        UsageProblem: the id is empty or its folder name would be longer than file systems allow.
    """
    if not run_id:
        raise UsageProblem("A run id cannot be empty.")
    if "\x00" in run_id:
        raise UsageProblem(f"The run id {run_id!r} holds a NUL character, which W&B has in none.")
    try:
        raw = run_id.encode("utf-8")
    except UnicodeEncodeError as error:  # half a character: DuckDB could not read any run then
        raise UsageProblem(
            f"The run id {run_id!r} is no Unicode text.",
            hint="Store it under another one: ingest … --as NAME",
        ) from error
    # DuckDB 1.5 reads a partition value "null" as a missing one; encoding a letter hides it.
    plain = frozenset() if raw.lower() in (b"null", b"__hive_default_partition__") else _PLAIN
    name = "".join(chr(b) if b in plain else f"%{b:02X}" for b in raw)
    if len(name) > _LONGEST_NAME:
        raise UsageProblem(
            f"The run id {run_id[:40]!r}… is too long for a folder name ({len(name)} bytes).",
            hint="Store it under a shorter one: ingest … --as NAME",
        )
    return name


def decode_run_id(name: str) -> str:
    """Return the run id of a folder form; the inverse of :func:`encode_run_id`."""
    return unquote(name)


def run_folder(root: Path, table: str, role: str, run_id: str) -> Path:
    """Return the folder of one table of one run.

    Raises:
        UsageProblem: there is no such role, or no run can have that id.
    """
    if role not in ROLES:  # whoever asks, it never leads out of the warehouse
        raise UsageProblem(f"There is no role {role!r}.", hint=f"Roles: {', '.join(ROLES)}")
    return root / table / f"role={role}" / f"run_id={encode_run_id(run_id)}"


def part_id(path: PurePath | str) -> int:
    """Return the id in a part's file name, the same one as in its ``_part`` column.

    Of 10,000 paths as text, as DuckDB lists them, it takes a twentieth of a second less.

    Raises:
        ValueError: it is no name of a part.
    """
    name = path if isinstance(path, str) else path.name
    return int(name.rpartition("-")[2].removesuffix(".parquet"), 16)


def part_of(path: PurePath | str) -> int | None:
    """Return what :func:`part_id` does, None for a file that is no part."""
    try:
        return part_id(path)
    except ValueError:
        return None


def schema_file(root: Path, table: str) -> Path:
    """Return the zero-row file that gives a table its columns before any run is there."""
    partition = root / table / f"role={SCHEMA_PARTITION}" / f"run_id={SCHEMA_PARTITION}"
    return partition / "part-schema.parquet"


def mends_part(table: str, run_id: str) -> str:
    """Return what to type where a file of a run is damaged or gone."""
    if table in DERIVED_TABLES:
        return "dakota-wh rebuild"
    return f"dakota-wh remove {shlex.quote(run_id)}, then ingest it again"


def missing_tables(root: Path) -> list[str]:
    """Return the tables that a warehouse has no file for: an earlier version made it.

    Or a process was killed that was about to add them.
    """
    return [table for table in TABLES if not has_files(root, table)]


def has_files(root: Path, table: str) -> bool:
    """Return whether there is a file of a table, be it one of no rows.

    Raises:
        NotReadable: its folder is closed.
    """
    schema = schema_file(root, table)
    try:
        there = schema.exists()
    except OSError as error:
        raise not_readable(schema, error) from error
    return there or any((root / table).glob("role=*/run_id=*/*.parquet"))


def run_folders(root: Path, table: str, run_id: str) -> Iterator[Path]:
    """Yield the existing folders of one table of a run, in whatever role.

    Raises:
        NotReadable: one cannot be listed.
    """
    name = f"run_id={encode_run_id(run_id)}"
    for role in ROLES:
        folder = root / table / f"role={role}" / name
        if can_be_listed(folder):
            yield folder


def is_stored(root: Path, run_id: str) -> bool:
    """Return whether a run has a row, without a look at the others."""
    try:
        folders = run_folders(root, "runs", run_id)
        return any(any(folder.glob("run-*.parquet")) for folder in folders)
    except UsageProblem:  # no run can have that id
        return False


def _has_row(folder: Path) -> bool:
    if any(folder.glob("run-*.parquet")):
        return True
    can_be_listed(folder)  # a pattern finds nothing in one that cannot be
    return False


def stored_run_ids(root: Path) -> list[str]:
    """Return the ids that have a folder in ``runs``, sorted.

    Raises:
        NotReadable: a folder cannot be listed, so that it is not known which there are.
    """
    must_be_listable(root, ["runs"])
    found = {
        decode_run_id(folder.name.removeprefix("run_id="))
        for role in ROLES
        for folder in (root / "runs" / f"role={role}").glob("run_id=*")
        if _has_row(folder)
    }
    return sorted(found)
