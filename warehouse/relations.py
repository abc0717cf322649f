"""From the .sql files to statements over one warehouse: which Parquet files a relation reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from dakota_wh.sql import views as registry
from dakota_wh.warehouse.layout import SCHEMA_PARTITION, run_folders
from dakota_wh.warehouse.quoting import glob_literal, identifier, literal

#: The relation of the live run rows, which every other stored relation asks for its parts.
STORED_RUNS: Final = "stored_runs"

#: In the .sql files: how the names of files come to be a column, and the columns of unlike files.
_NAMES_PRUNE: Final = ", filename = true"
_UNITES: Final = "union_by_name"

#: Gives the SQL expression of the files of a table, for ``read_parquet``.
FilesOf = Callable[[str], str]


def files_under(root: Path) -> FilesOf:
    """Return the files of all runs below a folder."""
    base = glob_literal(root.as_posix())
    return lambda table: literal(f"{base}/{table}/*/*/*.parquet")


def files_of_runs(root: Path, runs: Sequence[str]) -> FilesOf:
    """Return the files of some runs only, so that DuckDB need not list the others."""
    base = glob_literal(root.as_posix())

    def files(table: str) -> str:
        schema = f"{base}/{table}/role={SCHEMA_PARTITION}/run_id={SCHEMA_PARTITION}/*.parquet"
        folders = [folder for run in runs for folder in run_folders(root, table, run)]
        patterns = [
            f"{glob_literal(folder.as_posix())}/*.parquet"
            for folder in folders
            if any(folder.glob("*.parquet"))
        ]
        return "[" + ", ".join(literal(p) for p in (*patterns, schema)) + "]"

    return files


def files_of_catalogue(root: Path) -> FilesOf:
    """Return files whose root a shell can set: ``SET VARIABLE dakota_root = '/new/place'``."""
    base = literal(glob_literal(root.as_posix()))
    return lambda table: f"coalesce(getvariable('dakota_root'), {base}) || '/{table}/*/*/*.parquet'"


def create_statements(
    names: Iterable[str],
    files: FilesOf,
    bodies: Mapping[str, str] | None = None,
    *,
    rows_are_there: bool = False,
    filtered: bool = True,
) -> dict[str, str]:
    """Return CREATE VIEW statements for relations and what they stand on, by name, in order.

    A name may be plain (``reward_trends``): then the plain view and its newest version are made.
    ``bodies`` gives the SELECT of each stored relation that is not read as its file says: because
    the warehouse is without it, or its rows are gathered. ``rows_are_there`` says that stored_runs
    is laid already. ``filtered`` is whether rows of some runs or roles may be asked for; where they
    are not, DuckDB need not look which files a filter leaves.
    """
    wanted = list(names)
    aliases = registry.aliases()
    stored = registry.stored_relations()
    statements = {}
    closed = registry.closure([aliases.get(name, name) for name in wanted])
    for name in dict.fromkeys([STORED_RUNS, *closed]):
        if rows_are_there and name == STORED_RUNS:
            continue
        if bodies and name in bodies:
            body = bodies[name]
        elif name in stored:
            body = stored[name] if filtered else _unpruned(stored[name])
            body = body.replace("{files}", files(name.removeprefix("stored_")))
        else:
            body = registry.find_view(name).sql
        statements[name] = f"CREATE OR REPLACE VIEW {identifier(name)} AS\n{body}"
    for name in wanted:
        if name in aliases:
            target = identifier(aliases[name])
            statements[name] = (
                f"CREATE OR REPLACE VIEW {identifier(name)} AS SELECT * FROM {target}"
            )
    return statements


def _unpruned(body: str) -> str:
    """Return a stored relation's SELECT in which the files' names are no column that prunes.

    With it DuckDB 2.0 makes sure of each file whenever it plans, and that for each mention: 8 µs,
    1.1 s for the 13 of trend_evidence over 10,000 runs. Without, ``filename`` is still there to be
    named, but not in ``*``, which what unites columns hands on.
    """
    return body if _UNITES in body else body.replace(_NAMES_PRUNE, "")


def stored_statements(files: FilesOf) -> list[str]:
    """Return the CREATE VIEW statements of the relations that read files themselves."""
    return list(create_statements(registry.stored_relations(), files).values())


def tables_of(names: Iterable[str]) -> list[str]:
    """Return the stored tables that relations stand on."""
    aliases = registry.aliases()
    closed = registry.closure([aliases.get(name, name) for name in names])
    return [name.removeprefix("stored_") for name in closed if name.startswith("stored_")]


#: Words of SQL that lists relations: then all of them must be there.
_ASK_FOR_ALL: Final = frozenset(
    {"show", "information_schema", "duckdb_views", "duckdb_tables", "duckdb_columns"}
)


def mentioned(text: str) -> list[str]:
    """Return every relation whose name stands in a text: what SQL typed by a person may need."""
    words = set(re.findall(r"[a-z_0-9]+", text.lower()))
    aliases = registry.aliases()
    known = {*registry.stored_relations(), *aliases, *(v.relation for v in registry.all_views())}
    return sorted(known if words & _ASK_FOR_ALL else words & known)


#: Words that end what stands behind FROM.
_CLAUSES: Final = r"\b(?:where|group|having|order|limit|qualify|window|union|except|intersect)\b"


def may_join(text: str) -> bool:
    """Return whether SQL typed by a person may read more than one relation, once.

    True where that is not certain: one FROM with one name behind it is.
    """
    _, *froms = re.split(r"\bfrom\b", text.lower())
    if len(froms) != 1:
        return True
    read = re.split(_CLAUSES, froms[0])[0]
    return "," in read or "join" in froms[0]
