"""An encoder of W&B's logs of our own: frames and records as bytes, so that tests can bend them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence

HEADER = b":W&B\xe1\xbe\x00"
BLOCK = 32768


def varint(value: int) -> bytes:
    """Encode an unsigned number; negative ones as protobuf does it, in ten bytes."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def chunk(field: int, data: bytes | str) -> bytes:
    """Encode a length-prefixed field."""
    raw = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def double(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def typed(value: object) -> bytes:
    """Encode the typed value of a HistoryItem, as wandb 0.31 does with `json,typed`."""
    if value is None:
        return number(3, 0)
    if isinstance(value, bool):
        return number(4, int(value))
    if isinstance(value, int):
        return number(5, (value << 1) ^ (value >> 63))
    if isinstance(value, float):
        return double(6, value)
    assert isinstance(value, str)
    return chunk(7, value)


def item(
    path: Sequence[str | bytes],
    json: str | bytes | None = None,
    *,
    legacy: bool = False,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """Encode the content of an item: its key in either way, typed value before or after."""
    key = chunk(1, path[0]) if legacy else b"".join(chunk(2, part) for part in path)
    return key + before + (b"" if json is None else chunk(16, json)) + after


def history(items: Iterable[bytes], step: int | None = 0) -> bytes:
    """Encode the body of a HistoryRecord."""
    body = b"".join(chunk(1, content) for content in items)
    return body if step is None else body + chunk(2, number(1, step) if step else b"")


def changes(update: Iterable[bytes] = (), remove: Iterable[bytes] = ()) -> bytes:
    """Encode the body of a SummaryRecord or ConfigRecord."""
    return b"".join(chunk(1, one) for one in update) + b"".join(chunk(2, one) for one in remove)


def run(run_id: str, *, start: int = 1_700_000_000, config: bytes = b"", **texts: str) -> bytes:
    """Encode the body of a RunRecord; ``start`` in seconds since 1970."""
    names = {"entity": 2, "project": 3, "group": 6, "name": 8, "notes": 9, "host": 13}
    fields = b"".join(chunk(names[name], text) for name, text in texts.items())
    return chunk(1, run_id) + fields + chunk(4, config) + chunk(17, number(1, start))


def record(num: int, kind: int, body: bytes) -> bytes:
    """Encode a Record; ``kind`` is the field number of its body. ``num`` 0 leaves it out."""
    return (number(1, num) if num else b"") + chunk(kind, body)


def records(bodies: Iterable[tuple[int, bytes]]) -> list[bytes]:
    """Encode records of (kind, body), counted from 1."""
    return [record(num, kind, body) for num, (kind, body) in enumerate(bodies, 1)]


def log(payloads: Iterable[bytes]) -> bytes:
    """Frame records into a whole file."""
    out = bytearray(HEADER)
    for payload in payloads:
        left, first = payload, True
        while True:
            room = BLOCK - len(out) % BLOCK
            if room < 7:
                out += bytes(room)
                room = BLOCK
            part, left = left[: room - 7], left[room - 7 :]
            kind = (1 if first else 4) if not left else (2 if first else 3)
            crc = zlib.crc32(bytes([kind]) + part)
            out += struct.pack("<IHB", crc, len(part), kind) + part
            first = False
            if not left:
                break
    return bytes(out)
