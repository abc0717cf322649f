"""CSV exports: ``<id>_history.csv`` with ``_summary.json``, ``_config.json``, ``_metadata.json``.

The form is what ``run.history()`` or ``scan_history()`` gives after pandas' ``to_csv``. Its columns
are W&B's keys, a row is one log call, and the run's id stands only in the file names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.csv_cells import column_tokens, spread
from dakota_wh.ingest.exports.csv_file import TextWatch, blocks, check_closed, read_header
from dakota_wh.ingest.exports.facts import facts_beside, load_object, sidecars
from dakota_wh.ingest.exports.names import short_name, single_file_id
from dakota_wh.ingest.exports.stamp import Snapshot
from dakota_wh.ingest.source import Continuation, KeyPath, LogRows, RunFacts

LOSSY = (
    "an empty cell may be NaN, None, empty text or not logged: it is read as not logged",
    "a text of digits, 'True', 'nan' or a bracketed list cannot be told from that value",
    "an integer in a column with empty cells may have become a float, inexact beyond 2^53",
)

_INDEX_NAMES = ("", "Unnamed: 0")


@dataclass(frozen=True, slots=True)
class CsvExport:
    """One ``…_history.csv`` and the JSON files beside it."""

    path: Path

    @property
    def kind(self) -> str:
        """Always ``csv-export``."""
        return "csv-export"

    @property
    def name(self) -> str:
        """The file, with its folder when that is named after the run."""
        return short_name(self.path, self.run_id)

    @property
    def run_id(self) -> str:
        """``29hn8w98`` of ``29hn8w98_history.csv``; the folder's name of ``history.csv``."""
        return single_file_id(self.path)

    @property
    def entity(self) -> str | None:
        """The entity in ``_metadata.json``, if any."""
        return self._known("entity")

    @property
    def project(self) -> str | None:
        """The project in ``_metadata.json``, if any."""
        return self._known("project")

    def read(self, resume: Mapping[str, Any] | None) -> CsvReading:
        """Begin a pass; see ``Source.read``.

        Raises:
            SourceProblem: no ``_step`` column, a broken header, a cut file, not UTF-8.
        """
        beside = sidecars(self.path.parent, self.run_id)
        watch = TextWatch()
        snapshot = Snapshot([self.path, *beside.values()], {self.path: watch})
        if snapshot.matches(resume):
            return CsvReading(self, beside, snapshot, watch, None, False)
        header, quotes_all = read_header(self.path)
        if "_step" not in header:
            raise SourceProblem(
                f"{self.path.name} has no column _step, so its rows have no order.",
                hint="Export the whole history with run.scan_history(), which has _step, "
                "and ingest that file.",
            )
        if watch.odd_quotes:
            check_closed(self.path)
        return CsvReading(self, beside, snapshot, watch, header, quotes_all)

    def _known(self, key: str) -> str | None:
        metadata = sidecars(self.path.parent, self.run_id).get("metadata")
        try:
            value = load_object(metadata).get(key) if metadata else None
        except SourceProblem:  # read() reports it
            return None
        return value if isinstance(value, str) and value else None


@dataclass(frozen=True, slots=True)
class CsvReading:
    """One pass over a CSV export; ``header`` is None when nothing changed."""

    source: CsvExport
    beside: Mapping[str, Path]
    snapshot: Snapshot
    watch: TextWatch
    header: list[str] | None
    quotes_all: bool

    @property
    def continuation(self) -> Continuation:
        """Unchanged or whole: a CSV is always rewritten as a whole."""
        return Continuation.UNCHANGED if self.header is None else Continuation.WHOLE

    def rows(self) -> Iterator[LogRows]:
        """Yield the rows, a block of the file at a time.

        Raises:
            SourceProblem: a row with too few or too many cells, not UTF-8, or a changed file.
        """
        if self.header is None:
            return
        for batch in blocks(self.source.path, self.header, self.quotes_all):
            yield LogRows(batch.num_rows, self._columns(batch))
        self.snapshot.check()

    def facts(self) -> RunFacts:
        """Return what the files say of the run."""
        facts = facts_beside(self.source.run_id, self.beside)
        facts.lossy = LOSSY
        facts.warnings = tuple(self._warnings())
        facts.resume = self.snapshot.resume
        return facts

    def _columns(self, batch: pa.RecordBatch) -> dict[KeyPath, pa.Array[Any]]:
        columns: dict[KeyPath, pa.Array[Any]] = {}
        for position, (name, cells) in enumerate(
            zip(batch.schema.names, batch.columns, strict=True)
        ):
            if position > 0 or name not in _INDEX_NAMES:
                columns.update(spread((name,), column_tokens(cells)))
        return columns

    def _warnings(self) -> Iterator[str]:
        name = self.source.path.name
        if self.header and self.header[0] in _INDEX_NAMES:
            yield f"The first column of {name} has no name: taken for pandas' index, left out."
        if self.watch.cut_line:
            yield f"The last line of {name} has no line end: its last cell may be cut."
