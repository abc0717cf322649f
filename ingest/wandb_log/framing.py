"""The framing of a ``.wandb`` file: LevelDB's log format with W&B's header and checksum.

Source: ``wandb/core/pkg/leveldb`` and the measurements behind this project. The file begins with
7 bytes, ``:W&B``, 0xBEE1 (little endian) and version 0, that count as part of the first block. It
is cut into blocks of 32 KiB. A chunk is crc32 (u32), length (u16), type (u8: 1 whole record, 2
first, 3 middle, 4 last part) and data; it never crosses a block. The checksum is plain zlib crc32
over the type byte and the data. What remains of a block below 7 bytes is zero padding.

A block boundary is where reading can begin anew after damage, as LevelDB does it.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from .snapshot import BLOCK, WINDOW, Snapshot

HEADER: Final = b":W&B\xe1\xbe\x00"
CHUNK_HEADER: Final = 7
LONGEST_RECORD: Final = 256 * 1024 * 1024  # a longer one is damage, or nothing that we read

_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_TYPE_CRC = tuple(zlib.crc32(bytes([kind])) for kind in range(5))
_ZEROS = bytes(WINDOW)
_CHUNK = struct.Struct("<IHB")


class End(StrEnum):
    """How the snapshot of a file ends."""

    CLEAN = "clean"  # with a whole record, or right after the header
    EMPTY = "empty"  # with nothing: no byte was written yet
    TORN = "torn"  # within a record or a header, or with bytes that cannot be read
    ZEROS = "zeros"  # with a whole record and then zeros: space reserved and never written


class NotALogError(ValueError):
    """The file does not begin like a ``.wandb`` log. ``version`` is set if only that is unknown."""

    def __init__(self, message: str, version: int | None = None) -> None:
        super().__init__(message)
        self.version = version


@dataclass(slots=True)
class Scan:
    """One pass over the records of a snapshot, from ``good_end``.

    After the iteration: ``end``; ``good_end``, the offset after the last whole record, where the
    next pass goes on; ``skipped``, the ranges of bytes between records that could not be read;
    ``dead_tail``, where the bytes begin that make up more than a torn record at the end.
    """

    file: Snapshot
    good_end: int = 0
    #: Records that begin here or later are not read; a block boundary. Whether the file ends well
    #: is not looked at then.
    stop: int = sys.maxsize
    end: End = End.CLEAN
    skipped: list[tuple[int, int]] = field(default_factory=list)
    dead_tail: int | None = None

    def records(self) -> Iterator[bytes | memoryview]:
        """Yield the payload of each whole record in order; copy what is kept for long.

        Raises:
            NotALogError: the file does not begin like a log, or like one of a newer version.
            OSError: it cannot be read.
        """
        parts: list[memoryview] = []
        begin = length = 0
        for at, after, kind, data in self._chunks():
            if at >= self.stop and kind in (0, _FULL, _FIRST):
                return
            if kind == _FULL:
                parts.clear()
                self._accept(at, after)
                yield data
            elif kind == _FIRST:
                parts, begin, length = [data], at, len(data)
            elif not kind:
                parts.clear()
            elif parts:  # else the record's beginning was lost
                parts.append(data)
                length += len(data)
                if length > LONGEST_RECORD:
                    parts.clear()
                elif kind == _LAST:
                    payload = b"".join(parts)
                    parts.clear()
                    self._accept(begin, after)
                    yield payload
        if self.end is End.CLEAN and next_chunk(self.good_end) < self.file.size:
            self.end = End.TORN

    def _accept(self, begin: int, after: int) -> None:
        """Note a whole record, and what was lost before it."""
        expected = next_chunk(self.good_end)
        if begin > expected:
            self.skipped.append((expected, begin))
        self.good_end = after
        self.dead_tail = None

    def _chunks(self) -> Iterator[tuple[int, int, int, memoryview]]:
        """Yield ``(start, end, type, data)`` of each good chunk; type 0 stands for a jump."""
        if self.good_end < len(HEADER):
            self.end = check_header(self.file)
            if self.end is not End.CLEAN:
                return
            self.good_end = len(HEADER)
        at = base = self.good_end
        data = memoryview(b"")
        while True:
            at = next_chunk(at)
            if at + CHUNK_HEADER > self.file.size:
                return
            if at + CHUNK_HEADER > base + len(data):
                base, data = at, memoryview(self.file.window(at))
                if len(data) < CHUNK_HEADER:  # the file has shrunk meanwhile
                    self.end = End.TORN
                    return
            crc, length, kind = _CHUNK.unpack_from(data, at - base)
            after = at + CHUNK_HEADER + length
            if 1 <= kind <= _LAST and (at % BLOCK) + CHUNK_HEADER + length <= BLOCK:
                body = data[at - base + CHUNK_HEADER : after - base]
                if len(body) < length:  # the end of the file comes first
                    self.end = End.TORN
                    return
                if zlib.crc32(body, _TYPE_CRC[kind]) == crc:
                    yield at, after, kind, body
                    at = after
                    continue
            after = self._jump(at, blank=not (crc or length or kind))
            if after >= self.file.size:
                return
            yield at, after, 0, data[:0]
            at = after

    def _jump(self, at: int, *, blank: bool) -> int:
        """Return where to go on after the bad chunk at ``at``: at a later block, or at the end."""
        size = self.file.size
        target = (at // BLOCK + 1) * BLOCK
        if blank:
            first = self._first_nonzero(at)
            if first >= size:
                # Zeros right after a whole record are room that was never written.
                self.end = End.ZEROS if at == next_chunk(self.good_end) else End.TORN
                return size
            target = max(target, first // BLOCK * BLOCK)
        if target < size and self.dead_tail is None:
            self.dead_tail = next_chunk(self.good_end)
        return target

    def _first_nonzero(self, at: int) -> int:
        """Return the offset of the next byte that is not zero, or the file's size."""
        while (at := self.file.next_data(at)) < self.file.size:
            part = self.file.read(at, at + WINDOW)
            if not part:  # the file has shrunk meanwhile
                break
            if part != _ZEROS[: len(part)]:  # a tenth of what it takes to look for the first
                return at + len(part) - len(part.lstrip(b"\0"))
            at += len(part)
        return self.file.size


def next_chunk(at: int) -> int:
    """Return where the chunk after offset ``at`` begins: the end of a block is left empty."""
    room = BLOCK - at % BLOCK
    return at + room if room < CHUNK_HEADER else at


def check_header(file: Snapshot) -> End:
    """Look at the first bytes: CLEAN for a whole header, EMPTY or TORN for the beginning of one.

    Raises:
        NotALogError: the file does not begin like a log, or like one of a newer version.
        OSError: it cannot be read.
    """
    head = file.read(0, len(HEADER))
    if head == HEADER:
        return End.CLEAN
    if HEADER.startswith(head):
        return End.TORN if head else End.EMPTY
    if head[:-1] == HEADER[:-1]:
        raise NotALogError("the log is of a newer version", version=head[-1])
    raise NotALogError("the file does not begin like a W&B log")
