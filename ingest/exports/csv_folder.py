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
from dakota_wh.ingest.exports.dialect import column_name, csv_token
from dakota_wh.ingest.exports.facts import facts_beside, load_object, sidecars
from dakota_wh.ingest.exports.names import short_name, single_file_id
from dakota_wh.ingest.exports.own_export import OwnExport, own_metadata, own_stem
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
    def ours(self) -> OwnExport | None:
        """What an export of ours says of itself; None for any other."""
        return own_metadata(self._own_metadata)

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
        """``29hn8w98`` of ``29hn8w98_history.csv``; the folder's name of ``history.csv``.

        An export of ours says it itself, since not every id can be a file's name.
        """
        ours = self.ours
        return ours.run_id if ours else single_file_id(self.path)

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
        beside = self._beside()
        watch = TextWatch()
        snapshot = Snapshot([self.path, *beside.values()], {self.path: watch})
        if snapshot.matches(resume):
            return CsvReading(self, beside, snapshot, watch, None, False, None)
        header, quotes_all = read_header(self.path)
        if "_step" not in header:
            raise SourceProblem(
                f"{self.path.name} has no column _step, so its rows have no order.",
                hint="Export the whole history with run.scan_history(), which has _step, "
                "and ingest that file.",
            )
        if watch.odd_quotes:
            check_closed(self.path)
        ours = _said_of_itself(beside)
        return CsvReading(self, beside, snapshot, watch, header, quotes_all, ours)

    @property
    def _own_metadata(self) -> Path:
        return self.path.with_name(f"{own_stem(self.path)}_metadata.json")

    def _beside(self) -> dict[str, Path]:
        ours = own_metadata(self._own_metadata) is not None
        stem = own_stem(self.path) if ours else single_file_id(self.path)
        return sidecars(self.path.parent, stem)

    def _known(self, key: str) -> str | None:
        metadata = self._beside().get("metadata")
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
    ours: OwnExport | None

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
        first = 0
        for batch in blocks(self.source.path, self.header, self.quotes_all):
            if self.ours is None:
                yield LogRows(batch.num_rows, self._columns(batch))
            else:
                yield from self.ours.cut(first, self._own_rows(batch, self.ours))
            first += batch.num_rows
        self.snapshot.check()

    def facts(self) -> RunFacts:
        """Return what the files say of the run."""
        if self.ours is None:
            facts = facts_beside(self.source.run_id, self.beside)
            facts.lossy = LOSSY
            facts.warnings = tuple(self._warnings())
        else:
            facts = self.ours.facts_beside(self.beside)
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

    def _own_rows(self, batch: pa.RecordBatch, ours: OwnExport) -> LogRows:
        columns = {
            ours.key(column_name(name)): column_tokens(cells, csv_token)
            for name, cells in zip(batch.schema.names, batch.columns, strict=True)
            if cells.null_count < len(cells)
        }
        return LogRows(batch.num_rows, columns)

    def _warnings(self) -> Iterator[str]:
        name = self.source.path.name
        if self.header and self.header[0] in _INDEX_NAMES:
            yield f"The first column of {name} has no name: taken for pandas' index, left out."
        if self.watch.cut_line:
            yield f"The last line of {name} has no line end: its last cell may be cut."


def _said_of_itself(beside: Mapping[str, Path]) -> OwnExport | None:
    """Return what an export of ours says; a metadata file that is none is told by ``facts``.

    Raises:
        SourceProblem: a newer version wrote it, or it is damaged.
    """
    path = beside.get("metadata")
    try:
        info = load_object(path) if path else {}
    except SourceProblem:
        return None
    return OwnExport.of(info, path.name if path else "")
