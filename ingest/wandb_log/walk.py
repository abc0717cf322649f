"""A walk over the items of thousands of records at once, with numpy.

History, summary and config records are lists of items (key, value), and almost every item looks
the same on the wire. The walk takes the k-th item of *all* records in one step, so that the cost
in Python is per step, not per value. What does not look like that is not guessed at: it is handed
out as a span of bytes for the exact decoder, in ``odd`` (one item) or ``rest`` (all that follows
the last item that could be delimited).

The common forms, ``|`` marks the end of a length-prefixed item::

    0a LEN | 12 len key | 82 01 len value_json           (0a instead of 12: the older field `key`)
    0a LEN | 12 len key | 82 01 len value_json | 31 8-byte double              since wandb 0.31
    0a LEN | 12 len key | 31 8-byte double | 82 01 len value_json (or nothing)

(Go writes a "oneof", here the typed double, after all other fields; others go by number.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Raw = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

_ITEM_TAG, _KEY_TAG, _NESTED_KEY_TAG, _NUMBER_TAG = 0x0A, 0x0A, 0x12, 0x31
_VALUE_JSON_TAG = (0x82, 0x01)  # field 16, length-prefixed
_PADDING = 64  # zero bytes after the last record, so that looking ahead stays inside
_TOO_LONG = 1 << 40  # what a length of more than three bytes counts as: beyond any record

#: What is walked together should stay in a processor's cache, for every step touches all records;
#: but a step is to have this many records, lest it costs more than what it finds.
_CACHED, _MANY, _MOST = 4 * 1024 * 1024, 256, 16 * 1024 * 1024

#: Beyond this many items a few long records are left to the exact decoder.
_STEEP, _FEW = 256, 16

#: What a JSON scalar or list can begin with. Objects are not in it: they need the exact decoder.
_FIRST_BYTES = np.zeros(256, np.bool_)
_FIRST_BYTES[list(b'-0123456789"tfn[NI')] = True


@dataclass(frozen=True, slots=True)
class Spans:
    """Items as offsets into ``blob``; one array element an item, in the order of the walk.

    ``row`` is the index of the record. For JSON items ``value`` is where the text begins and
    ``stop`` where it ends; for doubles ``value`` is where the 8 bytes begin.
    """

    row: Ints
    key: Ints
    key_stop: Ints
    value: Ints
    stop: Ints


@dataclass(frozen=True, slots=True)
class Walked:
    """All items of a list of records: the common ones as arrays, the others as byte spans."""

    blob: bytes
    json: Spans
    numbers: Spans
    odd: list[tuple[int, int, int]]  # (record, start, end): the content of one item
    rest: Rest


@dataclass(frozen=True, slots=True)
class Rest:
    """What follows the items in each record that has more: ``(row, start, end)`` as arrays."""

    row: Ints
    start: Ints
    end: Ints

    def spans(self, keep: Flags | None = None) -> list[tuple[int, int, int]]:
        """Return the spans as tuples, those that ``keep`` selects."""
        chosen = (self.row, self.start, self.end)
        if keep is not None:
            chosen = (self.row[keep], self.start[keep], self.end[keep])
        return list(zip(*(part.tolist() for part in chosen), strict=True))


def enough(records: int, size: int) -> bool:
    """Return whether so many records, of so many bytes, are best walked now."""
    return size >= _MOST or (size >= _CACHED and records >= _MANY)


def walk(bodies: Sequence[bytes]) -> Walked:
    """Find the items of records that are repetitions of field 1.

    Never raises on garbage: what cannot be walked comes back in ``odd`` and ``rest``.
    """
    lengths = np.fromiter((len(body) for body in bodies), np.int64, len(bodies))
    blob = b"".join(bodies) + bytes(_PADDING)
    raw = np.frombuffer(blob, np.uint8)
    end = np.cumsum(lengths)
    row, at = np.arange(len(bodies)), end - lengths
    found: list[tuple[Spans, Spans]] = []
    odd: list[tuple[int, int, int]] = []
    rest: list[tuple[Ints, Ints, Ints]] = []
    for depth in range(max(int(lengths.max(initial=0)), 1)):
        length, start = _lengths(raw, at + 1)
        stop = start + length
        more = (at < end) & (raw[at] == _ITEM_TAG) & (stop <= end)
        if depth >= _STEEP and row.size < _FEW:
            more[:] = False
        if not more.all():
            left = ~more & (at < end)
            rest.append((row[left], at[left], end[left]))
            row, start, stop, end = row[more], start[more], stop[more], end[more]
        if not row.size:
            break
        spans, common = _items(raw, row, start, stop)
        found.append(spans)
        if not common.all():
            strange = ~common
            odd += Rest(row[strange], start[strange], stop[strange]).spans()
        at = stop
    return Walked(
        blob,
        _joined([json for json, _ in found]),
        _joined([numbers for _, numbers in found]),
        odd,
        Rest(*_concatenated(rest, 3)),
    )


def _items(raw: Raw, row: Ints, start: Ints, stop: Ints) -> tuple[tuple[Spans, Spans], Flags]:
    """Split one item per record into key and value; also return which items are of a known form."""
    key = start + 2
    key_length = raw[start + 1].astype(np.int64)
    # Offsets of a wrong guess may point beyond the end: held inside, they are found wrong below.
    key_stop = np.minimum(key + key_length, raw.size - _PADDING)
    keyed = ((raw[start] == _NESTED_KEY_TAG) | (raw[start] == _KEY_TAG)) & (key_length < 128)
    keyed &= key + key_length <= stop
    before = keyed & (raw[key_stop] == _NUMBER_TAG)
    json_at = np.where(before, key_stop + 9, key_stop)
    length, value = _lengths(raw, json_at + 2)
    json = keyed & (raw[json_at] == _VALUE_JSON_TAG[0]) & (raw[json_at + 1] == _VALUE_JSON_TAG[1])
    json_stop = value + length
    number = before & ((json_at == stop) | (json & (json_stop == stop)))
    number_at = key_stop + 1
    after = np.flatnonzero(json & ~before & (json_stop + 9 == stop))
    after = after[raw[json_stop[after]] == _NUMBER_TAG]
    number[after] = True
    number_at[after] = json_stop[after] + 1
    json &= ~before & (json_stop == stop) & (length > 0)
    json[json] = _FIRST_BYTES[raw[value[json]]]
    numbers = Spans(*(part[number] for part in (row, key, key_stop, number_at, number_at + 8)))
    return (Spans(*(part[json] for part in (row, key, key_stop, value, stop))), numbers), (
        json | number
    )


def _lengths(raw: Raw, at: Ints) -> tuple[Ints, Ints]:
    """Read a varint of up to three bytes at each offset; return the numbers and what follows."""
    at = np.minimum(at, raw.size - 4)
    length, after = raw[at].astype(np.int64), at + 1
    long = np.flatnonzero(length > 127)
    for shift in (7, 14):
        if not long.size:
            return length, after
        byte = raw[after[long]].astype(np.int64)
        length[long] = (length[long] & ((1 << shift) - 1)) | (byte & 127) << shift
        after[long] += 1
        long = long[byte > 127]
    length[long] = _TOO_LONG
    return length, after


def _concatenated(parts: Sequence[tuple[Ints, ...]], width: int) -> list[Ints]:
    if not parts:
        return [np.empty(0, np.int64)] * width
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _joined(parts: list[Spans]) -> Spans:
    """Join the steps of the walk, sorted by offset: by record, then by position in it."""
    columns = [(s.row, s.key, s.key_stop, s.value, s.stop) for s in parts]
    rows = parts[0].row if parts else np.empty(0, np.int64)
    if len(parts) > 1 and all(np.array_equal(one.row, rows) for one in parts):
        # Every record has an item at every step: the order is that of a transposed table.
        return Spans(*(np.stack(column, axis=1).ravel() for column in zip(*columns, strict=True)))
    joined = _concatenated(columns, 5)
    order = np.argsort(joined[1], kind="stable")
    return Spans(*(column[order] for column in joined))
