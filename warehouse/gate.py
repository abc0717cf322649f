"""SQL typed by a person: one read-only SELECT, within a time and a memory limit.

A guard against accidents and against text that came from elsewhere: nothing outside the warehouse
is read, nothing is written. Parsing alone does not do (``WITH x AS (COPY …) SELECT`` is a SELECT
to DuckDB 2.0), so the statement is also planned as a subquery, where only a query may stand.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from dakota_wh.errors import BadQuery
from dakota_wh.sql.views import all_views
from dakota_wh.warehouse.connection import first_line

_ONE_SELECT = "Only one SELECT is allowed here."


def checked(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """Return the statement's text without its semicolon if it is one read-only SELECT.

    Raises:
        BadQuery: it is something else, or DuckDB cannot parse or plan it.
    """
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise BadQuery(f"The SQL cannot be parsed: {first_line(error)}") from error
    if len(statements) != 1:
        raise BadQuery(f"{_ONE_SELECT} This text holds {len(statements)} statements.")
    kind = _kind_of(statements[0])
    if kind != "SELECT":
        raise BadQuery(
            f"{_ONE_SELECT} This is {kind}.",
            hint="To change or export data, use the duckdb shell: dakota-wh shell",
        )
    body = _without_semicolon(connection, statements[0].query)
    try:
        connection.execute(f"EXPLAIN SELECT * FROM (\n{body}\n) AS checked").fetchall()
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


def _without_semicolon(connection: duckdb.DuckDBPyConnection, statement: str) -> str:
    """Cut a statement at the semicolon behind which nothing but comments follows."""
    head, semicolon, tail = statement.rpartition(";")
    while semicolon:
        try:
            if not connection.extract_statements(tail) and connection.extract_statements(head):
                return _without_semicolon(connection, head)
        except duckdb.Error:
            pass  # it stands in a text or in a comment
        head, semicolon, more = head.rpartition(";")
        tail = f"{more};{tail}"
    return statement


def message(error: duckdb.Error) -> str:
    """Return DuckDB's message and its candidates, without the caret picture of the query."""
    lines = str(error).strip().splitlines()
    kept = [line.strip() for line in lines if line.strip()]
    # What DuckDB itself thinks is meant are its own system tables.
    ends = ("LINE ", 'Did you mean "pg_')
    cut = next((i for i, line in enumerate(kept) if line.startswith(ends)), len(kept))
    return " ".join(kept[:cut])


@contextmanager
def time_limit(connection: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
    """Interrupt the connection's query after some seconds; None lets it run."""
    if seconds is None:
        yield
        return
    expired = threading.Event()

    def stop() -> None:
        expired.set()
        connection.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
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
