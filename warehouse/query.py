"""Views by name, with filters; and SQL as typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from dakota_wh.errors import BadQuery, NoSuchRun, NotAWarehouse, UsageProblem
from dakota_wh.sql.views import View, closure, find_view
from dakota_wh.warehouse import catalogue, gate
from dakota_wh.warehouse.connection import check_is_warehouse, connect, retrying
from dakota_wh.warehouse.layout import ROLES, is_stored, stored_run_ids
from dakota_wh.warehouse.quoting import identifier
from dakota_wh.warehouse.relations import FilesOf, files_of_runs, mentioned
from dakota_wh.warehouse.result import Result
from dakota_wh.warehouse.wildcards import like

_DAMAGED: Final = "If a file of a run is named: dakota-wh remove RUN, then ingest it again."

_RUN_COLUMNS: Final = ("run_id", "orchestrator_run_id", "trainer_run_id")
#: What a result is sorted by, where the view has it; history keeps the order of logging.
_ORDER: Final = (
    *_RUN_COLUMNS,
    "role",
    "metric",
    "key",
    "kind",
    "quantity",
    "milestone",
    "lag",
    "step",
    "row_number",
    "name",
    "version",
    "timestamp",
)


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

    Raises:
        NoSuchView, NoSuchRun, UsageProblem: the name, a run, or a filter that the view has not.
        BadQuery: it takes too long.
    """
    view = find_view(name, version)
    check_is_warehouse(root)
    known_runs(root, runs)
    catalogue.refresh(root)
    where, parameters = _conditions(view, runs, role, metric)
    select = f"SELECT * FROM {identifier(view.relation)}{where}{_order(view)}"
    if limit is not None:
        if limit < 0:
            raise UsageProblem(f"A limit cannot be negative ({limit}).")
        select += f" LIMIT {int(limit)}"
    try:
        return retrying(
            lambda: _run(root, view, select, parameters, _files(root, view, runs), timeout)
        )
    except duckdb.IOException as error:
        raise NotAWarehouse(
            f"The warehouse {root} cannot be read: {gate.message(error)}",
            hint=_DAMAGED,
        ) from error


def _run(
    root: Path,
    view: View,
    select: str,
    parameters: list[Any],
    files: FilesOf | None,
    timeout: float | None,
) -> Result:
    connection = connect(root, [view.relation], files=files)
    try:
        with gate.time_limit(connection, timeout):
            return Result.of(connection, select, parameters)
    except (duckdb.IOException, BadQuery):
        connection.close()
        raise
    except duckdb.Error as error:
        connection.close()
        raise BadQuery(
            f"The view {view.relation} failed: {gate.message(error)}", hint=_DAMAGED
        ) from error


def _files(root: Path, view: View, runs: Sequence[str]) -> FilesOf | None:
    """Return only the files of the wanted runs, where a row of the view is of one run.

    A view that compares runs names them ``orchestrator_run_id``, …; it needs the files of all, and
    so does every view that reads it.
    """
    read = [find_view(name) for name in closure([view.relation]) if not name.startswith("stored_")]
    if runs and all("run_id" in {column.name for column in one.columns} for one in read):
        return files_of_runs(root.absolute(), runs)
    return None


def _conditions(
    view: View, runs: Sequence[str], role: str | None, metric: str | None
) -> tuple[str, list[Any]]:
    columns = {column.name for column in view.columns}
    conditions: list[str] = []
    parameters: list[Any] = []
    if runs:
        having = [name for name in _RUN_COLUMNS if name in columns]
        _needs(view, "--run", bool(having))
        marks = ", ".join("?" for _ in runs)
        conditions.append("(" + " OR ".join(f"{name} IN ({marks})" for name in having) + ")")
        parameters += [run for _ in having for run in runs]
    if role is not None:
        _needs(view, "--role", "role" in columns)
        if role not in ROLES:
            raise UsageProblem(f"There is no role {role!r}.", hint=f"Roles: {', '.join(ROLES)}")
        conditions.append("role = ?")
        parameters.append(role)
    if metric is not None:
        _needs(view, "--metric", "metric" in columns)
        conditions.append("metric LIKE ? ESCAPE '!'")
        parameters.append(like(metric))
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), parameters


def _needs(view: View, flag: str, fits: bool) -> None:
    if not fits:
        raise UsageProblem(
            f"{view.name} cannot be filtered by {flag}: it has no such column.",
            hint=f"Its columns: dakota-wh schema {view.name}",
        )


def _order(view: View) -> str:
    columns = {column.name for column in view.columns}
    wanted = [name for name in _ORDER if name in columns]
    if view.name == "history" or not wanted:
        return ""
    return " ORDER BY " + ", ".join(wanted)


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
