"""The engine that asks Spark: the same questions, over the same files, with the same answers."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from dakota_wh.errors import BadQuery, NotAWarehouse, UsageProblem, WarehouseError
from dakota_wh.spark.pinned import pinned
from dakota_wh.spark.session import import_spark, own_session
from dakota_wh.store.moment import files_of
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.question import Question
from dakota_wh.warehouse.relations import files_of_runs, tables_of
from dakota_wh.warehouse.result import Result
from dakota_wh.warehouse.wildcards import like

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: A reader that began before a run was published twice may find a file gone; then it starts over.
_TRIES: Final = 3
_GONE: Final = ("FILE_NOT_EXIST", "FileNotFoundException", "PATH_NOT_FOUND")
#: A job that begins after the time is up is stopped too: seconds from one look to the next.
_AGAIN: Final = 0.05
#: The types of documented columns, as a result has them.
_ARROW: Final = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
}


class SparkEngine:
    """Answers in a session that it is given, or in one that it starts at the first question."""

    def __init__(self, session: SparkSession | None = None, *, master: str | None = None) -> None:
        import_spark()
        self._session = session
        self._master = master

    def answer(
        self,
        root: Path,
        question: Question,
        timeout: float | None = None,
        memory_limit: str | None = None,
    ) -> Result:
        """Return the rows; see :class:`dakota_wh.warehouse.question.Engine`."""
        if memory_limit is not None:
            raise UsageProblem(
                "Spark's memory is its session's, not a question's.",
                hint="Leave memory_limit= away, and set spark.driver.memory and "
                "spark.executor.memory where the session is made.",
            )
        if self._session is None:
            self._session = own_session(self._master)
        tables = tables_of([question.view.relation])
        runs = question.runs if question.files_of_its_runs_do else None
        with (
            files_of(root.absolute(), tables, runs) as folder,
            _time_limit(self._session, timeout) as expired,
        ):
            of_runs = files_of_runs(folder, runs) if runs is not None else None
            # Says what is missing, which Spark would not.
            connect(folder, [question.view.relation], files=of_runs).close()
            for attempt in range(1, _TRIES + 1):
                try:
                    table = _rows(self._session, folder, question, expired)
                    return Result.of_arrow(table)
                except WarehouseError:
                    raise
                except Exception as error:  # of py4j, of Java, of pyspark
                    if expired.is_set():
                        raise _too_long(timeout) from error
                    gone = any(word in str(error) for word in _GONE)
                    if not gone or attempt == _TRIES:
                        raise _failed(root, question, error, gone=gone) from error
        raise AssertionError  # the last attempt returns or raises


def _rows(
    session: SparkSession, root: Path, question: Question, expired: threading.Event
) -> pa.Table:
    from dakota_wh.spark.laying import lay
    from dakota_wh.spark.statements import statements
    from dakota_wh.spark.text import literal, name

    relation = question.view.relation
    runs = question.runs if question.files_of_its_runs_do else ()
    plan = statements(root, [relation], runs)
    conditions = []
    if question.runs:
        wanted = ", ".join(literal(run) for run in question.runs)
        having = " OR ".join(f"{name(one)} IN ({wanted})" for one in question.run_columns)
        conditions.append(f"({having})")
    if question.role is not None:
        conditions.append(f"`role` = {literal(question.role)}")
    if question.metric is not None:
        conditions.append(f"`metric` LIKE {literal(like(question.metric))} ESCAPE '!'")
    lay(session, plan[:-1])
    if expired.is_set():  # planning, which nothing interrupts, took all the time
        raise TimeoutError
    if question.view.name == "history":
        # As it was logged, by columns that the view does not show.
        select, order = plan[-1].text, ["role", "run_id", "_row"]
    else:
        select, order = f"SELECT * FROM (\n{plan[-1].text}\n) AS `asked`", question.order
    if conditions:
        select += f"\nWHERE {' AND '.join(conditions)}"
    if order:
        select += f"\nORDER BY {', '.join(f'{name(one)} NULLS LAST' for one in order)}"
    if question.limit is not None:
        select += f"\nLIMIT {int(question.limit)}"
    with pinned(session):
        frame = session.sql(select)
    return _typed(frame.toArrow(), question)


def _typed(table: pa.Table, question: Question) -> pa.Table:
    """Return a table whose documented columns have the documented types."""
    documented = {column.name: column.type for column in question.view.columns}
    fields = [
        pa.field(field.name, _ARROW.get(documented.get(field.name, ""), field.type))
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


@contextmanager
def _time_limit(session: SparkSession, seconds: float | None) -> Iterator[threading.Event]:
    """Stop what the session computes for this question after some seconds; None lets it run."""
    expired, done = threading.Event(), threading.Event()
    if seconds is None:
        yield expired
        return
    tag = f"dakota-wh-{uuid.uuid4().hex}"

    def stop() -> None:
        if done.wait(seconds):
            return
        expired.set()
        while not done.wait(_AGAIN):
            session.interruptTag(tag)

    watch = threading.Thread(target=stop, daemon=True)
    session.addTag(tag)
    watch.start()
    try:
        yield expired
    finally:
        done.set()
        watch.join()
        session.removeTag(tag)


def _too_long(seconds: float | None) -> BadQuery:
    return BadQuery(
        f"The query took longer than {seconds:g} s and was stopped.",
        hint="Narrow it down, or give it longer.",
    )


def _failed(root: Path, question: Question, error: Exception, *, gone: bool) -> WarehouseError:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    if gone:
        return NotAWarehouse(
            f"The warehouse {root} cannot be read: {first}",
            hint="It is being changed, or Spark's executors do not see the folder.",
        )
    return BadQuery(
        f"The view {question.view.relation} failed on Spark: {first}",
        hint="The same without --engine spark runs in this process.",
    )
