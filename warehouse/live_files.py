"""The live files as they are at one moment: what one connection of ours reads, and nothing else.

Every view asks several times which parts count. A connection that lives for one question asks
once: the run rows become a table, and each stored relation gets the list of the files that they
name, instead of a pattern that DuckDB would expand and sift at each mention. Of many runs what is
small is read from where it is gathered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dakota_wh.rendering import left_behind
from dakota_wh.warehouse import gathered, united_columns
from dakota_wh.warehouse.access import must_be_listable, runs_must_be_listable
from dakota_wh.warehouse.layout import (
    PART_TABLES,
    mends_part,
    missing_tables,
    part_id,
    part_of,
    run_folders,
)
from dakota_wh.warehouse.origin import origin_of
from dakota_wh.warehouse.quoting import glob_literal, identifier
from dakota_wh.warehouse.relations import STORED_RUNS, FilesOf, files_under


@dataclass(frozen=True, slots=True)
class Live:
    """What one connection reads."""

    #: The live files of each table.
    files: FilesOf
    #: The SELECT of each stored relation that reads what is gathered, by name.
    bodies: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Rows:
    """The run rows of one moment."""

    #: The paths of their files.
    listed: list[str]
    #: What ``stored_runs`` was read from, as SQL.
    source: str
    #: The ids of the parts that the live ones name.
    live: frozenset[int]
    #: The file of each part below the root, as far as the rows say: those of an earlier version of
    #: this program do not.
    file_of: Mapping[int, str]

    @property
    def are_many(self) -> bool:
        """Whether it pays to look for what is gathered."""
        return len(self.listed) >= gathered.FEW

    def of_table(self, table: str) -> frozenset[int]:
        """Return the live parts of a table, and those whose table no row says."""
        below = f"{table}/"
        return frozenset(
            part for part in self.live if self.file_of.get(part, below).startswith(below)
        )

    def lacking(self, tables: Iterable[str], there: Iterable[int]) -> set[int]:
        """Return the live parts of some tables that are not among those there, as rows say."""
        named = {part: self.file_of.get(part, "") for part in self.live.difference(there)}
        wanted = {*tables}
        return {part for part, file in named.items() if file.partition("/")[0] in wanted}


class PartGone(duckdb.IOException):
    """A part that a row names is not there: its run was published anew, or somebody took it."""

    def __init__(self, file: str, run_id: str) -> None:
        super().__init__(f"The file {file} of the run {run_id} is gone.")
        #: What to type where it stays gone.
        self.hint = mends_part(file.partition("/")[0], run_id)


def live_files(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[str], files: FilesOf, root: Path
) -> Live:
    """Lay the table ``stored_runs`` on a connection and return the live files of each table.

    Args:
        connection: where the table goes.
        tables: the tables whose files are needed.
        files: where to look for them.
        root: the warehouse's folder, absolute.

    Raises:
        duckdb.IOException: a run was published anew meanwhile, so that a part may be gone.
        PartGone: a part that counts is not there.
        NotReadable: a folder of what is read cannot be listed.
        WarehouseError: the folder is a mirror, and its store cannot be read.
    """
    wanted = {*tables} & {*PART_TABLES}
    rows = _lay_rows(connection, files, root, wanted)
    _must_be_whole(rows, files, root, {*tables})
    _bring(root, rows.listed, tables)
    found: dict[str, str] = {}
    bodies: dict[str, str] = {}
    there: set[int] = set()
    for table in wanted:
        copied = None
        if rows.are_many and table in gathered.TABLES:
            copied = gathered.find(connection, root, table)
        if copied is None or table == "history":
            kept = [path for path in _listed(connection, files(table)) if _counts(path, rows.live)]
            there.update(_ids(kept))
            found[table] = _keep(connection, table, kept)
            if copied is not None:
                united = united_columns.body(connection, copied, kept, found[table])
                if united is not None:
                    bodies["stored_history"] = united
            continue
        kept = []
        if lacking := rows.of_table(table) - copied.parts:
            kept = [path for path in _listed(connection, files(table)) if part_of(path) in lacking]
        there.update(copied.parts, _ids(kept))
        beside = None
        if kept:
            beside = found[table] = _keep(connection, table, kept)
        bodies[f"stored_{table}"] = gathered.body(table, copied, beside)
    gone = rows.lacking(wanted, there)
    # Rows of an earlier version do not name their files. But a row goes before its parts: with all
    # rows still there, so are those.
    unsure = gone or not rows.file_of.keys() >= rows.live
    if found and unsure and (anew := {*rows.listed} - {*_listed(connection, files("runs"))}):
        raise duckdb.IOException(f"{min(anew)} is gone: the run was published anew meanwhile.")
    if gone:
        raise _gone(connection, root, rows, min(gone))
    return Live(lambda table: found.get(table) or files(table), bodies)


def _lay_rows(
    connection: duckdb.DuckDBPyConnection, files: FilesOf, root: Path, tables: Iterable[str]
) -> _Rows:
    """Lay the table ``stored_runs``, and return which parts the rows name."""
    listed = _listed(connection, files("runs"))
    copied = None
    if len(listed) >= gathered.FEW:
        copied = gathered.find(connection, root, "runs")
    if copied is None:
        source = gathered.read("runs", _keep(connection, "runs", listed))
    else:
        start = len(root.as_posix()) + 1
        below = [path[start:] for path in listed]
        others = [
            path for path, name in zip(listed, below, strict=True) if name not in copied.files
        ]
        connection.execute("SET VARIABLE dakota_live_rows = ?", [below])
        source = gathered.runs_source(root, copied, others, "getvariable('dakota_live_rows')")
    body = gathered.runs_body(source)
    connection.execute(f"CREATE OR REPLACE TABLE {identifier(STORED_RUNS)} AS\n{body}")
    named = connection.execute(f"SELECT unnest(parts) FROM {identifier(STORED_RUNS)}").fetchall()
    live = frozenset(part for (part,) in named)
    return _Rows(listed, source, live, _named(connection, source) if {*tables} else {})


def _must_be_whole(rows: _Rows, files: FilesOf, root: Path, tables: set[str]) -> None:
    """Raise if a pattern may have passed over a folder that cannot be listed.

    A part that a row names is missed by its name; here is what nothing else would miss.
    """
    must_be_listable(root, {"runs", *tables})
    if files("runs") == files_under(root)("runs"):  # those of all runs
        runs_must_be_listable(root, "runs", {path.rpartition("/")[0] for path in rows.listed})
    name_all = rows.file_of.keys() >= rows.live
    for table in tables - {"runs"}:
        if table == "pairs" or not name_all:
            runs_must_be_listable(root, table)


def _named(connection: duckdb.DuckDBPyConnection, source: str) -> dict[int, str]:
    """Return the file of each part; nothing where rows of an earlier version do not say."""
    try:
        told = connection.execute(
            "SELECT part, file "
            f"FROM (SELECT unnest(parts) AS part, unnest(files) AS file FROM {source}) AS named "
            "WHERE file <> ''"
        ).fetchall()
    except (duckdb.BinderException, duckdb.InvalidInputException):
        return {}
    return dict(told)


def _gone(connection: duckdb.DuckDBPyConnection, root: Path, rows: _Rows, part: int) -> PartGone:
    named = connection.execute(
        f"SELECT run_id FROM {identifier(STORED_RUNS)} WHERE list_contains(parts, ?)", [part]
    ).fetchall()
    file, run_id = rows.file_of[part], named[0][0]
    [*run_folders(root, file.partition("/")[0], run_id)]  # one that cannot be listed says so
    return PartGone(file, run_id)


def variable_of(table: str) -> str:
    """Return the variable of the connection that lists a table's live files."""
    return f"dakota_live_{table}"


