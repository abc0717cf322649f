"""All that the warehouse knows of one run, gathered from its views."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dakota_wh.api import Warehouse

Row = dict[str, Any]

#: Columns of the view runs that hold a JSON list.
_LISTS: Final = ("tags", "lossy", "warnings")


@dataclass(frozen=True, slots=True)
class RunStory:
    """One run: its row of ``runs``, and its rows of the views that tell of it."""

    run: Row
    pairs: list[Row]
    #: Rows of run_pair_candidates, the best first; none where the run is in a pair.
    candidates: list[Row]
    #: Steps that its own stride promises and that are not there.
    missing_steps: int
    #: Rows of metric_stats with ``writer``, ``kind`` and ``kind_rank`` of series.
    metrics: list[Row]
    trends: list[Row]
    config: list[Row]
    summary: list[Row]

    def document(self) -> dict[str, Any]:
        """Return all of it as one JSON document."""
        lists = {name: json.loads(self.run[name] or "[]") for name in _LISTS}
        return {
            "run": {**self.run, **lists},
            "pairs": self.pairs,
            "candidates": self.candidates,
            "missing_steps": self.missing_steps,
            "metrics": self.metrics,
            "trends": self.trends,
            "config": _entries(self.config),
            "summary": _entries(self.summary),
        }


def read_story(warehouse: Warehouse, run_id: str) -> RunStory:
    """Read a run from the views.

    Raises:
        NoSuchRun: the warehouse has no such run.
    """
    wanted = [run_id]

    def rows(view: str) -> list[Row]:
        return warehouse.query(view, runs=wanted).dicts()

    kinds = {row["metric"]: row for row in rows("series")}
    metrics = [
        {**row, **{n: kinds.get(row["metric"], {}).get(n) for n in ("writer", "kind", "kind_rank")}}
        for row in rows("metric_stats")
    ]
    run, pairs = rows("runs")[0], rows("run_pairs")
    alone = run["role"] in ("orchestrator", "trainer") and not pairs
    candidates = rows("run_pair_candidates") if alone else []
    candidates.sort(key=lambda row: -row["score"])
    return RunStory(
        run=run,
        pairs=pairs,
        candidates=candidates,
        missing_steps=next((row["missing"] for row in rows("run_gaps")), 0),
        metrics=metrics,
        trends=rows("metric_trends"),
        config=rows("config"),
        summary=rows("summary"),
    )


def _entries(rows: list[Row]) -> Row:
    """Return the values by key, as they were logged."""
    return {row["key"]: row["text"] if row["type"] == "string" else _said(row) for row in rows}


def _said(row: Row) -> Any:
    try:
        return json.loads(row["text"])
    except (TypeError, ValueError):
        return row["text"] if row["value"] is None else row["value"]
