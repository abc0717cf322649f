"""The columns of the history of many runs, united without a look into every file.

DuckDB opens all files of ``read_parquet(…, union_by_name = true)`` whenever it binds a view over
them. Which columns a part has never changes; so they are gathered like the rows of small tables
(``gathered.py``), a row a part: ``_part``, ``names`` and ``types``, DuckDB's, in the file's order.
What is gathered there of history is this and no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import duckdb

from dakota_wh.sql import views as registry
from dakota_wh.warehouse.gathered import Gathered, paths_list
from dakota_wh.warehouse.layout import part_of, schema_file
from dakota_wh.warehouse.quoting import glob_literal, literal

#: What DuckDB makes of two types of a column: the later one.
_TYPES: Final = ("BOOLEAN", "BIGINT", "DOUBLE", "VARCHAR")
_UNITED: Final = "union_by_name = true"

#: The columns of a part: names, types.
_Layout = tuple[tuple[str, ...], tuple[str, ...]]


_LISTS: Final = (
    "list(name ORDER BY column_id) AS names, list(duckdb_type ORDER BY column_id) AS types"
)


def rows_of(root: Path, table: str, paths: Iterable[Path]) -> str:
    """Return the SELECT of the rows to gather: the columns of some parts of history."""
    files = [*(path.as_posix() for path in paths), schema_file(root, table).as_posix()]
    return (
        # The file without rows has no id, and so no row here.
        "SELECT TRY_CAST('0x' || right(parse_filename(file_name, true), 16) AS BIGINT) AS _part, "
        f"{_LISTS} FROM parquet_schema({paths_list(files)}) WHERE column_id > 0 GROUP BY file_name"
    )


def body(
    connection: duckdb.DuckDBPyConnection, gathered: Gathered, paths: Sequence[str], files: str
) -> str | None:
    """Return the SELECT of ``stored_history`` that says which columns its files have.

    Args:
        connection: what reads.
        gathered: the columns of some parts.
        paths: the files, in the order in which ``files`` has them.
        files: an expression of them.

    Returns:
        None where not all columns are known, or one has a type that history has not: then DuckDB
        has to look.

    Raises:
        duckdb.Error: a file cannot be read.
    """
    text = registry.stored_relations()["stored_history"]
    if text.count(_UNITED) != 1:
        raise ValueError("stored_history.sql does not unite its columns as it did")
    layouts = _layouts(connection, gathered, paths)
    united = unite(layouts) if layouts is not None else None
    if united is None:
        return None
    columns = ", ".join(
        f"{literal(name)}: {{name: {literal(name)}, type: {literal(kind)}, default_value: NULL}}"
        for name, kind in united.items()
    )
    return text.replace(_UNITED, f"schema = MAP {{{columns}}}").replace("{files}", files)


def unite(layouts: Iterable[_Layout]) -> dict[str, str] | None:
    """Return the columns that DuckDB's union by name has of files with these, in their order."""
    names: dict[str, str] = {}
    kinds: dict[str, int] = {}
    for layout in layouts:
        for name, kind in zip(*layout, strict=True):
            if kind not in _TYPES:
                return None
            folded = name.lower()
            names.setdefault(folded, name)
            kinds[folded] = max(kinds.get(folded, 0), _TYPES.index(kind))
    return {name: _TYPES[kinds[folded]] for folded, name in names.items()}


def _layouts(
    connection: duckdb.DuckDBPyConnection, gathered: Gathered, paths: Sequence[str]
) -> list[_Layout] | None:
    """Return the different layouts of files in the order in which they come, None if unknown."""
    copied = connection.execute(
        "SELECT names, types, list(_part) FROM read_parquet(?) GROUP BY names, types",
        [[glob_literal(gathered.path.as_posix())]],
    ).fetchall()
    layout_of = {
        part: (tuple(names), tuple(types)) for names, types, parts in copied for part in parts
    }
    beside = [path for path in paths if part_of(path) not in gathered.parts]
    told = connection.execute(
        f"SELECT file_name, {_LISTS} FROM parquet_schema(CAST(? AS VARCHAR[])) "
        "WHERE column_id > 0 GROUP BY file_name",
        [[glob_literal(path) for path in beside]],
    ).fetchall()
    looked_at = {name: (tuple(names), tuple(types)) for name, names, types in told}
    every = dict.fromkeys(looked_at.get(path) or layout_of.get(part_of(path)) for path in paths)
    return [layout for layout in every if layout is not None] if None not in every else None
