"""The report's SELECTs: asked, and kept as text beside what they gave."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dakota_wh.plot.naming import shown
from dakota_wh.plot.page.table import Noted, Table
from dakota_wh.plot.reading import Reading, filled
from dakota_wh.plot.series import Series, series_of

_PACKAGE: Final = "dakota_wh.report"

#: Columns of the view runs that hold a JSON list.
_LISTS: Final = ("lossy", "warnings")

Row = dict[str, Any]

#: What must be read with a number of a row; "" for nothing.
Note = Callable[[Row], str]


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks a warehouse the SELECTs of this package about some runs."""

    reading: Reading
    runs: Sequence[str]
    _known: dict[str, list[Row]] = field(default_factory=dict)

    def text(self, name: str, **places: str) -> str:
        """Return a SELECT as it can be typed into ``dakota-wh sql``."""
        return filled(_PACKAGE, f"{name}.sql", runs=self.runs, **places)

    def rows(self, name: str, **places: str) -> list[Row]:
        """Return the rows of a SELECT, asked once however often they are wanted."""
        text = self.text(name, **places)
        if text not in self._known:
            self._known[text] = self.reading.sql(text).dicts()
        return self._known[text]

    def series(self, name: str) -> list[Series]:
        """Return the series of a SELECT with run_id, metric, step and value."""
        return series_of(self.reading.sql(self.text(name)))

    @property
    def doubtful(self) -> dict[str, str]:
        """The runs that are not proved complete, each with its verdict."""
        verdicts = {row["run_id"]: row["completeness"] for row in self.rows("certificate")}
        return {run: verdict for run, verdict in verdicts.items() if verdict != "complete"}

    def marked(self, run: str, longest: int = 60) -> str:
        """Return a run's name on paper, with its verdict where it is not proved complete."""
        verdict = self.doubtful.get(run)
        return shown(run, longest) + (f" ({verdict})" if verdict else "")

    def table(
        self, name: str, caption: str, columns: Mapping[str, str], notes: Sequence[str] = ()
    ) -> Table:
        """Return a SELECT's rows as a table: its columns, and what each is called on paper."""
        found = [
            [self.marked(row[c], 400) if c == "run_id" else row[c] for c in columns]
            for row in self.rows(name)
        ]
        return Table(caption, list(columns.values()), found, self.text(name), notes)

    def facts(
        self,
        name: str,
        caption: str,
        facts: Mapping[str, str],
        notes: Sequence[str] = (),
        *,
        beside: Mapping[str, Note] | None = None,
    ) -> Table:
        """Return a SELECT's rows turned on their side: a line a fact, a column a run.

        What no run has is left out. ``beside`` is what must be read with a fact's number.
        """
        rows = self.rows(name)
        beside = beside or {}
        lines = [
            [words, *(_said(fact, row, beside.get(fact)) for row in rows)]
            for fact, words in facts.items()
            if any(row[fact] not in (None, "[]") for row in rows)
        ]
        columns = ["", *(self.marked(row["run_id"], 40) for row in rows)]
        return Table(caption, columns, lines, self.text(name), notes, turned=True)


def _said(fact: str, row: Row, beside: Note | None) -> Any:
    value = row[fact]
    if value is None or value == "[]":
        return "–"
    if fact in _LISTS:
        return "; ".join(str(one) for one in json.loads(value))
    words = beside(row) if beside else ""
    return Noted(value, words) if words else value
