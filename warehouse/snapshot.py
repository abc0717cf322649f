"""Several questions to the warehouse as it is at one moment.

One connection answers them all, over the files that are live when it opens: nothing that is
published meanwhile comes between two answers, and the views are laid once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
import numpy as np

from dakota_wh.warehouse import catalogue
from dakota_wh.warehouse.connection import check_is_warehouse, connect, retrying, unreadable
from dakota_wh.warehouse.quoting import identifier

T = TypeVar("T")

_POINTS: Final = """
SELECT list_position($metrics, metric) AS place, step, runtime, value
FROM metric_points
WHERE run_id = $run_id AND list_contains($metrics, metric)
ORDER BY place, step
"""


@dataclass(frozen=True, slots=True)
class Points:
    """The values of one metric of one run, by ascending step."""

    #: int64.
    step: np.ndarray
    #: Time since the run's start (s), float64; NaN where it is not known.
    runtime: np.ndarray
    #: As logged, float64: NaN and the infinities are values like others.
    value: np.ndarray


class Snapshot:
    """The warehouse at one moment; lives as long as :func:`at_one_moment` works on it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(self, view: str, runs: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return the rows of a view that has a run_id, of some runs or of all, as dicts."""
        select = f"SELECT * FROM {identifier(view)}"
        if runs:
            select += f" WHERE run_id IN ({', '.join('?' for _ in runs)})"
        answer = self._connection.execute(select, list(runs))
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def points(self, wanted: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], Points]:
        """Return the points of the wanted metrics of each run, by (run, metric).

        A metric that a run does not log is left out. Needs the view metric_points.
        """
        found: dict[tuple[str, str], Points] = {}
        for run, asked in wanted.items():
            metrics = list(dict.fromkeys(asked))
            if metrics:
                answer = self._connection.execute(_POINTS, {"metrics": metrics, "run_id": run})
                found.update(_by_metric(run, metrics, answer.fetchnumpy()))
        return found


def at_one_moment(root: Path, views: Iterable[str], work: Callable[[Snapshot], T]) -> T:
    """Return what ``work`` makes of the warehouse, through the named views.

    It is done anew when a file vanishes under it, and must therefore change nothing.

    Raises:
        NotAWarehouse: there is no warehouse, or a file of it cannot be read.
    """
    check_is_warehouse(root)
    catalogue.refresh(root)
    names = list(views)

    def once() -> T:
        with connect(root, names) as connection:
            return work(Snapshot(connection))

    try:
        return retrying(once)
    except duckdb.Error as error:
        raise unreadable(root, error) from error


def _by_metric(
    run: str, metrics: Sequence[str], columns: Mapping[str, Any]
) -> dict[tuple[str, str], Points]:
    place = np.ma.filled(columns["place"])
    runtime = np.ma.filled(columns["runtime"], np.nan)
    step, value = np.ma.filled(columns["step"]), np.ma.filled(columns["value"])
    found = {}
    for index, metric in enumerate(metrics, 1):
        begin, end = np.searchsorted(place, [index, index + 1])
        if begin < end:
            found[run, metric] = Points(step[begin:end], runtime[begin:end], value[begin:end])
    return found
