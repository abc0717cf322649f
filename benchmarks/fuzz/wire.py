"""Logs as trees: a list of records, each a list of protobuf fields, bent there and framed anew.

Bytes that are bent below the checksums never get past them; so a log is taken apart, changed and
put together again with lengths and checksums that hold, and only now and then is its file damaged.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.fuzz.target import NUMBERS, TOKENS, WORDS, Bend, without_span
from tests.wandb_log.encoder import BLOCK, HEADER, log, varint

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_CHUNK = struct.Struct("<IHB")
#: Kinds of a record that mean something to a reader, and some that do not.
_KINDS = (2, 3, 5, 6, 7, 8, 12, 17, 18, 23, 25, 26, 16, 19, 200, 1)


@dataclass(slots=True)
class Field:
    """A field: a number, bytes, or a message of further fields."""

    number: int
    kind: int
    value: int | bytes | list[Field]

    def encoded(self) -> bytes:
        """Return it as it stands on the wire."""
        tag = varint(self.number << 3 | self.kind)
        if isinstance(self.value, int):
            return tag + varint(self.value)
        raw = self.value if isinstance(self.value, bytes) else joined(self.value)
        return tag + (varint(len(raw)) if self.kind == _BYTES else b"") + raw


def joined(fields: Sequence[Field]) -> bytes:
    """Return a message as it stands on the wire."""
    return b"".join(field.encoded() for field in fields)


def records(data: bytes) -> list[bytes] | None:
    """Return the payloads of a log whose every byte is well framed, None for any other."""
    if data[: len(HEADER)] != HEADER:
        return None
    found, parts, at = [], b"", len(HEADER)
    opened = False
    while at < len(data):
        room = BLOCK - at % BLOCK
        if room < _CHUNK.size:
            if any(data[at : at + room]):
                return None
            at += room
            continue
        if len(data) - at < _CHUNK.size:
            return None
        crc, length, kind = _CHUNK.unpack_from(data, at)
        body = data[at + _CHUNK.size : at + _CHUNK.size + length]
        wanted = kind in ((3, 4) if opened else (1, 2))
        if not wanted or len(body) < length or length + _CHUNK.size > room:
            return None
        if zlib.crc32(bytes([kind]) + body) != crc:
            return None
        at += _CHUNK.size + length
        parts += body
        opened = kind in (2, 3)
        if not opened:
            found.append(parts)
            parts = b""
    return None if opened else found


def parsed(data: bytes, depth: int = 0) -> list[Field] | None:
    """Return the fields of a message, None where the bytes are none."""
    found: list[Field] = []
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if at < 0 or not 0 < number < 1000:
            return None
        if kind == _VARINT:
            value, at = _varint(data, at)
            if at < 0:
                return None
            found.append(Field(number, kind, value))
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
        if kind == _BYTES:
            size, at = _varint(data, at)
        if size < 0 or at < 0 or at + size > len(data):
            return None
        raw = data[at : at + size]
        inner = parsed(raw, depth + 1) if kind == _BYTES and raw and depth < 4 else None
        found.append(Field(number, kind, raw if inner is None else inner))
        at += size
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, -1


class LogForm:
    """The structure of a ``.wandb`` file."""

    def mutate(self, data: bytes, other: bytes, rng: Random, bend: Bend) -> bytes:
        """Return a log bent in its records, or for once in its bytes."""
        payloads = records(data)
        if payloads is None or rng.random() < 0.06:
            return _damaged(data, rng, bend)
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            self._change(payloads, records(other) or [], rng, bend)
        whole = log(payloads)
        return _damaged(whole, rng, bend) if rng.random() < 0.06 else whole

    def smaller(self, data: bytes, rng: Random) -> bytes:
        """Return a log with fewer records, fields or bytes."""
        payloads = records(data)
        if not payloads:
            return without_span(data, rng)
        at = rng.randrange(len(payloads))
        fields = parsed(payloads[at])
        if rng.random() < 0.4 or not fields:
            del payloads[at : at + max(1, len(payloads) >> rng.randrange(1, 8))]
        else:
            siblings, place = _somewhere(fields, rng)
            value = siblings[place].value
            if isinstance(value, bytes) and value and rng.random() < 0.5:
                siblings[place].value = without_span(value, rng)
            else:
                del siblings[place]
            payloads[at] = joined(fields)
        return log(payloads)

    def _change(self, payloads: list[bytes], others: list[bytes], rng: Random, bend: Bend) -> None:
        way = rng.randrange(12)
        at = rng.randrange(len(payloads) + 1)
        if way == 0:
            del payloads[at : at + rng.choice((1, 1, 3))]
        elif way == 1 and payloads:
            payloads[at:at] = [payloads[at - 1]] * rng.choice((1, 1, 2, 40))
        elif way == 2 and others:
            begin = rng.randrange(len(others))
            payloads[at:at] = others[begin : begin + rng.choice((1, 2, 8))]
        elif way == 3 and payloads:
            payloads[at - 1] = bend(payloads[at - 1], rng)
        elif payloads:
            at = at % len(payloads)
            fields = parsed(payloads[at])
            if fields:
                _change_field(fields, rng, bend)
                payloads[at] = joined(fields)


def _somewhere(fields: list[Field], rng: Random) -> tuple[list[Field], int]:
    """Return a field of a message or of one in it: its siblings and its place."""
    siblings, at = fields, rng.randrange(len(fields))
    while isinstance(inner := siblings[at].value, list) and inner and rng.random() < 0.85:
        siblings, at = inner, rng.randrange(len(inner))
    return siblings, at


def _change_field(fields: list[Field], rng: Random, bend: Bend) -> None:
    siblings, at = _somewhere(fields, rng)
    field = siblings[at]
    way = rng.randrange(11)
    if way == 0:
        del siblings[at]
    elif way == 1:
        siblings[at:at] = [field] * rng.choice((1, 1, 2, 20, 300))
    elif way == 2:
        siblings.insert(rng.randrange(len(siblings) + 1), siblings.pop(at))
    elif way == 3:
        field.number = rng.choice((*range(1, 9), 10, 12, 16, 17, *_KINDS))
    elif way == 4:  # another wire type for the same number
        field.kind, field.value = rng.choice(
            ((_VARINT, rng.choice(NUMBERS)), (_FIXED64, rng.randbytes(8)), (_BYTES, b"\x08\x01"),
             (_FIXED32, rng.randbytes(4)), (3, b""), (_FIXED64, struct.pack("<d", 1.5)))
        )  # fmt: skip
    elif way == 5:  # a key of very many parts
        siblings[at:at] = [Field(2, _BYTES, rng.choice(WORDS))] * rng.choice((2, 63, 64, 400, 3000))
    elif isinstance(field.value, int):
        field.value = rng.choice((rng.choice(NUMBERS), field.value + 1, rng.getrandbits(64)))
    elif isinstance(field.value, bytes):
        ways: tuple[bytes, ...] = (rng.choice(TOKENS), rng.choice(WORDS), rng.choice(TOKENS))
        field.value = bend(field.value, rng) if way < 8 else rng.choice(ways)
    elif way < 8:
        field.value = bend(joined(field.value), rng)
    else:
        field.value = [*field.value, Field(rng.choice((1, 2, 3, 16)), _BYTES, rng.choice(TOKENS))]


def _damaged(data: bytes, rng: Random, bend: Bend) -> bytes:
    way = rng.randrange(4)
    at = rng.randrange(len(data) + 1)
    if way == 0:
        return data[:at]
    if way == 1:
        return data[:at] + bytes(rng.choice((1, 8, 5000, BLOCK))) + data[at:]
    return bend(data, rng)
