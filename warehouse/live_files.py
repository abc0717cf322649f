"""The live files as they are at one moment: what one connection of ours reads, and nothing else.

Every view asks several times which parts count. A connection that lives for one question asks
once: the run rows become a table, and each stored relation gets the list of the files that they
name, instead of a pattern that DuckDB would expand and sift at each mention. Of many runs the rows
and the series are read from where they are gathered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

import duckdb

from dakota_wh.warehouse import gathered
from dakota_wh.warehouse.gathered import paths_list
from dakota_wh.warehouse.layout import PART_TABLES, part_id
from dakota_wh.warehouse.origin import origin_of
from dakota_wh.warehouse.quoting import identifier
from dakota_wh.warehouse.relations import STORED_RUNS, FilesOf, files_under


@dataclass(frozen=True, slots=True)
class Live:
    """What one connection reads."""

    #: The live files of each table.
    files: FilesOf
    #: The SELECT of each stored relation that reads what is gathered, by name.
    bodies: Mapping[str, str]
    #: What ``runs`` and ``series`` are read from, as SQL.
    sources: Mapping[str, str]


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
        WarehouseError: the folder is a mirror, and its store cannot be read.
    """
    rows = _listed(connection, files("runs"))
    many = len(rows) >= gathered.FEW
    sources = {"runs": _source(connection, "runs", rows, root, many=many)}
    body = gathered.body("runs", sources["runs"])
    connection.execute(f"CREATE OR REPLACE TABLE {identifier(STORED_RUNS)} AS\n{body}")
    _bring(root, rows, tables)
    named = connection.execute(f"SELECT unnest(parts) FROM {identifier(STORED_RUNS)}").fetchall()
    live = {part for (part,) in named}
    found, bodies = {}, {}
    for table in set(tables) & {*PART_TABLES}:
        kept = [path for path in _listed(connection, files(table)) if _counts(path, live)]
        if table == "series" and many:
            sources[table] = _source(connection, table, kept, root, many=many)
            bodies["stored_series"] = gathered.body(table, sources[table])
            continue
        found[table] = f"dakota_live_{table}"
        connection.execute(f"SET VARIABLE {found[table]} = {paths_list(kept)}")
    # A row goes before the parts that it names: with all rows still there, so are their parts.
    if gone := set(rows) - set(_listed(connection, files("runs"))):
        raise duckdb.IOException(f"{min(gone)} is gone: the run was published anew meanwhile.")

    def files_of(table: str) -> str:
        return f"getvariable('{found[table]}')" if table in found else files(table)

    return Live(files_of, bodies, sources)


def _bring(root: Path, rows: Iterable[str], tables: Iterable[str]) -> None:
    """Have the parts of a mirror fetched that are about to be read."""
    origin = origin_of(root)
    if origin is None:
        return
    try:
        origin.bring([Path(row) for row in rows], tables)
    except FileNotFoundError as error:  # as for any file that vanishes: start over
        raise duckdb.IOException(str(error)) from error


def _source(
    connection: duckdb.DuckDBPyConnection, table: str, paths: list[str], root: Path, *, many: bool
) -> str:
    """Return what reads files of a table, as SQL: from what is gathered where there is some."""
    copied = gathered.find(connection, root, table) if many else None
    if copied is None:
        return gathered.read(table, paths)
    return gathered.source(table, copied, copied.lacks(paths), paths)


def gather(root: Path) -> None:
    """Gather run rows and series anew where enough have come since (``gathered.py``).

    Of a mirror only the rows: of the series it has those that somebody asked for.

    Where that goes wrong, the files are read one by one as before.
    """
    root = root.absolute()
    tables = [] if origin_of(root) is not None else ["series"]
    with suppress(OSError, duckdb.Error), closing(duckdb.connect()) as connection:
        rows = [path.as_posix() for path in root.glob("runs/role=*/run_id=*/run-*.parquet")]
        if len(rows) < gathered.FEW:
            return
        earlier = gathered.find(connection, root, "runs")
        since = len(rows) if earlier is None else len(earlier.lacks(rows))
        if since < max(gathered.FEW, gathered.SHARE * len(rows)):
            return
        live = live_files(connection, tables, files_under(root), root)
        gathered.copy(connection, root, live.sources)


def _listed(connection: duckdb.DuckDBPyConnection, patterns: str) -> list[str]:
    return [path for (path,) in connection.execute(f"SELECT file FROM glob({patterns})").fetchall()]


def _counts(path: str, live: set[int]) -> bool:
    """Return whether a run row names the file, or it is the one that gives a table its columns."""
    try:
        return part_id(PurePath(path)) in live
    except ValueError:
        return path.endswith("part-schema.parquet")
