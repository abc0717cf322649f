"""The run rows and the series of many runs, gathered into a file each.

A question over all runs would open two small files a run before it reads a number, half a
millisecond each. Row files and parts are written once, under names and ids of their own; so what
was copied from one is true for as long as a run names it. A reader takes from here what it finds
and reads the rest where it lies: that the copy is old, or not there, changes no answer.

``.dakota-wh/gathered/runs-<number>-<id>.parquet`` and ``series-…``: the columns of the files, and
``file``, the path below the warehouse of the one that the row is from. The highest number counts.
Only connections of ours read them; they can be deleted at any time.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from dakota_wh.sql import views as registry
from dakota_wh.warehouse.layout import STATE_FOLDER
from dakota_wh.warehouse.quoting import glob_literal, literal

#: With fewer run rows than this nothing is gathered, and nothing that is gathered is read.
FEW: Final = 64
#: They are gathered anew when at least this share of the run rows has come since.
SHARE: Final = 1 / 16

#: How the files in sql/stored read their table.
_READ: Final = re.compile(r"read_parquet\(\{files\}[^)]*\)")
#: How they ask which parts are live.
_LIVE: Final = re.compile(
    r"FROM \((SELECT unnest\(parts\)) AS part (FROM stored_runs)\) AS live\s+"
    r"JOIN \((.*)\) AS stored ON stored\._part = live\.part",
    re.DOTALL,
)
_NAME: Final = re.compile(r"(?:runs|series)-(\d{8})-[0-9a-f]{16}\.parquet")


@dataclass(frozen=True, slots=True)
class Gathered:
    """One gathered file of a warehouse, and of which files or parts it has the rows."""

    root: Path
    path: Path
    #: Paths below the root.
    files: frozenset[str]

    def lacks(self, paths: Sequence[str]) -> list[str]:
        """Return those of some paths that are not gathered."""
        start = len(self.root.as_posix()) + 1
        return [path for path in paths if path[start:] not in self.files]


def folder_of(root: Path) -> Path:
    """Return the folder of the gathered files."""
    return root / STATE_FOLDER / "gathered"


def find(connection: duckdb.DuckDBPyConnection, root: Path, table: str) -> Gathered | None:
    """Return what is gathered of a table, None where nothing is or it cannot be read."""
    paths = sorted(path for path in folder_of(root).glob(f"{table}-*") if _NAME.match(path.name))
    if not paths:
        return None
    try:
        found = connection.execute(
            f"SELECT DISTINCT file FROM read_parquet({paths_list([paths[-1].as_posix()])})"
        ).fetchall()
    except duckdb.Error:
        return None
    return Gathered(root, paths[-1], frozenset(file for (file,) in found))


def source(table: str, gathered: Gathered, others: Sequence[str], listed: Sequence[str]) -> str:
    """Return what a stored relation reads, as SQL: what is gathered of it, and other files.

    Args:
        table: ``runs`` or ``series``.
        gathered: what is gathered of it.
        others: the files that are not.
        listed: for ``runs``, all files that are there: only of these may a row be taken. Of series
            the relation itself takes the live parts.
    """
    start = len(gathered.root.as_posix()) + 1
    there = ", ".join(literal(path[start:]) for path in listed)
    only = f" WHERE file IN (SELECT unnest([{there}]))" if table == "runs" else ""
    copied = (
        f"SELECT * EXCLUDE (file), {literal(gathered.root.as_posix() + '/')} || file AS filename "
        f"FROM read_parquet({paths_list([gathered.path.as_posix()])}, hive_partitioning = false)"
    )
    if not others:
        return f"({copied}{only}) AS gathered"
    return f"(SELECT * FROM {read(table, others)} UNION ALL BY NAME {copied}{only}) AS gathered"


def read(table: str, paths: Sequence[str]) -> str:
    """Return what reads files of a stored table one by one, as SQL."""
    return _call(table).replace("{files}", paths_list(paths))


def body(table: str, given: str) -> str:
    """Return the SELECT of a stored relation with something else in the place of its files.

    Which parts are live is asked behind the rows, not before them: nothing is listed here any more,
    and DuckDB, which knows nothing of the ids in a gathered file, would take a join with the ids
    for one of very many rows, and then read all metrics first.
    """
    text = registry.stored_relations()[f"stored_{table}"].replace(_call(table), given)
    if table == "runs":
        return text
    asked, found = _LIVE.subn(r"FROM (\3) AS stored WHERE stored._part IN (\1 \2)", text)
    if found != 1:
        raise ValueError(f"stored_{table}.sql does not ask for live parts as it did")
    return asked


def paths_list(paths: Iterable[str]) -> str:
    """Return paths as a list in SQL, each meaning itself and no pattern."""
    return "[" + ", ".join(literal(glob_literal(path)) for path in paths) + "]"


def _call(table: str) -> str:
    (call,) = _READ.findall(registry.stored_relations()[f"stored_{table}"])
    return str(call)


def copy(connection: duckdb.DuckDBPyConnection, root: Path, sources: Mapping[str, str]) -> None:
    """Write what the sources of ``runs`` and ``series`` give as the newest gathered files.

    The connection has the table ``stored_runs``.

    Raises:
        duckdb.Error, OSError: they cannot be written.
    """
    folder = folder_of(root)
    folder.mkdir(parents=True, exist_ok=True)
    number = _next_number(root)
    start = len(root.as_posix()) + 2
    for table, given in sources.items():
        path = folder / f"{table}-{number:08d}-{secrets.randbits(62):016x}.parquet"
        temporary = path.with_name(f".{path.name}.tmp")
        live = (
            " WHERE _part IN (SELECT unnest(parts) FROM stored_runs)" if table == "series" else ""
        )
        try:
            connection.execute(
                f"COPY (SELECT * EXCLUDE (filename), substr(filename, {start}) AS file FROM {given}"
                f"{live}) TO {literal(temporary.as_posix())} (FORMAT parquet, COMPRESSION zstd)"
            )
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    _sweep(root, number)


def drop(root: Path) -> None:
    """Delete what is gathered: it has rows of a run that was removed."""
    shutil.rmtree(folder_of(root), ignore_errors=True)


def _next_number(root: Path) -> int:
    found = (_NAME.match(path.name) for path in folder_of(root).glob("*.parquet"))
    return max((int(match[1]) for match in found if match), default=0) + 1


def _sweep(root: Path, number: int) -> None:
    """Delete all but these and the ones before, which a reader may still have open."""
    for path in folder_of(root).glob("*.parquet"):
        match = _NAME.match(path.name)
        if match and int(match[1]) < number - 1:
            path.unlink(missing_ok=True)
