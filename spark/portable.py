"""The subset of SQL that is known to mean the same to DuckDB and, carried over, to Spark.

A list of what is allowed, so that what nobody looked at is refused with its file and line, and
never carried over to something that is nearly it. Before anything is added here it has to be run on
both, with NULL, NaN, the infinities and ties (``tests/spark``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sqlglot import exp

from dakota_wh.errors import WarehouseError

#: Functions, with the arguments that they may be given.
_FUNCTIONS: Final = """
Abs this|Avg this|ArgMax this expression|ArgMin this expression|Coalesce this expressions
ConcatWs expressions safe coalesce|Corr this expression|Count this big_int|Floor this
Greatest this expressions ignore_nulls|IsNan this|Lag this|Lead this
Least this expressions ignore_nulls|Lower this|Max this|Median this|Min this|Nullif this expression
RegexpReplace this expression replacement single_replace|Round this decimals|RowNumber|Sqrt this
StartsWith this expression|StddevSamp this|Sum this|TimeToUnix this
Case ifs default|If this true|Cast this to|And this expression|Or this expression
"""
#: Everything else that a SELECT is made of, likewise.
_SYNTAX: Final = """
Add this expression|Sub this expression|Mul this expression|Div this expression typed safe
IntDiv this expression|Mod this expression|Neg this|DPipe this expression safe
EQ this expression|NEQ this expression|GT this expression|GTE this expression|LT this expression
LTE this expression|Is this expression|In this expressions query|Like this expression negate
Not this|Paren this|Null|Boolean this|Literal this is_string
Alias this alias|Column this table|Identifier this quoted|Star except_|DataType this nested
Select expressions from_ joins where group windows with_|From this|Where this
Group expressions|Join this side kind on using|Subquery this alias|Table this alias|TableAlias this
Union this expression distinct with_|With expressions|CTE this alias materialized
Filter this expression|Window this partition_by order spec alias over|Order expressions
Ordered this desc nulls_first|WindowSpec kind start start_side end end_side
"""
#: What the relations over the files hold beside that; no view does.
_OF_FILES: Final = """
Explode this|Qualify this|Select expressions from_ joins where group qualify windows with_
"""
_TYPES: Final = frozenset({"BIGINT", "DOUBLE", "FLOAT", "VARCHAR", "TEXT", "TIMESTAMPNTZ"})
#: A pattern of these signs means the same to RE2 and to Java, apart from ``$`` (see dialect.py).
_PLAIN_PATTERN: Final = re.compile(r"(\[[-\w. ]+\]|[\w/|()?*+^$])+")


def _allowed(listed: str) -> dict[str, frozenset[str]]:
    entries = [entry.split() for entry in listed.strip().replace("\n", "|").split("|")]
    return {entry[0]: frozenset(entry[1:]) for entry in entries}


_NODES: Final[Mapping[str, frozenset[str]]] = {**_allowed(_FUNCTIONS), **_allowed(_SYNTAX)}
_NODES_OF_FILES: Final = {**_NODES, **_allowed(_OF_FILES)}


class NotPortable(WarehouseError):
    """SQL of ours holds what is not known to give the same answer on Spark."""


def check(tree: exp.Expr, file: str, first_line: int = 1, *, reads_files: bool = False) -> None:
    """Raise unless every part of a statement is in the subset.

    Args:
        tree: a SELECT as sqlglot reads DuckDB's SQL.
        file: where it stands, for the message.
        first_line: the line of the file at which it begins.
        reads_files: whether it is a relation over the files, and no view.

    Raises:
        NotPortable: it is not; the message names the file, the line and the construct.
    """
    allowed = _NODES_OF_FILES if reads_files else _NODES
    for node in tree.walk():
        if refused := _refused(node, allowed):
            at, reason = refused
            raise NotPortable(
                f"{file}, line {first_line + line_of(at) - 1}: {reason}",
                hint="Say it in the portable subset, or run it on both engines and allow it in "
                "dakota_wh/spark/portable.py.",
            )


def line_of(node: exp.Expr) -> int:
    """Return the line at which a node stands, from 1; its nearest ancestor's where it has none."""
    at: exp.Expr | None = node
    while at is not None:
        lines = [part.meta["line"] for part in at.walk() if "line" in part.meta]
        if lines:
            return int(min(lines))
        at = at.parent
    return 1


def _refused(node: exp.Expr, allowed: Mapping[str, frozenset[str]]) -> tuple[exp.Expr, str] | None:
    """Return what is refused of a node and why, None if nothing is."""
    name = type(node).__name__
    if isinstance(node, exp.DataType) and node.this.name not in _TYPES:
        return node, f"The type {node.this.name} is not in the subset."
    if name not in allowed:
        what = node.name if isinstance(node, exp.Anonymous) else name
        return node, f"{what} is not in the subset."
    for key, value in node.args.items():
        if value not in (None, False, []) and key not in allowed[name]:
            first = value[0] if isinstance(value, list) else value
            at = first if isinstance(first, exp.Expr) else node
            return at, f"{name} with {key.strip('_')} is not in the subset."
    reason = _reason(node)
    return None if reason is None else (node, reason)


def _reason(node: exp.Expr) -> str | None:
    """Return why a node of an allowed kind is refused, None if it is not."""
    match node:
        case exp.Div() | exp.IntDiv() | exp.Mod():
            return _divisor(node.expression)
        case exp.Join():
            return _join(node)
        case exp.RegexpReplace():
            return _pattern(node)
        case exp.Corr() if isinstance(node.parent, exp.Filter | exp.Window):
            return "corr with FILTER or OVER is not in the subset."
        case exp.Star() if isinstance(node.parent, exp.Func) and not isinstance(
            node.parent, exp.Count
        ):
            return "* as an argument is not in the subset."
        case exp.WindowSpec() if node.args.get("kind") != "ROWS":
            return "A window by RANGE or GROUPS is not in the subset."
        case exp.Round() if not _is_whole(node.args.get("decimals")):
            return "The decimals of round must be a number."
    return None


def _divisor(divisor: exp.Expr) -> str | None:
    """Division by zero is inf, NULL or an error, by the engine and its version."""
    if isinstance(divisor, exp.Nullif):
        return None
    if isinstance(divisor, exp.Literal) and divisor.is_number and float(divisor.name) != 0:
        return None
    return "A divisor must be NULLIF(…, 0) or a number."


def _join(node: exp.Join) -> str | None:
    side, kind = node.args.get("side") or "", node.args.get("kind") or ""
    if (side, kind) in (("", ""), ("", "INNER"), ("LEFT", ""), ("", "CROSS")):
        return None
    return f"{side} {kind} JOIN is not in the subset.".strip()


def _pattern(node: exp.RegexpReplace) -> str | None:
    """DuckDB replaces the first match, Spark every one: the same where only one can be."""
    pattern, replacement = node.expression, node.args.get("replacement")
    if not isinstance(pattern, exp.Literal) or not isinstance(replacement, exp.Literal):
        return "The pattern and the replacement of regexp_replace must be texts."
    text = pattern.name
    if not _PLAIN_PATTERN.fullmatch(text) or "[^" in text:
        return "The pattern of regexp_replace holds a sign that is not in the subset."
    if replacement.name or not (text.startswith("^") or text.endswith("$")):
        return "regexp_replace may only take away the beginning or the end of a text."
    return None


def _is_whole(number: exp.Expr | None) -> bool:
    return number is None or (isinstance(number, exp.Literal) and number.name.isdigit())
