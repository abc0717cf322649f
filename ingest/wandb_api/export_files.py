"""The Parquet files of one run's exported history, as blocks in the order of their steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.parquet_batches import ROWS_PER_BATCH, open_sparingly, schema_of
from dakota_wh.ingest.exports.parquet_cells import spread_array
from dakota_wh.ingest.source import KeyPath
from dakota_wh.ingest.wandb_api.merge import Piece
from dakota_wh.ingest.wandb_api.run_address import RunAddress
from dakota_wh.ingest.wandb_api.step_block import STEP, StepBlock, block_of, rows_from
from dakota_wh.ingest.wandb_api.windows import LARGE

# A damaged file shows up as any of these, depending on which byte is off.
_DAMAGE = (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class ExportFiles:
    """Downloaded files and the steps in them, which are read at once (8 bytes a row)."""

    run: RunAddress
    paths: tuple[Path, ...]
    #: The steps of all files, each once, in order.
    steps: np.ndarray
    rows: int
    #: Files whose rows are not in the order of their steps: those are sorted in memory.
    unsorted: frozenset[Path]
    #: The first and the last step of each file.
    bounds: Mapping[Path, tuple[int, int]] = field(default_factory=dict)

    @property
    def last_step(self) -> int:
        """Return the last exported step, -1 for none."""
        return int(self.steps[-1]) if self.steps.size else -1

    def gap(self) -> tuple[int, int] | None:
        """Return the steps ``[a, b)`` around all those that are missing before the last."""
        if not self.steps.size or self.steps.size == self.last_step + 1:
            return None
        inside = np.flatnonzero(np.diff(self.steps) > 1)
        first = 0 if self.steps[0] > 0 else int(self.steps[inside[0]]) + 1
        last = int(self.steps[inside[-1] + 1]) if inside.size else int(self.steps[0])
        return first, last

    def pieces(self, start: int | None = None) -> list[Piece]:
        """Return the rows of each file, all of them or those with ``start <= _step``."""
        found = []
        for path in self.paths:
            first, last = self.bounds[path]
            if start is None or start <= first:
                found.append(Piece(self._blocks(path), first))
            elif start <= last:
                found.append(Piece(self._blocks_from(path, start), start))
        return found

    def _blocks(self, path: Path, skip: int = 0) -> Iterator[StepBlock]:
        """Yield a file's rows without, where they are sorted, the row groups of the first ones."""
        where = f"The history export of run {self.run}"
        try:
            with open_sparingly(path) as file:
                if path in self.unsorted:
                    for batch in file.read().combine_chunks().to_batches():
                        yield block_of(_columns(batch), where)
                    return
                groups = _groups(file, skip)
                for batch in file.iter_batches(_rows_per_batch(file), row_groups=groups):
                    if batch.num_rows:
                        yield block_of(_columns(batch), where)
        except _DAMAGE as error:
            raise _damaged(self.run, path, error) from error

    def _blocks_from(self, path: Path, start: int) -> Iterator[StepBlock]:
        skip = 0
        if path not in self.unsorted:
            skip = int(np.searchsorted(_steps(self.run, path), start))
        yield from rows_from(self._blocks(path, skip), start)


def open_exports(run: RunAddress, paths: Sequence[Path]) -> ExportFiles:
    """Read the steps of all files and put the files in order.

    Raises:
        SourceProblem: a file is damaged, or has no ``_step``.
    """
    found = {path: _steps(run, path) for path in paths}
    bounds = {p: (int(steps.min()), int(steps.max())) for p, steps in found.items() if steps.size}
    ordered = sorted(bounds, key=lambda p: (bounds[p][0], p.name))
    every = [found[path] for path in ordered]
    return ExportFiles(
        run=run,
        paths=tuple(ordered),
        steps=_each_once(every),
        rows=sum(map(len, every)),
        unsorted=frozenset(p for p in ordered if bool((np.diff(found[p]) < 0).any())),
        bounds=bounds,
    )


def _each_once(every: Sequence[np.ndarray]) -> np.ndarray:
    """Return the steps of all files, each once, in order; they mostly are, which takes no sort."""
    steps = np.concatenate([np.zeros(0, np.int64), *every])
    return steps if bool((steps[1:] > steps[:-1]).all()) else np.unique(steps)


def _steps(run: RunAddress, path: Path) -> np.ndarray:
    where = f"The history export of run {run}"
    try:
        schema_of(path)  # what it claims can be
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if len(set(names)) < len(names):
                raise SourceProblem(
                    f"{where} has two columns of one name.", hint="Ingest it again."
                )
            if "_step" not in names:
                raise SourceProblem(f"{where} has no column _step.", hint="Ingest it again.")
            steps = file.read(columns=["_step"]).column("_step").combine_chunks()
        if not len(steps):
            return np.zeros(0, np.int64)
        if steps.null_count:
            raise SourceProblem(f"{where} has rows without _step.", hint="Ingest it again.")
        return np.from_dlpack(steps.cast(pa.int64()))
    except _DAMAGE as error:
        raise _damaged(run, path, error) from error


def _groups(file: pq.ParquetFile, skip: int) -> list[int]:
    """Return the row groups of a file without those that hold nothing but its first rows."""
    metadata = file.metadata
    ends = np.cumsum([metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)])
    return [n for n, end in enumerate(ends) if end > skip]


def _rows_per_batch(file: pq.ParquetFile) -> int:
    """Return how many rows to read at once: few where rows are heavy."""
    metadata = file.metadata
    weight: int = sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups))
    rows: int = metadata.num_rows
    return max(1, min(ROWS_PER_BATCH, LARGE * rows // max(1, weight)))


def _columns(batch: pa.RecordBatch) -> dict[KeyPath, pa.Array[Any]]:
    columns: dict[KeyPath, pa.Array[Any]] = {}
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        columns.update(spread_array((name,), array))
    if STEP in columns:
        columns[STEP] = columns[STEP].cast(pa.int64())
    return columns


def _damaged(run: RunAddress, path: Path, error: Exception) -> SourceProblem:
    reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    return SourceProblem(
        f"The history export of run {run} arrived damaged ({path.name}: {reason}).",
        hint="Ingest it again; what was stored stays.",
    )
