"""Parquet histories: W&B's own history export, or any Parquet with W&B's keys as columns.

The form is what ``run.download_history_exports`` fetches: a row per log call, a typed column per
key, missing cells null, and a long run cut into several files. The run's id stands only in the
names of files and folders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.facts import facts_beside, sidecars
from dakota_wh.ingest.exports.names import part_number, placed, short_name, single_file_id
from dakota_wh.ingest.exports.own_export import MEMBER, OwnExport, own_stem
from dakota_wh.ingest.exports.parquet_batches import batches, opened, schema_of
from dakota_wh.ingest.exports.parquet_cells import own_columns, spread_array
from dakota_wh.ingest.exports.stamp import Snapshot
from dakota_wh.ingest.source import Continuation, KeyPath, LogRows, RunFacts

LOSSY = (
    "an empty cell may be None or not logged: it is read as not logged",
    "whole floats may have become integers, and the types of a mixed column one type",
)

#: Where the schema of a file of ours has what it says of itself, as JSON.
OWN = b"dakota_wh.export"

_AGAIN = "Download the history export again, then ingest it."

#: The column in which pandas keeps an index of its own; no run logs such a key.
_INDEX = re.compile(r"__index_level_\d+__")

# A damaged file shows up as any of these, depending on which byte is off.
_DAMAGE = (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class ParquetExport:
    """The Parquet files of one run's history, in any order."""

    paths: tuple[Path, ...]
    run_id: str
    #: What an export of ours says of itself; None for any other.
    ours: OwnExport | None = None

    @classmethod
    def of_file(cls, path: Path) -> ParquetExport:
        """Return the export in one file, whose run's id it says itself or its name tells."""
        ours = own_parquet(path)
        return cls((path,), ours.run_id if ours else single_file_id(path), ours)

    @property
    def kind(self) -> str:
        """Always ``parquet-export``."""
        return "parquet-export"

    @property
    def name(self) -> str:
        """The file with its folder when that is named after the run; several: how many."""
        first = short_name(self.paths[0], self.run_id)
        return first if len(self.paths) == 1 else f"{first} and {len(self.paths) - 1} more"

    @property
    def entity(self) -> str | None:
        """The entity, where the file names have it."""
        return placed(self.paths[0])[0]

    @property
    def project(self) -> str | None:
        """The project, where the file names have it."""
        return placed(self.paths[0])[1]

    def read(self, resume: Mapping[str, Any] | None) -> ParquetReading:
        """Begin a pass; see ``Source.read``.

        Raises:
            SourceProblem: a damaged file, no ``_step`` column, a column name twice.
        """
        stem = own_stem(self.paths[0]) if self.ours else self.run_id
        beside = sidecars(self.paths[0].parent, stem)
        snapshot = Snapshot([*self.paths, *beside.values()])
        if snapshot.matches(resume):
            return ParquetReading(self, beside, snapshot, ())
        ordered = sorted(self.paths, key=lambda path: (*_first_step(path), path.name))
        return ParquetReading(self, beside, snapshot, tuple(ordered))


@dataclass(frozen=True, slots=True)
class ParquetReading:
    """One pass over Parquet files in the order of their first step; none when unchanged."""

    source: ParquetExport
    beside: Mapping[str, Path]
    snapshot: Snapshot
    ordered: tuple[Path, ...]

    @property
    def continuation(self) -> Continuation:
        """Unchanged or whole."""
        return Continuation.WHOLE if self.ordered else Continuation.UNCHANGED

    def rows(self) -> Iterator[LogRows]:
        """Yield the rows in the order of the files, a part of a row group at a time.

        Raises:
            SourceProblem: a damaged file, or one that changed meanwhile.
        """
        for path in self.ordered:
            yield from _own_rows(path, self.source.ours) if self.source.ours else _file_rows(path)
        if self.ordered:
            self.snapshot.check()

    def facts(self) -> RunFacts:
        """Return what the files beside the history say of the run."""
        ours = self.source.ours
        if ours is not None:
            facts = ours.facts_beside(self.beside)
            facts.resume = self.snapshot.resume
            return facts
        facts = facts_beside(self.source.run_id, self.beside)
        facts.entity = facts.entity or self.source.entity
        facts.project = facts.project or self.source.project
        facts.lossy = LOSSY
        facts.warnings = tuple(_missing_parts(self.source.paths))
        facts.resume = self.snapshot.resume
        return facts


def has_steps(path: Path) -> bool:
    """Tell whether a Parquet file has a column ``_step``; a damaged file counts as one that may."""
    try:
        return "_step" in schema_of(path).names
    except _DAMAGE:
        return True


def own_parquet(path: Path) -> OwnExport | None:
    """Return what a Parquet export of ours says of itself; None for any other.

    Raises:
        SourceProblem: a newer version wrote it, or it is damaged.
    """
    try:
        said = (schema_of(path).metadata or {}).get(OWN)
        member = None if said is None else json.loads(said)
    except _DAMAGE:
        return None  # reading the file tells what is wrong
    return None if member is None else OwnExport.of({MEMBER: member}, path.name)


def _own_rows(path: Path, ours: OwnExport) -> Iterator[LogRows]:
    """Yield the rows of an export of ours, which has history's two columns a key."""
    first = 0
    try:
        with opened(path) as file:
            for batch in batches(file):
                columns = own_columns(batch, ours.key)
                yield from ours.cut(first, LogRows(batch.num_rows, columns))
                first += batch.num_rows
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _missing_parts(paths: tuple[Path, ...]) -> Iterator[str]:
    numbers = {number for path in paths if (number := part_number(path)) is not None}
    missing = [number for number in range(max(numbers, default=-1) + 1) if number not in numbers]
    if missing:
        yield (
            f"The history export has no part {missing[0]} beside {paths[0].name}: "
            "its rows are missing."
        )


def _first_step(path: Path) -> tuple[int, float]:
    """Return a sort key: files without a row come last."""
    try:
        names = schema_of(path).names
        _check_names(path, names)
        with opened(path) as file:
            # Not all at once: that would be the memory which a few bytes may claim.
            pieces = (batch.column("_step") for batch in file.iter_batches(columns=["_step"]))
            found = [_least(piece) for piece in pieces]
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    first = min((least for least in found if least is not None), default=None)
    return (1, 0.0) if first is None else (0, first)


def _least(steps: pa.Array[Any]) -> float | None:
    plain = steps.dictionary_decode() if isinstance(steps, pa.DictionaryArray) else steps
    least: Any = pc.min(plain.cast(pa.float64(), safe=False))
    found: float | None = least.as_py()
    return found


def _check_names(path: Path, names: list[str]) -> None:
    if "_step" not in names:
        raise SourceProblem(
            f"{path.name} has no column _step, so its rows have no order.",
            hint="Give W&B's history export, which has _step, not another Parquet file.",
        )
    if len(set(names)) < len(names):
        raise SourceProblem(f"{path.name} has two columns of one name.", hint=_AGAIN)


def _file_rows(path: Path) -> Iterator[LogRows]:
    try:
        with opened(path) as file:
            for batch in batches(file):
                yield LogRows(batch.num_rows, _columns(batch))
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _columns(batch: pa.RecordBatch) -> dict[KeyPath, pa.Array[Any]]:
    columns: dict[KeyPath, pa.Array[Any]] = {}
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        if not _INDEX.fullmatch(name):
            columns.update(spread_array((name,), array))
    return columns


def _damaged(path: Path, error: Exception) -> SourceProblem:
    reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    return SourceProblem(f"{path.name} cannot be read as Parquet: {reason}.", hint=_AGAIN)
