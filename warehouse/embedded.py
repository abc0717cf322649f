"""The engine that is always there: DuckDB in this process, over the files of one moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from dakota_wh.errors import BadQuery, WarehouseError
from dakota_wh.warehouse import catalogue, gate, pieces
from dakota_wh.warehouse.connection import connect, retrying, unreadable, what_mends
from dakota_wh.warehouse.question import Question
from dakota_wh.warehouse.quoting import identifier
from dakota_wh.warehouse.relations import FilesOf, files_of_runs
from dakota_wh.warehouse.result import Result
from dakota_wh.warehouse.wildcards import like


class EmbeddedDuckDB:
    """Answers by a connection of its own for each question."""

    def answer(
        self,
        root: Path,
        question: Question,
        timeout: float | None = None,
        memory_limit: str | None = None,
    ) -> Result:
        """Return the rows; see :class:`dakota_wh.warehouse.question.Engine`."""
        catalogue.refresh(root)
        select, parameters = _select(question)
        files = None
        if question.files_of_its_runs_do:
            files = files_of_runs(root.absolute(), question.runs)
        try:
            return retrying(
                lambda: _run(root, question, select, parameters, files, timeout, memory_limit)
            )
        except duckdb.IOException as error:
            raise unreadable(root, error) from error


def _select(question: Question) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    parameters: list[Any] = []
    if question.runs:
        marks = ", ".join("?" for _ in question.runs)
        having = question.run_columns
        conditions.append("(" + " OR ".join(f"{name} IN ({marks})" for name in having) + ")")
        parameters += [run for _ in having for run in question.runs]
    if question.role is not None:
        conditions.append("role = ?")
        parameters.append(question.role)
    if question.metric is not None:
        conditions.append("metric LIKE ? ESCAPE '!'")
        parameters.append(like(question.metric))
    select = f"SELECT * FROM {identifier(question.view.relation)}"
    if conditions:
        select += f" WHERE {' AND '.join(conditions)}"
    if question.order:
        select += f" ORDER BY {', '.join(question.order)}"
    if question.limit is not None:
        select += f" LIMIT {int(question.limit)}"
    return select, parameters


def _run(
    root: Path,
    question: Question,
    select: str,
    parameters: list[Any],
    files: FilesOf | None,
    timeout: float | None,
    memory_limit: str | None,
) -> Result:
    relation = question.view.relation
    connection = connect(
        root,
        [relation],
        files=files,
        memory_limit=memory_limit,
        filtered=bool(question.runs) or question.role is not None,
        joins=False,
    )
    try:
        with gate.time_limit(connection, timeout) as expired:
            if question.view.name not in pieces.VIEWS:
                return Result.of(connection, select, parameters)
            turns = pieces.in_pieces(connection, expired)
            return Result.of(connection, select, parameters, turns=turns, limit=question.limit)
    except (duckdb.IOException, WarehouseError):
        connection.close()
        raise
    except duckdb.Error as error:
        connection.close()
        raise BadQuery(
            f"The view {relation} failed: {gate.message(error)}", hint=what_mends(error)
        ) from error
