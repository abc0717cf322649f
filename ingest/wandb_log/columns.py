"""Spans of bytes into Arrow arrays and columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from dakota_wh.ingest.source import check_keys
from dakota_wh.warehouse.arrow_alone import as_array

from .walk import Ints, Spans


@dataclass(frozen=True, slots=True)
class Piece:
    """Some cells of one column: record, position in the batch's bytes, and JSON token of each."""

    row: Ints
    at: Ints
    values: pa.Array[Any]


def column(count: int, pieces: Sequence[Piece]) -> pa.Array[Any]:
    """Put the cells of one column at their rows: null where nothing was logged, the last wins."""
    only = pieces[0]
    if len(pieces) == 1 and only.row.size == count and bool((np.diff(only.row) > 0).all()):
        return only.values
    row = np.concatenate([piece.row for piece in pieces])
    order = np.argsort(np.concatenate([piece.at for piece in pieces]), kind="stable")
    values = pa.concat_arrays([piece.values for piece in pieces])
    place = np.full(count, -1, np.int64)
    place[row[order]] = order  # of places assigned twice numpy keeps the last
    return values.take(as_array(place, place < 0))


def slices(blob: bytes, spans: Spans) -> pa.Array[Any]:
    """Return the bytes of all spans without a copy, four elements an item: key, gap, value, gap."""
    size = spans.row.size
    offsets = np.zeros(4 * size + 1, np.int32)
    edges = (spans.key, spans.key_stop, spans.value, spans.stop)
    for index, edge in enumerate(edges):
        offsets[index : 4 * size : 4] = edge
    if size:
        offsets[4 * size] = spans.stop[-1]
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(blob)]
    return pa.Array.from_buffers(pa.binary(), 4 * size, buffers)


def values_of(texts: pa.Array[Any], order: Ints) -> pa.Array[Any]:
    """Return the values of ``slices``, those of the items at some places, in their order."""
    return texts.take(as_array(4 * order + 2))


def by_key(texts: pa.Array[Any]) -> Iterator[tuple[str, Ints]]:
    """Yield each key of ``slices`` with the places of its items, in order.

    A key that is not UTF-8 is shown with backslashes, and may so come up twice.

    Raises:
        TooManyKeys: there are more than a run may have.
    """
    keys = texts.take(as_array(np.arange(0, len(texts), 4))).dictionary_encode()
    check_keys(len(keys.dictionary))
    codes = keys.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    names: list[Any] = keys.dictionary.to_pylist()
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1)).tolist()
    for name, start, stop in zip(names, bounds, bounds[1:], strict=False):
        yield name.decode("utf-8", "backslashreplace"), order[start:stop]


def as_text(values: pa.Array[Any]) -> pa.Array[Any]:
    """Return bytes as strings; what is not UTF-8 is replaced, as the exact decoder does it."""
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        raw: list[Any] = values.to_pylist()
        return pa.array([value.decode("utf-8", "replace") for value in raw], pa.string())
