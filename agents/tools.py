"""What an agent may ask of a warehouse: functions of plain values, all of them reading only.

Each raises the errors of :mod:`dakota_wh.errors`; their messages say what to do next, and are what
the agent is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from dakota_wh.agents.answer import DEFAULT_CAPS, Answer, Caps, short, table
from dakota_wh.agents.description import described
from dakota_wh.errors import UsageProblem
from dakota_wh.rendering.rows import Listing, Rows, pick

if TYPE_CHECKING:
    from dakota_wh.api import Warehouse

#: What tells a run to somebody who has not seen the warehouse; the view ``runs`` has the rest.
_RUN_COLUMNS: Final = (
    "run_id",
    "role",
    "name",
    "project",
    "group",
    "state",
    "rows",
    "first_step",
    "last_step",
    "completeness",
    "evidence",
)
_FINDING: Final = ("severity", "run_id", "check", "metric", "what", "numbers", "evidence")


@dataclass(frozen=True, slots=True)
class Tools:
    """The questions, over one warehouse and within fixed limits."""

    warehouse: Warehouse
    caps: Caps = DEFAULT_CAPS
    #: Seconds that one question may take.
    timeout: float = 60.0
    #: As DuckDB writes sizes.
    memory_limit: str = "2GB"

    def list_runs(self) -> Answer:
        """Return the stored runs with their roles and how complete each history is.

        Raises:
            BadQuery: it took longer or more memory than the limits.
        """
        runs = self.warehouse.query("runs", timeout=self.timeout, memory_limit=self.memory_limit)
        return table(pick(runs, _RUN_COLUMNS), self.caps)

    def list_views(self) -> Answer:
        """Return the views in their newest versions: what each answers, and what a row is.

        They are the map to everything else: of a small answer the words go, and the names last.
        """
        newest = {view.name: view for view in self.warehouse.views()}
        rows = [(v.name, v.version, v.description, v.row) for v in newest.values()]
        columns = ["view", "version", "description", "row"]
        listing = Listing(columns, ["VARCHAR", "BIGINT", "VARCHAR", "VARCHAR"], rows)
        caps = replace(self.caps, rows=len(rows))
        whole = table(listing, caps)
        if whole["complete"]:
            return whole
        for kept in (columns[:1] + columns[2:3], columns[:1]):
            left_out = "Of each view there is more: describe_view"
            whole = table(pick(listing, kept), caps, left_out=left_out)
            if whole["rows_shown"] == len(rows):
                break
        return whole

    def describe_view(self, view: str, version: int | None = None) -> dict[str, Any]:
        """Return a view's columns with types and meanings, its formula, notes and SQL.

        Raises:
            NoSuchView: there is none of that name or version.
        """
        from dakota_wh.sql.views import find_view

        return described(find_view(view, version), self.caps.characters)

    def query_view(
        self,
        view: str,
        runs: Sequence[str] = (),
        role: str | None = None,
        metric: str | None = None,
        version: int | None = None,
        limit: int | None = None,
    ) -> Answer:
        """Return a view's rows; the filters are those of :meth:`Warehouse.query`.

        Raises:
            NoSuchView, NoSuchRun, UsageProblem: the name, a run, or a filter that does not fit.
            BadQuery: it took longer or more memory than the limits.
        """
        caps = self._limited(limit)
        rows = self.warehouse.query(
            view,
            runs=list(runs),
            role=role,
            metric=metric,
            version=version,
            limit=caps.rows + 1,
            timeout=self.timeout,
            memory_limit=self.memory_limit,
        )
        return table(rows, caps, note=_why_empty(rows, metric, bool(runs or role)))

    def run_sql(self, select: str, limit: int | None = None) -> Answer:
        """Return the rows of one SELECT over the views, through the gate of ``dakota-wh sql``.

        Raises:
            BadQuery: it is no single SELECT, reaches outside the warehouse, fails, or takes too
                long or too much memory.
        """
        caps = self._limited(limit)
        rows = self.warehouse.sql(
            select, timeout=self.timeout, memory_limit=self.memory_limit, limit=caps.rows + 1
        )
        return table(rows, caps)

    def findings(self, runs: Sequence[str] = (), require_nonzero: Sequence[str] = ()) -> Answer:
        """Return what is odd about the runs, the most severe first, each with its query.

        Raises:
            NothingFound: the warehouse holds no run.
            NoSuchRun: one of the runs is not there.
            BadQuery: it took longer or more memory than the limits.
        """
        found = self.warehouse.check(
            *runs,
            require_nonzero=list(require_nonzero),
            timeout=self.timeout,
            memory_limit=self.memory_limit,
        )
        rows = [tuple(getattr(finding, name) for name in _FINDING) for finding in found]
        types = ["JSON" if name == "numbers" else "VARCHAR" for name in _FINDING]
        note = "" if rows else "Nothing odd was found by any rule."
        return table(Listing(list(_FINDING), types, rows), self.caps, note=note)

    def _limited(self, limit: int | None) -> Caps:
        if limit is not None and limit < 0:
            raise UsageProblem(f"A limit cannot be negative ({limit}).")
        rows = self.caps.rows if limit is None else min(limit, self.caps.rows)
        return Caps(rows, self.caps.characters, self.caps.cell)


def _why_empty(rows: Rows, metric: str | None, filtered: bool) -> str:
    """Return what to think of an answer without rows."""
    if len(rows):
        return ""
    if metric is not None:
        return (
            f"No row has a metric like {short(metric, 80)!r}: the whole name must match, * stands "
            "for any characters. The view series lists every metric of a run."
        )
    return "No row fits the filters." if filtered else "The view has no rows in this warehouse."
