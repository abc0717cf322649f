"""Rows that know their ``_step``: what pages and export files are cut into, to be merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.source import KeyPath, LogRows

STEP: KeyPath = ("_step",)


@dataclass(frozen=True, slots=True)
class StepBlock:
    """Some rows in the order of their steps: ``steps`` is int64, a step a row."""

    steps: np.ndarray
    columns: Mapping[KeyPath, pa.Array[Any]]

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.steps.size)

    def slice(self, start: int, stop: int) -> StepBlock:
        """Return rows ``[start, stop)`` without copying them."""
        if start == 0 and stop == len(self):
            return self
        columns = {path: array.slice(start, stop - start) for path, array in self.columns.items()}
        return StepBlock(self.steps[start:stop], columns)

    def rows(self) -> LogRows:
        """Return the rows as a source delivers them; columns with nothing in them are left out."""
        columns = {p: a for p, a in self.columns.items() if a.null_count < len(a)}
        return LogRows(len(self), columns)


def block_of(columns: Mapping[KeyPath, pa.Array[Any]], where: str) -> StepBlock:
    """Return rows in the order of their steps; rows of one step keep theirs.

    Args:
        columns: the cells, all of one length; a column ``_step`` is among them.
        where: what the rows are, for the error.

    Raises:
        SourceProblem: a row has no whole ``_step``.
    """
    found = columns.get(STEP)
    if found is None or found.null_count:
        raise SourceProblem(f"{where} has rows without _step.", hint="Ingest it again.")
    steps = _whole(found, where)
    if bool((steps[1:] < steps[:-1]).any()):
        order = np.argsort(steps, kind="stable")
        places = pa.array(order)
        return StepBlock(steps[order], {path: a.take(places) for path, a in columns.items()})
    return StepBlock(steps, columns)


def rows_from(blocks: Iterable[StepBlock], step: int) -> Iterator[StepBlock]:
    """Yield the rows with ``step <= _step`` of blocks, which may come in any order."""
    for block in blocks:
        start = int(np.searchsorted(block.steps, step, side="left"))
        if start < len(block):
            yield block.slice(start, len(block))


def _whole(found: pa.Array[Any], where: str) -> np.ndarray:
    # np.asarray would have Arrow import pandas where that is installed.
    try:
        return np.from_dlpack(found.cast(pa.int64()))
    except pa.ArrowInvalid:
        pass
    try:
        return np.from_dlpack(pc.cast(found.cast(pa.float64()), pa.int64(), safe=True))
    except pa.ArrowInvalid as error:
        raise SourceProblem(
            f"{where} has a _step that is no whole number.", hint="Ingest it again."
        ) from error
