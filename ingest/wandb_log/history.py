"""History records into columns: a fast walk for nearly everything, an exact decoder for the rest.

Both meet here: a column may have cells from either, and where one record logs a key twice the
later item counts, whichever way it was read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from dakota_wh.ingest.source import KeyPath, LogRows, check_keys
from dakota_wh.warehouse.arrow_alone import as_array

from . import wire
from .columns import Piece, as_text, by_key, column, slices, values_of
from .values import Cell, gathered, item_cells
from .walk import Ints, Rest, Spans, Walked, enough, walk

#: A batch holds at most this many rows, and bytes as :func:`walk.enough` says.
BATCH_ROWS = 4096
#: And not more cells than this, logged or not: a run may log other keys at every step.
BATCH_CELLS = 4 * 1024 * 1024


_ITEM = 1  # HistoryRecord.item


@dataclass(slots=True)
class HistoryBatch:
    """Collects history records and turns them into batches of rows."""

    bodies: list[bytes] = field(default_factory=list)
    size: int = 0
    bad_records: int = 0  # records that could not be decoded, since the last reset
    valueless: int = 0  # items whose value is in an encoding not known here, likewise
    typed: bool = False  # values came with their type

    def add(self, body: bytes) -> bool:
        """Take the body of one history record; True when it is time to ``flush``."""
        self.bodies.append(body)
        self.size += len(body)
        return len(self.bodies) >= BATCH_ROWS or enough(len(self.bodies), self.size)

    def flush(self, segment: int) -> Iterator[LogRows]:
        """Yield what was collected, and begin anew."""
        bodies, self.bodies, self.size = self.bodies, [], 0
        if bodies:
            yield from self._decoded(bodies, segment)

    def _decoded(self, bodies: list[bytes], segment: int) -> Iterator[LogRows]:
        walked = walk(bodies)
        exact = _exact(walked)
        if exact.bad:
            self.bad_records += len(exact.bad)
            good = [body for index, body in enumerate(bodies) if index not in exact.bad]
            if good:
                yield from self._decoded(good, segment)
            return
        self.typed = self.typed or bool(walked.numbers.row.size)
        pieces = _pieces(walked, exact.cells)
        if len(bodies) > 1 and len(bodies) * len(pieces) > BATCH_CELLS:
            half = len(bodies) // 2
            yield from self._decoded(bodies[:half], segment)
            yield from self._decoded(bodies[half:], segment)
            return
        count = len(bodies)
        self.valueless += exact.valueless
        columns = {path: column(count, parts) for path, parts in sorted(pieces.items())}
        yield LogRows(count, columns, segment)


Cells = dict[KeyPath, list[tuple[int, str, int]]]  # path -> (record, token, position)


@dataclass(slots=True)
class Exact:
    """What the exact decoder found: cells, records it cannot decode, items without a value."""

    cells: Cells = field(default_factory=dict)
    bad: set[int] = field(default_factory=set)
    valueless: int = 0


def _exact(walked: Walked) -> Exact:
    """Decode what the walk left over."""
    result = Exact()
    rows: dict[int, list[Cell]] = {}
    for row, item, at in _left_over(walked, result.bad):
        try:
            cells = item_cells(item, at)
        except wire.BadRecordError:
            result.bad.add(row)
            continue
        rows.setdefault(row, []).extend(cells)
        result.valueless += not cells
    check_keys(max(map(len, rows.values()), default=0))
    for row, cells in rows.items():
        for path, token, at in gathered(cells):
            result.cells.setdefault(path, []).append((row, token, at))
    return result


def _left_over(walked: Walked, bad: set[int]) -> Iterator[tuple[int, bytes, int]]:
    """Yield ``(record, item, position)``; records that are no list of items go to ``bad``."""
    for row, start, end in walked.odd:
        yield row, walked.blob[start:end], start
    for row, start, end in walked.rest.spans(~_is_step(walked.blob, walked.rest)):
        try:
            for position, (number, value) in enumerate(wire.fields(walked.blob[start:end]), start):
                if number == _ITEM:
                    yield row, wire.bytes_of(value), position
        except wire.BadRecordError:
            bad.add(row)


def _is_step(blob: bytes, rest: Rest) -> Any:
    """Tell which remainders are only ``step``, a message of a few bytes that repeats ``_step``."""
    raw = np.frombuffer(blob, np.uint8)
    tag, length = raw[rest.start], raw[rest.start + 1].astype(np.int64)
    return (tag == 0x12) & (length < 128) & (rest.start + 2 + length == rest.end)


def _pieces(walked: Walked, cells: Cells) -> dict[KeyPath, list[Piece]]:
    """Sort all cells by column."""
    pieces: dict[KeyPath, list[Piece]] = {}
    raw = np.frombuffer(walked.blob, np.uint8)
    texts = slices(walked.blob, walked.json)
    _sort_in(pieces, walked.json, texts, lambda order: as_text(values_of(texts, order)))
    if walked.numbers.row.size:
        doubles = raw[walked.numbers.value[:, None] + np.arange(8)].reshape(-1).view("<f8")
        tokens = json.dumps(doubles.tolist())[1:-1].split(", ")
        values = pa.array(tokens, pa.string())
        typed = slices(walked.blob, walked.numbers)
        _sort_in(pieces, walked.numbers, typed, lambda order: values.take(as_array(order)))
    for path, found in cells.items():
        row, token, at = zip(*found, strict=True)
        piece = Piece(np.array(row), np.array(at), pa.array(list(token), pa.string()))
        pieces.setdefault(path, []).append(piece)
    return pieces


def _sort_in(
    pieces: dict[KeyPath, list[Piece]],
    spans: Spans,
    texts: pa.Array[Any],
    values_at: Callable[[Ints], pa.Array[Any]],
) -> None:
    """Split the values by key; one copy puts the values of each key side by side."""
    keys = list(by_key(texts))
    if not keys:
        return
    order = np.concatenate([places for _, places in keys])
    row, at, values = spans.row[order], spans.key[order], values_at(order)
    start = 0
    for name, places in keys:
        stop = start + places.size
        piece = Piece(row[start:stop], at[start:stop], values.slice(start, places.size))
        pieces.setdefault((name,), []).append(piece)
        start = stop
