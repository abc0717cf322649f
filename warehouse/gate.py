"""SQL typed by a person: one read-only SELECT, within a time and a memory limit.

A guard against accidents and against text that came from elsewhere: nothing outside the warehouse
is read, nothing is written. Parsing alone does not do (``WITH x AS (COPY …) SELECT`` is a SELECT
to DuckDB 2.0), so the statement is also bound as a subquery, where only a query may stand.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb

from dakota_wh.errors import BadQuery, UsageProblem
from dakota_wh.sql.views import all_views
from dakota_wh.warehouse.connection import first_line

#: What a token begins with if it is a name or a bracket; the spaces behind may be of any kind.
_NAME: Final = re.compile(rb'"[^"]*"|\w+|\(|')
#: Functions that run a text as SQL.
_RUN_TEXT: Final = (b"query", b"json_execute_serialized_sql")
_ONE_SELECT = "Only one SELECT is allowed here."


def checked(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """Return the statement's text without its semicolon if it is one read-only SELECT.

    Raises:
        BadQuery: it is something else, or DuckDB cannot parse it or finds no such thing.
    """
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise BadQuery(f"The SQL cannot be parsed: {_can_be_done(first_line(error))}") from error
    if len(statements) != 1:
        raise BadQuery(f"{_ONE_SELECT} This text holds {len(statements)} statements.")
    kind = _kind_of(statements[0])
    if kind == "MULTI":
        raise BadQuery(
            f"{_ONE_SELECT} DuckDB makes several statements of this one, as of PIVOT without IN.",
            hint="Name the columns: PIVOT … ON column IN ('a', 'b') USING …",
        )
    if kind != "SELECT":
        raise BadQuery(
            f"{_ONE_SELECT} This is {kind}.",
            hint="To change or export data, use the duckdb shell: dakota-wh shell",
        )
    body = statements[0].query
    tokens = _tokens(body)
    _refuse_what_ends_the_process(tokens)
    body = _without_semicolon(body, tokens)
    try:
        # Not EXPLAIN: that plans all of it, which is then done once more to answer.
        connection.execute(f"DESCRIBE SELECT * FROM (\n{body}\n) AS checked").fetchall()
    except (duckdb.IOException, duckdb.InterruptException):
        raise  # a file vanished under the reader: the caller tries again; or the time is up
    except duckdb.Error as error:
        raise BadQuery(
            f"The SQL was refused: {message(error)}", hint=_nearest(str(error))
        ) from error
    return body


def _kind_of(statement: duckdb.Statement) -> str:
    try:
        return statement.type.name
    except ValueError:  # one that DuckDB's Python client has no name for: UPDATE EXTENSIONS
        return "another kind of statement"


def _nearest(text: str) -> str:
    """Return the views whose names are like that of a relation that does not exist."""
    missing = re.search(r"Table with name (\S+) does not exist", text)
    if missing is None:
        return ""
    names = sorted({view.name for view in all_views()})
    near = difflib.get_close_matches(missing[1].lower(), names, n=3)
    return f"Views like it: {', '.join(near)}." if near else "The views: dakota-wh views"


def _tokens(statement: str) -> list[tuple[str, bytes]]:
    """Return the tokens of a statement, which are told by bytes: each with what it is."""
    text = statement.encode()
    starts = duckdb.tokenize(statement)
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return [(kind.name, text[start:end]) for (start, kind), end in zip(starts, ends, strict=True)]


def _refuse_what_ends_the_process(tokens: list[tuple[str, bytes]]) -> None:
    """Raise for the type VARIANT, whose conversion from deep JSON ends the process in DuckDB 2.0.

    And for the functions that run a text, in which it cannot be seen.
    """
    names = [
        _NAME.match(token)[0].strip(b'"').lower()  # type: ignore[index]  # it matches nothing, too
        for kind, token in tokens
        if kind != "comment"
    ]
    for name, following in zip(names, [*names[1:], b""], strict=True):
        calls = following[:1] == b"("
        if name == b"variant" or (name.startswith(b"variant_") and calls):
            raise BadQuery(
                "The SQL was refused: DuckDB 2.0 can end the whole process when it makes a VARIANT "
                "of JSON, so that name may not stand here.",
                hint="JSON is read by json_extract(column, '$.a.b'), or column->>'$.a.b'.",
            )
        if name in _RUN_TEXT and calls:
            raise BadQuery(
                f"The SQL was refused: {name.decode()}() runs a text as SQL, which is not looked "
                "at here.",
                hint="Write that SELECT in its place, in parentheses.",
            )


def _without_semicolon(statement: str, tokens: list[tuple[str, bytes]]) -> str:
    """Cut a statement at the semicolon behind which nothing but comments and semicolons follow."""
    left = cut = len(statement.encode())
    for kind, token in reversed(tokens):
        left -= len(token)
        if kind == "operator" and not token.strip().strip(b";"):
            cut = left
        elif kind != "comment":
            break
    return statement.encode()[:cut].decode()


def message(error: duckdb.Error) -> str:
    """Return DuckDB's message and its candidates, without the caret picture of the query."""
    lines = str(error).strip().splitlines()
    kept = [line.strip() for line in lines if line.strip()]
    # What DuckDB itself thinks is meant are its own system tables.
    ends = ("LINE ", 'Did you mean "pg_')
    cut = next((i for i, line in enumerate(kept) if line.startswith(ends)), len(kept))
    return _can_be_done(" ".join(kept[:cut]))


def _can_be_done(said: str) -> str:
    """Return DuckDB's words without the advice to SET something, for all settings are locked."""
    said = re.sub(r"\s*Use \"SET [^\"]*\"[^.]*\.", "", said)
    return re.sub(r"\s*Possible solutions:.*\bSET\b.*", "", said, flags=re.DOTALL)


@contextmanager
def time_limit(
    connection: duckdb.DuckDBPyConnection, seconds: float | None
) -> Iterator[threading.Event]:
    """Interrupt the connection's query after some seconds; None lets it run.

    Yields what is set then, for work of several statements.

    Raises:
        BadQuery: the time is up.
        UsageProblem: it is no number of seconds that a clock can wait for.
    """
    expired = threading.Event()
    if seconds is None:
        yield expired
        return
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= threading.TIMEOUT_MAX:
        raise UsageProblem(
            f"{seconds!r} cannot be a time limit.",
            hint="Give a number of seconds: --timeout SECONDS, timeout= in Python (None: no limit)",
        )

    def stop() -> None:
        expired.set()
        connection.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    except duckdb.InterruptException as error:
        if not expired.is_set():  # somebody else's interrupt: Ctrl-C
            raise
        raise BadQuery(
            f"The query took longer than {seconds:g} s and was stopped.",
            hint="Narrow it down, or give it longer: --timeout SECONDS, timeout= in Python",
        ) from error
    finally:
        timer.cancel()
        timer.join()  # else its thread may outlive the interpreter's own end
