"""The live files as they are at one moment: what one connection of ours reads, and nothing else.

Every view asks several times which parts count. A connection that lives for one question asks
once: the run rows become a table, and each stored relation gets the list of the files that they
name, instead of a pattern that DuckDB would expand and sift at each mention.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

import duckdb

from dakota_wh.sql import views as registry
from dakota_wh.warehouse.layout import PART_TABLES, part_id
from dakota_wh.warehouse.quoting import glob_literal, identifier, literal
from dakota_wh.warehouse.relations import STORED_RUNS, FilesOf


def live_files(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[str], files: FilesOf
) -> FilesOf:
    """Lay the table ``stored_runs`` on a connection and return the live files of each table.

    Args:
        connection: where the table goes.
        tables: the tables whose files are needed.
        files: where to look for them.

    Raises:
        duckdb.IOException: a run was published anew meanwhile, so that a part may be gone.
    """
    rows = _listed(connection, files("runs"))
    body = registry.stored_relations()[STORED_RUNS].replace("{files}", _list(rows))
    connection.execute(f"CREATE OR REPLACE TABLE {identifier(STORED_RUNS)} AS\n{body}")
    named = connection.execute(f"SELECT unnest(parts) FROM {identifier(STORED_RUNS)}").fetchall()
    live = {part for (part,) in named}
    found = {}
    for table in set(tables) & {*PART_TABLES}:
        found[table] = f"dakota_live_{table}"
        kept = [path for path in _listed(connection, files(table)) if _counts(path, live)]
        connection.execute(f"SET VARIABLE {found[table]} = {_list(kept)}")
    # A row goes before the parts that it names: with all rows still there, so are their parts.
    if gone := set(rows) - set(_listed(connection, files("runs"))):
        raise duckdb.IOException(f"{min(gone)} is gone: the run was published anew meanwhile.")
    return lambda table: f"getvariable('{found[table]}')" if table in found else files(table)


def _listed(connection: duckdb.DuckDBPyConnection, patterns: str) -> list[str]:
    return [path for (path,) in connection.execute(f"SELECT file FROM glob({patterns})").fetchall()]


def _counts(path: str, live: set[int]) -> bool:
    """Return whether a run row names the file, or it is the one that gives a table its columns."""
    try:
        return part_id(PurePath(path)) in live
    except ValueError:
        return path.endswith("part-schema.parquet")


def _list(paths: Iterable[str]) -> str:
    """Return paths as a list in SQL, each meaning itself and no pattern."""
    return "[" + ", ".join(literal(glob_literal(path)) for path in paths) + "]"
