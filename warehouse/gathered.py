"""What is small of many runs, gathered into a file a table: the run rows, series, steps, config ….

A question over all runs would open a small file a run and table before it reads a value, half a
millisecond each. Row files and parts are written once, under names and ids of their own; so what
was copied from one is true for as long as a run names it. A reader takes from here what it finds
and reads the rest where it lies: that the copy is old, or not there, changes no answer.

``.dakota-wh/gathered/<table>-<number>-<id>.parquet``, the highest number counts. That of ``runs``
has the columns of the files, and ``file``, the path below the warehouse of the one that the row is
from. The others have the columns of the table's parts with ``run_id`` and ``role`` before they are
sifted. Their metadata says under ``parts`` which parts were copied, 16 hexadecimal digits each, and
under ``relation`` for which SQL, by a hash. Only connections of ours read them; they can be deleted
at any time.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import duckdb

from dakota_wh.sql import views as registry
from dakota_wh.warehouse.layout import PART_TABLES, STATE_FOLDER, schema_file
from dakota_wh.warehouse.quoting import glob_literal, literal

#: With fewer run rows than this nothing is gathered, and nothing that is gathered is read.
FEW: Final = 64
#: They are gathered anew when at least this share of the run rows has come since.
SHARE: Final = 1 / 16
#: A larger part stays where it is (bytes): a long run's files are few beside what is in them.
LARGEST: Final = 64 * 1024
#: The tables whose parts are gathered. A copy of the metrics would double the warehouse, and the
#: columns of table_rows differ from run to run. Of history only the columns (united_columns.py).
TABLES: Final = tuple(table for table in PART_TABLES if table not in ("metrics", "table_rows"))

#: How the files in sql/stored read their table.
_READ: Final = re.compile(r"read_parquet\(\{files\}[^)]*\)")
#: How they ask which parts are live.
_LIVE: Final = re.compile(
    r"FROM \((SELECT unnest\(parts\)) AS part (FROM stored_runs)\) AS live\s+"
    r"JOIN \((.*)\) AS stored ON stored\._part = live\.part",
    re.DOTALL,
)
_NAME: Final = re.compile(r"[a-z_]+-(\d{8})-[0-9a-f]{16}\.parquet")
#: What a killed process left there.
HALF_WRITTEN: Final = re.compile(r"\..+\.parquet\.tmp")
_ID_DIGITS: Final = 16
_TOLD: Final = "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)"


@dataclass(frozen=True, slots=True)
class Gathered:
    """One gathered file of a table, and of which parts it has the rows; of ``runs``, of files."""

    path: Path
    parts: frozenset[int] = frozenset()
    #: Paths below the root.
    files: frozenset[str] = frozenset()


def folder_of(root: Path) -> Path:
    """Return the folder of the gathered files."""
    return root / STATE_FOLDER / "gathered"


def find(connection: duckdb.DuckDBPyConnection, root: Path, table: str) -> Gathered | None:
    """Return what is gathered of a table, None where nothing is or it cannot be read."""
    paths = sorted(path for path in folder_of(root).glob(f"{table}-*") if _NAME.match(path.name))
    if not paths:
        return None
    path = paths[-1]
    given = [[glob_literal(path.as_posix())]]
    try:
        told = dict(connection.execute(_TOLD, given).fetchall())
        if told.get("relation") != _version(table):
            return None
        if table == "runs":
            rows = connection.execute("SELECT file FROM read_parquet(?)", given).fetchall()
            return Gathered(path, files=frozenset(file for (file,) in rows))
        digits = told["parts"]
        ids = range(0, len(digits), _ID_DIGITS)
        return Gathered(path, frozenset(int(digits[at : at + _ID_DIGITS], 16) for at in ids))
    except (duckdb.Error, KeyError, ValueError):
        return None


def runs_source(root: Path, gathered: Gathered, others: Collection[str], listed: str) -> str:
    """Return what ``stored_runs`` reads, as SQL: what is gathered, and other files.

    Args:
        root: the warehouse's folder.
        gathered: what is gathered of ``runs``.
        others: the files that are not.
        listed: an expression of all files that are there, by their paths below the root: only of
            these may a row be taken.
    """
    copied = (
        f"SELECT * EXCLUDE (file), {literal(root.as_posix() + '/')} || file AS filename "
        f"FROM {_copied(gathered)} WHERE file IN (SELECT unnest({listed}))"
    )
    if not others:
        return f"({copied}) AS gathered"
    beside = read("runs", paths_list(others))
    return f"(SELECT * FROM {beside} UNION ALL BY NAME {copied}) AS gathered"


def read(table: str, files: str) -> str:
    """Return what reads files of a stored table one by one, as SQL."""
    return _call(table).replace("{files}", files)


def runs_body(source: str) -> str:
    """Return the SELECT of ``stored_runs`` with something else in the place of its files."""
    return registry.stored_relations()["stored_runs"].replace(_call("runs"), source)


def body(table: str, gathered: Gathered, others: str | None) -> str:
    """Return the SELECT of a stored relation that reads what is gathered of its table.

    Which parts are live is asked behind the rows, not before them: nothing is listed here any more,
    and DuckDB, which knows nothing of the ids in a gathered file, would take a join with the ids
    for one of very many rows, and then read all metrics first.

    Args:
        table: one of :data:`TABLES`.
        gathered: what is gathered of it.
        others: an expression of the files of the parts that are not, None where all are.
    """
    text = registry.stored_relations()[f"stored_{table}"]
    rows = f"SELECT * FROM {_copied(gathered)}"
    if others is not None:
        rows = f"{_rows(table, others)}\nUNION ALL BY NAME {rows}"
    asked, found = _LIVE.subn(
        lambda match: f"FROM (\n{rows}\n) AS stored WHERE stored._part IN ({match[1]} {match[2]})",
        text,
    )
    if found != 1:
        raise ValueError(f"stored_{table}.sql does not ask for live parts as it did")
    return asked


def paths_list(paths: Iterable[str]) -> str:
    """Return paths as a list in SQL, each meaning itself and no pattern."""
    return "[" + ", ".join(literal(glob_literal(path)) for path in paths) + "]"


def _copied(gathered: Gathered) -> str:
    path = paths_list([gathered.path.as_posix()])
    return f"read_parquet({path}, hive_partitioning = false)"


def _version(table: str) -> str:
    """Return what changes with the columns that a stored relation reads."""
    return sha256(registry.stored_relations()[f"stored_{table}"].encode()).hexdigest()


def _call(table: str) -> str:
    (call,) = _READ.findall(registry.stored_relations()[f"stored_{table}"])
    return str(call)


def _rows(table: str, files: str) -> str:
    """Return the SELECT of all rows of some parts of a table, before they are sifted."""
    match = _LIVE.search(registry.stored_relations()[f"stored_{table}"])
    if match is None:
        raise ValueError(f"stored_{table}.sql does not ask for live parts as it did")
    return match[3].replace("{files}", files)


def copy_runs(connection: duckdb.DuckDBPyConnection, root: Path, source: str, number: int) -> None:
    """Write what a source of ``runs`` gives as the gathered file of a number.

    Raises:
        duckdb.Error, OSError: it cannot be written.
    """
    start = len(root.as_posix()) + 2
    select = f"SELECT * EXCLUDE (filename), substr(filename, {start}) AS file FROM {source}"
    _write(connection, root, "runs", number, select, "")


def copy_parts(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    table: str,
    earlier: Gathered | None,
    live: Collection[int],
    new: str | None,
    number: int,
) -> None:
    """Write the gathered file of a table: what of the earlier one is live, and new parts.

    Args:
        connection: what writes.
        root: the warehouse's folder.
        table: one of :data:`TABLES`.
        earlier: what is gathered of it by now.
        live: the ids of the parts to have, the new ones among them.
        new: the SELECT of the rows that are not in the earlier one, None for none.
        number: the number of the file.

    Raises:
        duckdb.Error, OSError: it cannot be written.
    """
    parts = sorted(live)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE gathering AS SELECT unnest(CAST(? AS BIGINT[])) AS part",
        [parts],
    )
    selects = [f"SELECT * FROM {_copied(earlier)}"] if earlier is not None else []
    united = " UNION ALL BY NAME ".join([*selects, new] if new is not None else selects)
    _write(
        connection,
        root,
        table,
        number,
        f"SELECT * FROM ({united}) AS united WHERE _part IN (SELECT part FROM gathering)",
        "".join(f"{part:0{_ID_DIGITS}x}" for part in parts),
    )


def rows_of(root: Path, table: str, paths: Iterable[Path]) -> str:
    """Return the SELECT of the rows to gather: those of some parts of a table."""
    files = [*(path.as_posix() for path in paths), schema_file(root, table).as_posix()]
    return f"SELECT * EXCLUDE (filename) FROM ({_rows(table, paths_list(files))}) AS stored"


def _write(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    table: str,
    number: int,
    select: str,
    parts: str,
) -> None:
    folder = folder_of(root)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{table}-{number:08d}-{secrets.randbits(62):016x}.parquet"
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        connection.execute(
            f"COPY ({select}) TO {literal(temporary.as_posix())} "
            f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA "
            f"{{relation: '{_version(table)}', parts: '{parts}'}})"
        )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def drop(root: Path) -> None:
    """Delete what is gathered: it has rows of a run that was removed."""
    shutil.rmtree(folder_of(root), ignore_errors=True)


def next_number(root: Path) -> int:
    """Return the number of the files that are gathered next."""
    found = (_NAME.match(path.name) for path in folder_of(root).glob("*.parquet"))
    return max((int(match[1]) for match in found if match), default=0) + 1


def sweep(root: Path, number: int) -> None:
    """Delete all but those of a number and the ones before, which may still be open somewhere."""
    for path in folder_of(root).glob("*.parquet"):
        match = _NAME.match(path.name)
        if match and int(match[1]) < number - 1:
            path.unlink(missing_ok=True)