def _keep(connection: duckdb.DuckDBPyConnection, table: str, paths: list[str]) -> str:
    """Keep a list of files in a variable of the connection, and return what reads it."""
    name = variable_of(table)
    kept = [glob_literal(path) for path in paths]
    connection.execute(f"SET VARIABLE {name} = CAST(? AS VARCHAR[])", [kept])
    return f"getvariable('{name}')"


def _bring(root: Path, rows: Iterable[str], tables: Iterable[str]) -> None:
    """Have the parts of a mirror fetched that are about to be read."""
    origin = origin_of(root)
    if origin is None:
        return
    try:
        origin.bring([Path(row) for row in rows], tables)
    except FileNotFoundError as error:  # as for any file that vanishes: start over
        raise duckdb.IOException(str(error)) from error


def gather(root: Path) -> None:
    """Gather anew what is small of many runs where enough have come since (``gathered.py``).

    Of a mirror only the rows: of the parts it has those that somebody asked for.

    Where that goes wrong, the files are read one by one as before.
    """
    root = root.absolute()
    left_behind.sweep(gathered.folder_of(root), gathered.HALF_WRITTEN)
    tables = []
    if origin_of(root) is None:
        lacking = missing_tables(root)
        tables = [table for table in gathered.TABLES if table not in lacking]
    with suppress(OSError, duckdb.Error):
        there = [path.as_posix() for path in root.glob("runs/role=*/run_id=*/run-*.parquet")]
        if len(there) < gathered.FEW:
            return
        with closing(duckdb.connect()) as connection:
            if not _is_due(connection, root, there, tables):
                return
            files = files_under(root)
            rows = _lay_rows(connection, files, root, tables)
            number = gathered.next_number(root)
            for table in tables:
                _gather_parts(connection, root, table, rows, number)
            gathered.copy_runs(connection, root, rows.source, number)
            gathered.sweep(root, number)


def _is_due(
    connection: duckdb.DuckDBPyConnection, root: Path, rows: list[str], tables: Iterable[str]
) -> bool:
    """Return whether many rows have come since, or a table was not gathered at all."""
    earlier = gathered.find(connection, root, "runs")
    if earlier is None or any(gathered.find(connection, root, table) is None for table in tables):
        return True
    start = len(root.as_posix()) + 1
    since = sum(path[start:] not in earlier.files for path in rows)
    return since >= max(gathered.FEW, gathered.SHARE * len(rows))


def _gather_parts(
    connection: duckdb.DuckDBPyConnection, root: Path, table: str, rows: _Rows, number: int
) -> None:
    earlier = gathered.find(connection, root, table)
    known = rows.live & earlier.parts if earlier is not None else frozenset()
    new = {}
    if lacking := rows.of_table(table) - known:
        listed = [Path(path) for path in _listed(connection, files_under(root)(table))]
        new = {
            part_id(path): path
            for path in listed
            if part_of(path) in lacking
            and (table == "history" or path.stat().st_size <= gathered.LARGEST)
        }
    rows_of = united_columns.rows_of if table == "history" else gathered.rows_of
    select = rows_of(root, table, new.values()) if new or earlier is None else None
    gathered.copy_parts(connection, root, table, earlier, known | new.keys(), select, number)


def _listed(connection: duckdb.DuckDBPyConnection, patterns: str) -> list[str]:
    return [path for (path,) in connection.execute(f"SELECT file FROM glob({patterns})").fetchall()]


def _counts(path: str, live: frozenset[int]) -> bool:
    """Return whether a run row names the file, or it is the one that gives a table its columns."""
    return part_of(path) in live or path.endswith("part-schema.parquet")


def _ids(paths: Iterable[str]) -> Iterator[int]:
    return (part for path in paths if (part := part_of(path)) is not None)
