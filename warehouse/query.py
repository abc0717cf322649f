"""Views by name, with filters; and SQL as typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from dakota_wh.errors import BadQuery, NoSuchRun
from dakota_wh.sql.views import find_view
from dakota_wh.warehouse import catalogue, gate
from dakota_wh.warehouse.connection import check_is_warehouse, connect, retrying
from dakota_wh.warehouse.embedded import EmbeddedDuckDB
from dakota_wh.warehouse.layout import is_stored, stored_run_ids
from dakota_wh.warehouse.question import Engine, ask
from dakota_wh.warehouse.relations import mentioned
from dakota_wh.warehouse.result import Result


def query_view(
    root: Path,
    name: str,
    *,
    runs: Sequence[str] = (),
    role: str | None = None,
    metric: str | None = None,
    version: int | None = None,
    limit: int | None = None,
    timeout: float | None = None,
    engine: Engine | None = None,
) -> Result:
    """Return a view's rows.

    Args:
        root: the warehouse's folder.
        name: a view, plain (its newest version) or with ``_vN``.
        runs: only rows of these runs; a pair counts when one of its two runs is among them.
        role: only rows of runs of this role.
        metric: only metrics whose whole name is like this: ``*`` stands for any characters, ``?``
            for one.
        version: the version, where not the newest is wanted.
        limit: at most so many rows.
        timeout: seconds after which it is stopped.
        engine: what computes them; by default DuckDB in this process.

    Raises:
        NoSuchView, NoSuchRun, UsageProblem: the name, a run, or a filter that the view has not.
        BadQuery: it takes too long.
    """
    view = find_view(name, version)
    check_is_warehouse(root)
    known_runs(root, runs)
    question = ask(view, runs=tuple(runs), role=role, metric=metric, limit=limit)
    return (engine or EmbeddedDuckDB()).answer(root, question, timeout)


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
        connection = connect(root, mentioned(text), memory_limit=memory_limit)
        try:
            with gate.time_limit(connection, timeout):
                body = gate.checked(connection, text)
                if limit is not None:
                    body = f"SELECT * FROM (\n{body}\n) AS typed LIMIT {int(limit)}"
                return Result.of(connection, body)
        except duckdb.IOException:
            connection.close()
            raise
        except (duckdb.Error, BadQuery) as error:
            connection.close()
            if isinstance(error, BadQuery):
                raise
            raise BadQuery(f"The SQL failed: {gate.message(error)}") from error

    try:
        return retrying(run)
    except duckdb.IOException as error:
        raise BadQuery(f"The SQL failed: {gate.message(error)}") from error
