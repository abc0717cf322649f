"""Reads a source to its end, as the warehouse does, and gives its cells as Python values."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dakota_wh.ingest.source import Continuation, KeyPath, RunFacts, Source


class NotLogged:
    """Stands for a null cell, which differs from a logged None."""

    def __repr__(self) -> str:
        return "not logged"


NOT_LOGGED = NotLogged()


@dataclass
class Whole:
    """One source read to its end; ``tokens`` holds strings, numbers and bools as delivered."""

    tokens: dict[KeyPath, list[Any]]
    count: int
    batches: int
    facts: RunFacts
    continuation: Continuation

    def values(self, *path: str) -> list[Any]:
        """Return the logged values of a key."""
        return [_value(cell) for cell in self.tokens[path]]


def read_whole(source: Source) -> Whole:
    """Read a source, checking what every batch must keep to."""
    reading = source.read(None)
    tokens: dict[KeyPath, list[Any]] = {}
    count = batches = 0
    for batch in reading.rows():
        batches += 1
        for path, array in batch.columns.items():
            assert isinstance(array, pa.Array)
            assert array.type in (pa.string(), pa.int64(), pa.float64(), pa.bool_())
            assert len(array) == batch.count
            cells = tokens.setdefault(path, [])
            cells.extend([None] * (count - len(cells)))
            cells.extend(array.to_pylist())
        count += batch.count
        for cells in tokens.values():
            cells.extend([None] * (count - len(cells)))
    facts = reading.facts()
    json.dumps(facts.resume)
    return Whole(tokens, count, batches, facts, reading.continuation)


def _value(cell: Any) -> Any:
    if cell is None:
        return NOT_LOGGED
    return json.loads(cell) if isinstance(cell, str) else cell


@pytest.fixture(scope="session")
def whole() -> Callable[[Source], Whole]:
    """Give the function that reads a source to its end."""
    return read_whole


@pytest.fixture(scope="session")
def not_logged() -> NotLogged:
    """Give the mark of a cell that was not logged."""
    return NOT_LOGGED


@pytest.fixture
def owner_data() -> Path:
    """Give the folder with the owner's real exports, or skip."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the owner's exports are not at {folder}")
    return folder
