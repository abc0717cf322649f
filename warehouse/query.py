"""Views by name, with filters; and SQL as typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from dakota_wh.errors import BadQuery, NoSuchRun, WarehouseError
from dakota_wh.sql.views import find_view
from dakota_wh.warehouse import catalogue, gate
from dakota_wh.warehouse.access import runs_must_be_listable
from dakota_wh.warehouse.connection import (
    blames_a_file,
    check_is_warehouse,
    connect,
    retrying,
    what_mends,
)
from dakota_wh.warehouse.embedded import EmbeddedDuckDB
from dakota_wh.warehouse.layout import is_stored, stored_run_ids
from dakota_wh.warehouse.question import Engine, Question, ask
from dakota_wh.warehouse.relations import may_join, mentioned, tables_of
from dakota_wh.warehouse.result import Result


def query_view(
    root: Path, name: str, *, runs: Sequence[str] = (), metric: str | None = None
) -> Result:
    """Return a view's rows; see :func:`answered`.

    Raises:
        NoSuchView, NoSuchRun, UsageProblem: the name, a run, or a filter that the view has not.
    """
    return answered(root, ask(find_view(name), runs=tuple(runs), metric=metric))


def answered(
    root: Path,
    question: Question,
    timeout: float | None = None,
    engine: Engine | None = None,
    memory_limit: str | None = None,
) -> Result:
    """Return the rows that are asked for.

    Args:
        root: the warehouse's folder.
        question: which rows of which view.
        timeout: seconds after which it is stopped.
        engine: what computes them; by default DuckDB in this process.
        memory_limit: as DuckDB writes sizes, ``2GB``.

    Raises:
        NotAWarehouse: there is none, or a file of it cannot be read.
        NoSuchRun: one of the runs is not there.
        BadQuery: it takes too long or too much memory.
    """
    check_is_warehouse(root)
    known_runs(root, question.runs)
    if engine is not None:  # ours sees to it for what it reads
        for table in {"runs", *tables_of([question.view.relation])}:
            runs_must_be_listable(root, table)
    # Somebody's own engine need not know of a limit that was not given.
    more = {} if memory_limit is None else {"memory_limit": memory_limit}
    return (engine or EmbeddedDuckDB()).answer(root, question, timeout, **more)


def known_runs(root: Path, runs: Sequence[str]) -> None:
    """Raise unless the warehouse has each of the runs.

    Raises:
        NoSuchRun: it has not; the hint names those it has.
    """
    for run in runs:
        if not is_stored(root, run):
            stored = stored_run_ids(root)
            shown = ", ".join(stored[:8]) + (f" and {len(stored) - 8} more" if stored[8:] else "")
            raise NoSuchRun(
                f"The warehouse has no run {run}.",
                hint=f"It has: {shown}" if stored else "It has none yet: dakota-wh ingest …",
            )


def query_sql(
    root: Path,
    text: str,
    *,
    timeout: float | None = None,
    memory_limit: str | None = None,
    limit: int | None = None,
) -> Result:
    """Return the rows of one read-only SELECT over the views.

    Args:
        root: the warehouse's folder.
        text: one SELECT; the relations are the views' names, plain or with a version.
        timeout: seconds after which it is stopped.
        memory_limit: as DuckDB writes sizes, ``2GB``.
        limit: at most so many rows, whatever the SELECT itself says.

    Raises:
        BadQuery: it is no SELECT, it fails, or it takes too long or too much memory.
    """

    check_is_warehouse(root)
    catalogue.refresh(root)

    def run() -> Result:
        connection = connect(root, mentioned(text), memory_limit=memory_limit, joins=may_join(text))
        try:
            with gate.time_limit(connection, timeout):
                body = gate.checked(connection, text)
                if limit is not None:
                    body = f"SELECT * FROM (\n{body}\n) AS typed LIMIT {int(limit)}"
                return Result.of(connection, body)
        except (duckdb.IOException, WarehouseError):
            connection.close()
            raise
        except duckdb.Error as error:
            connection.close()
            raise _failed(error) from error

    try:
        return retrying(run)
    except duckdb.IOException as error:
        raise _failed(error) from error


def _failed(error: duckdb.Error) -> BadQuery:
    mends = what_mends(error) if blames_a_file(error) else ""
    return BadQuery(f"The SQL failed: {gate.message(error)}", hint=mends)
