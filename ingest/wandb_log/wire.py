"""Protocol-buffer wire decoding of W&B's records, without protobuf and without wandb.

The field numbers are those of ``wandb/proto/wandb_internal.proto``. W&B states there that records
are stored on disk and stay compatible, and they did: over the wheels of wandb 0.13 to 0.31 numbers
were only added. (The Python modules around them came and went, hence this file.)

The wire format itself: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

Bytes = bytes | memoryview

# message Record: which kind of record it is, by the number of its one filled field.
NUM: Final = 1
HISTORY: Final = 2
SUMMARY: Final = 3
CONFIG: Final = 5
FILES: Final = 6
STATS: Final = 7
ARTIFACT: Final = 8
METRIC: Final = 12
RUN: Final = 17
EXIT: Final = 18
PREEMPTING: Final = 23
USE_ARTIFACT: Final = 25

# HistoryItem, SummaryItem and ConfigItem share these.
ITEM_KEY: Final = 1
ITEM_NESTED_KEY: Final = 2
ITEM_VALUE_JSON: Final = 16
# HistoryItem alone, since wandb 0.31.0: one of these says the value with its type.
ITEM_NONE: Final = 3
ITEM_BOOLEAN: Final = 4
ITEM_INTEGER: Final = 5  # sint64, zig-zag
ITEM_NUMBER: Final = 6  # double
ITEM_TEXT: Final = 7
ITEM_JSON: Final = 8

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10
_NUM_TAG = NUM << 3 | _VARINT
_SHORTEST = 2  # bytes of a record with a number and nothing else
_DOUBLE = struct.Struct("<d")


class BadRecordError(ValueError):
    """The bytes of a record are not what the wire format allows. Never leaves this package."""


def varint(data: Bytes, at: int) -> tuple[int, int]:
    """Return the unsigned 64-bit number at ``at`` and the offset after it.

    Raises:
        BadRecordError: the number runs over the end, or is longer than ten bytes.
    """
    try:
        value = data[at]
        if value < 0x80:
            return value, at + 1
        byte = data[at + 1]
        if byte < 0x80:  # two bytes, and three below: lengths of records and their numbers
            return value + (byte << 7) - 0x80, at + 2
        more = data[at + 2]
        if more < 0x80:
            return value + (byte << 7) + (more << 14) - 0x4080, at + 3
        value = shift = 0
        for _ in range(_LONGEST_VARINT):
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, at
            shift += 7
    except IndexError:
        raise BadRecordError("a number runs over the end of its record") from None
    raise BadRecordError("a number is longer than ten bytes")


def delimited(data: Bytes, at: int) -> tuple[int, int]:
    """Return start and end of the length-prefixed bytes whose length stands at ``at``."""
    length, start = varint(data, at)
    end = start + length
    if end > len(data):
        raise BadRecordError("a field runs over the end of its record")
    return start, end


def fields(data: Bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield ``(field number, value)`` in wire order.

    A varint is an int (unsigned), everything else is its bytes; 8 for a double.

    Raises:
        BadRecordError: at the first field that cannot be read.
    """
    at, size = 0, len(data)
    while at < size:
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = varint(data, at)
            yield number, value
            continue
        if kind == _DELIMITED:
            at, end = delimited(data, at)
        elif kind == _FIXED64:
            end = at + 8
        elif kind == _FIXED32:
            end = at + 4
        else:
            raise BadRecordError(f"wire type {kind} is not used by W&B")
        if end > size or not number:
            raise BadRecordError("a field runs over the end of its record")
        yield number, bytes(data[at:end])
        at = end


def envelope(data: Bytes) -> tuple[int, int, int, int]:
    """Return ``(num, kind, start, end)`` of a Record: its number, its kind, where its body lies.

    ``num`` is 0 where the record has none. Only the first bytes are looked at in the usual case
    (number, then body), so that a record that nobody wants costs next to nothing. ``kind`` 0 means
    that no message was found in it.

    Raises:
        BadRecordError: the record cannot be read.
    """
    size = len(data)
    if size > _SHORTEST and data[0] == _NUM_TAG:  # nearly always: the number, then the body
        num, at = varint(data, 1)
        tag = data[at] if at < size else 0
        if _DELIMITED < tag < 0x80 and tag & 7 == _DELIMITED:
            start, end = delimited(data, at + 1)
            return signed(num), tag >> 3, start, end
    num = at = 0
    while at < size:
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _DELIMITED:
            start, end = delimited(data, at)
            # Numbers 16 (control), 19 (uuid) and 200 (_info) accompany the body; they are not it.
            if number not in (16, 19, 200):
                return num, number, start, end
            at = end
        elif kind == _VARINT:
            value, at = varint(data, at)
            if number == NUM:
                num = signed(value)
        else:
            raise BadRecordError(f"a record does not begin with wire type {kind}")
    return num, 0, size, size


def signed(value: int) -> int:
    """Return an int32 or int64 field as the negative number it may be."""
    return value - (1 << 64) if value >> 63 else value


def zigzag(value: int) -> int:
    """Return a sint64 field."""
    return (value >> 1) ^ -(value & 1)


def double(value: int | bytes) -> float:
    """Return a double field."""
    if isinstance(value, int) or len(value) != _DOUBLE.size:
        raise BadRecordError("a double is not 8 bytes long")
    number: float = _DOUBLE.unpack(value)[0]
    return number


def number_of(value: int | bytes) -> int:
    """Return a varint field.

    Raises:
        BadRecordError: the field is of another wire type.
    """
    if not isinstance(value, int):
        raise BadRecordError("a number is stored as bytes")
    return value


def bytes_of(value: int | bytes) -> bytes:
    """Return a length-prefixed field.

    Raises:
        BadRecordError: the field is of another wire type.
    """
    if isinstance(value, int):
        raise BadRecordError("bytes are stored as a number")
    return value


def text_of(value: int | bytes) -> str:
    """Return a string field; bytes that are not UTF-8 are shown as ``\\xff``, not lost."""
    return bytes_of(value).decode("utf-8", "backslashreplace")
