"""What is asked of a view, and the one thing that an engine has to do: answer it.

The embedded DuckDB answers (:mod:`dakota_wh.warehouse.embedded`), and so can another engine over
the same files (:mod:`dakota_wh.spark.engine`); whoever asks need not know which.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from dakota_wh.errors import UsageProblem
from dakota_wh.sql.views import View, closure, find_view
from dakota_wh.warehouse.layout import ROLES
from dakota_wh.warehouse.result import Result

#: The largest LIMIT that DuckDB takes.
MOST_ROWS: Final = 2**63 - 1
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
    "scope",
    "part",
    "step",
    "row_number",
    "name",
    "version",
    "timestamp",
)


@dataclass(frozen=True, slots=True)
class Question:
    """A view's rows, by what is wanted of them; made by :func:`ask`, which looks at the words."""

    view: View
    #: Only rows of these runs; of a pair, one of its two runs.
    runs: tuple[str, ...] = ()
    role: str | None = None
    #: Only metrics whose whole name is like this: ``*`` is any characters, ``?`` is one.
    metric: str | None = None
    limit: int | None = None

    @property
    def run_columns(self) -> list[str]:
        """The columns that name a run."""
        return [name for name in _RUN_COLUMNS if name in _names(self.view)]

    @property
    def order(self) -> list[str]:
        """The columns to sort by, NULL last; none for history, which is as it was logged."""
        names = _names(self.view)
        return [] if self.view.name == "history" else [one for one in _ORDER if one in names]

    @property
    def files_of_its_runs_do(self) -> bool:
        """Whether the files of the wanted runs are enough, since every row below is of one run.

        A view that compares runs names them ``orchestrator_run_id``, …; it needs the files of all,
        and so does every view that reads it.
        """
        if not self.runs:
            return False
        below = [one for one in closure([self.view.relation]) if not one.startswith("stored_")]
        return all("run_id" in _names(find_view(one)) for one in below)


class Engine(Protocol):
    """Whatever can answer a question over a warehouse's files."""

    def answer(
        self,
        root: Path,
        question: Question,
        timeout: float | None = None,
        memory_limit: str | None = None,
    ) -> Result:
        """Return the rows.

        Args:
            root: the warehouse's folder. Of one in a store it is the mirror's, which has the parts
                that were asked for: see :func:`dakota_wh.store.moment.files_of`.
            question: which rows of which view.
            timeout: seconds after which it is stopped.
            memory_limit: as DuckDB writes sizes, ``2GB``; beyond it is spilled to the disk.

        Raises:
            NotAWarehouse: a file cannot be read.
            BadQuery: it fails, or takes too long or too much memory.
            UsageProblem: the engine has no such limit.
        """
        ...


def ask(
    view: View,
    *,
    runs: tuple[str, ...] = (),
    role: str | None = None,
    metric: str | None = None,
    limit: int | None = None,
) -> Question:
    """Return a question that the view can answer.

    Args:
        view: what is asked.
        runs: only rows of these runs; a pair counts when one of its two runs is among them.
        role: only rows of runs of this role.
        metric: only metrics whose whole name is like this: ``*`` stands for any characters, ``?``
            for one.
        limit: at most so many rows.

    Raises:
        UsageProblem: a filter that the view has no column for, no such role, an impossible limit.
    """
    question = Question(view, runs, role, metric, limit)
    names = _names(view)
    _needs(view, "--run", not runs or bool(question.run_columns))
    _needs(view, "--role", role is None or "role" in names)
    if role is not None and role not in ROLES:
        raise UsageProblem(f"There is no role {role!r}.", hint=f"Roles: {', '.join(ROLES)}")
    _needs(view, "--metric", metric is None or "metric" in names)
    if limit is not None and limit < 0:
        raise UsageProblem(f"A limit cannot be negative ({limit}).")
    if limit is not None and limit > MOST_ROWS:
        raise UsageProblem(f"A limit cannot be larger than {MOST_ROWS} ({limit}).")
    return question


def _names(view: View) -> set[str]:
    return {column.name for column in view.columns}


def _needs(view: View, flag: str, fits: bool) -> None:
    if not fits:
        raise UsageProblem(
            f"{view.name} cannot be filtered by {flag}: it has no such column.",
            hint=f"Its columns: dakota-wh schema {view.name}",
        )
