"""DuckDB's SQL, as the ``.sql`` files have it, into Spark's, with the same answers.

sqlglot carries over the grammar. What it leaves different, each found by running both engines:

====================================  ===================================  =====================
DuckDB                                Spark, left alone                    written here
====================================  ===================================  =====================
``arg_min(v, k)`` skips NULL ``v``    ``min_by`` does not                  ``FILTER (WHERE v …)``
``corr``: NaN where a side is level   NULL                                 ``coalesce(…, NaN)``
``isnan(NULL)`` is NULL               false                                ``x = NaN``
``floor`` of a DOUBLE is one          BIGINT, cut at 2^63                  cast back
``round(x, n)`` in binary             in decimal                           in units of 10^-n
``CAST(x AS BIGINT)`` rounds to even  cuts                                 ``bround`` first
``LIKE``: no sign escapes             a backslash does                     doubled
``lower``: each letter by itself      by its neighbours as well            letter by letter
``$``: the end                        also before a line end               ``\\z``
``row_number`` is BIGINT              INT                                  ``CAST(… AS BIGINT)``
``a / b`` is DOUBLE                   DECIMAL where ``a`` is one           ``CAST(a AS DOUBLE)``
``epoch`` with its fraction           whole seconds, in the session's zone an interval's seconds
====================================  ===================================  =====================

Sources: DuckDB's documentation of functions, Spark's SQL reference for 4.x.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import SqlglotError

from dakota_wh.spark.portable import NotPortable, check

_NAN: Final = "CAST('NaN' AS DOUBLE)"
_EPOCH: Final = "TIMESTAMP_NTZ '1970-01-01 00:00:00'"


def parse(sql: str, file: str, first_line: int = 1) -> exp.Expr:
    """Return a SELECT of the portable subset as a tree.

    Raises:
        NotPortable: it is none, or none that sqlglot reads.
    """
    try:
        trees = sqlglot.parse(sql, read="duckdb", error_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        line = (getattr(error, "errors", None) or [{}])[0].get("line") or 1
        what = str(error).splitlines()[0]
        raise NotPortable(f"{file}, line {first_line + line - 1}: {what}") from error
    (tree,) = trees if len(trees) == 1 else (None,)
    if not isinstance(tree, exp.Query):
        raise NotPortable(f"{file}, line {first_line}: it is not one SELECT.")
    check(tree, file, first_line)
    return tree


def to_spark(tree: exp.Expr) -> str:
    """Return a tree of :func:`parse` as Spark SQL."""
    changed = tree.copy()
    for node in reversed(list(changed.walk(bfs=False))):  # from the leaves up
        if change := _CHANGES.get(type(node)):
            new = change(node)
            if new is not node:
                changed = new if node is changed else changed
                node.replace(new)
    return changed.sql(
        dialect="spark",
        identify=True,
        pretty=True,
        comments=False,
        unsupported_level=ErrorLevel.RAISE,
    )


def spark(text: str, **parts: exp.Expr) -> exp.Expr:
    """Return Spark SQL as a tree, with trees in the place of the columns of those names."""
    tree = sqlglot.parse_one(text, read="spark")
    for column in list(tree.find_all(exp.Column)):
        if column.name in parts:
            column.replace(parts[column.name].copy())
    return tree


def _first_or_last(node: exp.Expr) -> exp.Expr:
    there = exp.Not(this=exp.Is(this=node.this.copy(), expression=exp.Null()))
    if isinstance(node.parent, exp.Filter):
        where = node.parent.expression
        where.set("this", exp.and_(where.this, there))
        return node
    return exp.Filter(this=node.copy(), expression=exp.Where(this=there))


def _corr(node: exp.Expr) -> exp.Expr:
    x, y = node.this, node.expression
    given = spark("CASE WHEN regr_count(y, x) > 0 THEN 1 END", x=x, y=y)
    given.args["ifs"][0].set("true", spark(f"coalesce(corr(x, y), {_NAN})", x=x, y=y))
    return given


def _is_nan(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=spark(f"x = {_NAN}", x=node.this))


def _floor(node: exp.Expr) -> exp.Expr:
    if isinstance(node.parent, exp.Cast) and node.parent.args["to"].this.name == "BIGINT":
        return node
    return spark(
        "CASE WHEN abs(x) < 9007199254740992 THEN CAST(floor(x) AS DOUBLE) ELSE x END", x=node.this
    )


def _round(node: exp.Expr) -> exp.Expr:
    decimals = node.args.get("decimals")
    if decimals is None or decimals.name == "0":
        return node
    unit = f"1e{decimals.name}"
    return spark(f"(round((x) * {unit}) / {unit})", x=node.this)


def _cast(node: exp.Expr) -> exp.Expr:
    whole = (exp.Null, exp.Literal, exp.Floor, exp.Round, exp.Count)
    if node.args["to"].this.name == "BIGINT" and not isinstance(node.this, whole):
        return exp.Cast(this=spark("bround(x)", x=node.this), to=node.args["to"].copy())
    return node


def _like(node: exp.Expr) -> exp.Expr:
    pattern = node.expression
    if isinstance(pattern, exp.Literal):
        escaped: exp.Expr = exp.Literal.string(pattern.name.replace("\\", "\\\\"))
    else:
        backslash = exp.Literal.string("\\")
        twice = exp.Literal.string("\\\\")
        escaped = exp.func("replace", pattern.copy(), backslash, twice)
    node.set("expression", escaped)
    return node


def _lower(node: exp.Expr) -> exp.Expr:
    # The one letter that Java makes two of.
    letters = "transform(split(x, ''), c -> lower(replace(c, 'İ', 'i')))"
    return spark(f"array_join({letters}, '')", x=node.this)


def _regexp_replace(node: exp.Expr) -> exp.Expr:
    text = node.expression.name
    if text.endswith("$"):
        node.set("expression", exp.Literal.string(text[:-1] + "\\z"))
    return node


def _divide(node: exp.Expr) -> exp.Expr:
    return exp.Div(
        this=exp.cast(node.this.copy(), "DOUBLE"),
        expression=node.expression.copy(),
        typed=False,
        safe=False,
    )


def _row_number(node: exp.Expr) -> exp.Expr:
    if isinstance(node.this, exp.RowNumber):
        return exp.cast(node.copy(), "BIGINT")
    return node


def _epoch(node: exp.Expr) -> exp.Expr:
    seconds = spark(f"CAST(CAST(x - {_EPOCH} AS INTERVAL SECOND) AS DECIMAL(18, 6))", x=node.this)
    return exp.cast(seconds, "DOUBLE")


_CHANGES: Final[dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]]] = {
    exp.ArgMin: _first_or_last,
    exp.ArgMax: _first_or_last,
    exp.Corr: _corr,
    exp.IsNan: _is_nan,
    exp.Floor: _floor,
    exp.Round: _round,
    exp.Cast: _cast,
    exp.Like: _like,
    exp.Lower: _lower,
    exp.RegexpReplace: _regexp_replace,
    exp.Div: _divide,
    exp.TimeToUnix: _epoch,
    exp.Window: _row_number,
}
