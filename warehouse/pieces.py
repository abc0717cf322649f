"""A view over very many runs, answered for some of them at a time.

Views that sort or hold every value take memory by the number of values, and more time for each the
more there are: over 10,000 runs of 100 steps × 12 metrics ``trend_evidence`` took 7.4 GiB. Where
each row is made of one run alone, some of the runs give some of the rows, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Final

import duckdb

from dakota_wh.warehouse.layout import part_of
from dakota_wh.warehouse.live_files import variable_of
from dakota_wh.warehouse.relations import STORED_RUNS

#: Those views, as ``benchmarks`` ``all_views`` shows.
VIEWS: Final = frozenset({"trend_evidence", "metric_parts", "theil_sen"})
#: Log rows of the runs that are answered at a time; one run is never cut.
_ROWS: Final = 50_000
_EVERY: Final = "every_run"
_TABLE: Final = "metrics"


def in_pieces(connection: duckdb.DuckDBPyConnection, expired: Event) -> Iterator[None]:
    """Make a connection see some runs after others; yield each time, ordered by run.

    Every stored relation asks ``stored_runs`` for its parts, so those of other runs count as none.

    Args:
        connection: with the views laid over the live files of one moment.
        expired: set where the time for all of it is up.

    Raises:
        duckdb.InterruptException: it is.
    """
    runs = connection.execute(
        f"SELECT run_id, rows, parts FROM {STORED_RUNS} ORDER BY run_id"
    ).fetchall()
    pieces = [*_cut([(run_id, rows) for run_id, rows, _ in runs])]
    if len(pieces) < 2:
        yield
        return
    run_of = {part: run_id for run_id, _, parts in runs for part in parts or ()}
    variable = variable_of(_TABLE)
    (kept,) = connection.execute(f"SELECT getvariable('{variable}')").fetchall()[0]
    files: dict[str | None, list[str]] = {}
    for path in kept or ():  # that without rows, which gives the columns, is of no run
        part = part_of(path)
        files.setdefault(None if part is None else run_of.get(part), []).append(path)
    connection.execute(f"CREATE TABLE {_EVERY} AS SELECT * FROM {STORED_RUNS}")
    for piece in pieces:
        if expired.is_set():  # between two statements an interrupt meets nobody
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
        # That without rows comes last: DuckDB estimates the rows of all by those of the first.
        some = [path for run_id in (*piece, None) for path in files.get(run_id, ())]
        connection.execute(f"SET VARIABLE {variable} = CAST(? AS VARCHAR[])", [some])
        connection.execute(
            f"CREATE OR REPLACE TABLE {STORED_RUNS} AS "
            f"SELECT * FROM {_EVERY} WHERE run_id BETWEEN ? AND ?",
            [piece[0], piece[-1]],
        )
        yield


def _cut(runs: list[tuple[str, int]]) -> Iterator[list[str]]:
    piece: list[str] = []
    count = 0
    for run_id, rows in runs:
        if piece and count + rows > _ROWS:
            yield piece
            piece, count = [], 0
        piece.append(run_id)
        count += rows
    if piece:
        yield piece
