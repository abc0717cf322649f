"""The stored layers as relations of Spark: pinned columns, and the rule which parts count.

``files_<table>`` is every file of a table, with the columns that the layout pins and ``run_id`` and
``role`` from the two folders that the file lies in. Spark takes partitions below the path that it
was given only, so a ``name=value`` folder above the warehouse is none; their types are given, so an
id of digits is text. It undoes percent-encoding sign by sign and not byte by byte, which is mended
here. ``stored_<table>`` is what the file in ``sql/stored`` makes of it, carried over: the parts
that the newest row of a run names, and no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import sqlglot
from sqlglot import exp

from dakota_wh.spark.dialect import spark, to_spark
from dakota_wh.spark.portable import NotPortable, check, line_of
from dakota_wh.spark.text import SPARK_TYPES, address, literal, name, pattern
from dakota_wh.sql import views as registry
from dakota_wh.warehouse.folder import SCHEMAS

#: How the files in sql/stored read run_id and role from a path.
_FROM_PATH: Final = (
    "*",
    "url_decode(parse_path(filename)[-2][8:]) AS run_id",
    "parse_path(filename)[-3][6:] AS role",
)
_OPTIONS: Final = frozenset({"hive_partitioning", "filename", "union_by_name"})
#: What Spark makes of a folder's name, as the bytes that were encoded, as the text that they are.
_RUN_ID: Final = "decode(encode(`run_id`, 'ISO-8859-1'), 'UTF-8')"
#: The columns of a file that its two folders give.
PARTITIONS: Final = (pa.field("role", pa.string()), pa.field("run_id", pa.string()))


def columns_of(table: str) -> list[pa.Field]:
    """Return the columns that the layout pins for a table's files, and the two of their folders."""
    return [*SCHEMAS[table], *PARTITIONS]


def files_view(
    relation: str, columns: Sequence[pa.Field], place: str, *, base: Path | None = None
) -> str:
    """Return the statement that makes a relation of files.

    Args:
        relation: its name.
        columns: what its files have, the partitions last.
        place: a folder, or a pattern of files, as :func:`pattern` writes it.
        base: the folder below which ``name=value`` are partitions, where that is not ``place``.
    """
    typed = ", ".join(f"{name(column.name)} {SPARK_TYPES[column.type]}" for column in columns)
    # Whatever the session says of files that are gone: never half of a run.
    options = (
        f"path {literal(place)}, pathGlobFilter '*.parquet', mergeSchema 'false', "
        "ignoreMissingFiles 'false', ignoreCorruptFiles 'false'"
    )
    if base is not None:
        options += f", basePath {literal(address(base))}"
    return (
        f"CREATE OR REPLACE TEMPORARY VIEW {name(relation)} ({typed})\n"
        f"USING parquet OPTIONS ({options})"
    )


def files_of(root: Path, table: str) -> str:
    """Return the statement that makes ``files_<table>`` of a table with pinned columns."""
    if not (root / table).is_dir():  # an earlier version of this program made the warehouse
        nothing = ", ".join(
            f"CAST(NULL AS {SPARK_TYPES[column.type]}) AS {name(column.name)}"
            for column in columns_of(table)
        )
        relation = name(f"files_{table}")
        return f"CREATE OR REPLACE TEMPORARY VIEW {relation} AS\nSELECT {nothing} WHERE false"
    return files_view(f"files_{table}", columns_of(table), pattern(root / table))


def stored_select(relation: str, runs: Sequence[str] = ()) -> str:
    """Return the SELECT of a stored relation, of some runs or of all.

    Raises:
        NotPortable: its file says more than which parts of which files count.
    """
    file = f"{relation}.sql"
    tree = sqlglot.parse_one(
        registry.stored_relations()[relation].replace("{files}", "'files'"), read="duckdb"
    )
    table = relation.removeprefix("stored_")
    for union in list(tree.find_all(exp.Union)):
        _drop_what_has_no_rows(union, file)
    if isinstance(tree, exp.Union):
        tree = _kept(tree)
    for select in tree.find_all(exp.Select):
        if tuple(column.sql(dialect="duckdb") for column in select.expressions) == _FROM_PATH_SQL:
            select.set("expressions", [exp.Star()])
    for star in tree.find_all(exp.Star):
        excluded = [
            column for column in star.args.get("except_") or [] if column.name != "filename"
        ]
        star.set("except_", excluded)
    for source in list(tree.find_all(exp.Table)):
        if isinstance(source.this, exp.ReadParquet):
            _check_options(source.this, file)
            alias = source.args.get("alias") or exp.TableAlias(this=exp.to_identifier("read"))
            source.replace(exp.Table(this=exp.to_identifier(f"files_{table}"), alias=alias))
    for cte in tree.find_all(exp.CTE):
        cte.set("materialized", None)
    check(tree, file, reads_files=True)
    return to_spark(tree.transform(lambda node: _with_run_id(node, table, runs)))


_FROM_PATH_SQL: Final = tuple(
    column.sql(dialect="duckdb")
    for column in sqlglot.parse_one(f"SELECT {', '.join(_FROM_PATH)}", read="duckdb").expressions
)


def _kept(union: exp.Union) -> exp.Expr:
    """Return the SELECT of a union of which the other gives columns and no rows."""
    both = [union.this, union.expression]
    kept: exp.Expr = both[1] if _has_no_rows(both[0]) else both[0]
    if union.args.get("with_"):
        kept.set("with_", union.args["with_"])
    return kept


def _drop_what_has_no_rows(union: exp.Union, file: str) -> None:
    """Put the SELECT with rows in the place of a union by name; the columns are pinned here."""
    both = [union.this, union.expression]
    if not union.args.get("by_name") or sum(map(_has_no_rows, both)) != 1:
        raise NotPortable(f"{file}, line {line_of(union)}: this union is not in the subset.")
    if union.parent is not None:
        union.replace(_kept(union))


def _has_no_rows(select: exp.Expr) -> bool:
    where = select.args.get("where")
    return where is not None and where.this == exp.false()


def _check_options(read: exp.ReadParquet, file: str) -> None:
    for option in read.expressions[1:]:
        if not isinstance(option, exp.EQ | exp.PropertyEQ) or option.this.name not in _OPTIONS:
            raise NotPortable(
                f"{file}, line {line_of(read)}: read_parquet with {option.sql()} is not in the "
                "subset."
            )


def _with_run_id(node: exp.Expr, table: str, runs: Sequence[str]) -> exp.Expr:
    if not isinstance(node, exp.Table) or node.name != f"files_{table}":
        return node
    of_runs = f" WHERE {_RUN_ID} IN ({', '.join(map(literal, runs))})" if runs else ""
    inner = spark(
        f"SELECT * EXCEPT (`run_id`), {_RUN_ID} AS `run_id` FROM `files_{table}`{of_runs}"
    )
    return exp.Subquery(this=inner, alias=node.args["alias"].copy())
