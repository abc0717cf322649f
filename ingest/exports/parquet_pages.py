"""The headers of a Parquet column chunk's pages: how large each will be once it is unpacked.

Source: ``parquet.thrift`` of https://github.com/apache/parquet-format (PageHeader 1 type, 2
uncompressed_page_size, 3 compressed_page_size, 5 data_page_header, 8 data_page_header_v2, each 1
num_values). Which fields count and where a chunk ends are Arrow's rules, since Arrow reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Final

from dakota_wh.ingest.exports.compact import I32, STRUCT, Compact

#: Bytes of a header that are read at first (statistics may make it longer), and the most.
_HEADER, _LONGEST = 256, 16 * 1024 * 1024
_DATA_PAGES: Final = {0: 5, 3: 8}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column of a row group: where its pages begin, bytes of them all, and how many values."""

    start: int
    size: int
    values: int


def largest_page(file: BinaryIO, chunk: Chunk) -> int:
    """Return how many bytes the largest page of a chunk claims to have when it is unpacked.

    Raises:
        ValueError: the header of a page is damaged, or the page does not end in the chunk.
        OSError: the file cannot be read.
    """
    at, end = chunk.start, chunk.start + chunk.size
    largest = seen = 0
    while seen < chunk.values and at < end:
        taken, told, values = _header(file, at)
        unpacked, packed = told.get(2, 0), told.get(3, 0)
        at += taken + packed
        if unpacked < 0 or packed < 0 or at > end:
            raise ValueError("it has a page that does not end in its column")
        largest = max(largest, unpacked)
        seen += max(values, 0)
    return largest


def _header(file: BinaryIO, at: int) -> tuple[int, dict[int, int], int]:
    """Return a header's own bytes, its numbers by field, and how many values its page has."""
    length = _HEADER
    while True:
        file.seek(at)
        data = file.read(length)
        try:
            return _taken(Compact(data))
        except (IndexError, ValueError) as error:
            if len(data) < length or length >= _LONGEST:
                raise ValueError(f"the header of a page is damaged: {error}") from error
            length *= 16


def _taken(header: Compact) -> tuple[int, dict[int, int], int]:
    numbers: dict[int, int] = {}
    values: dict[int, int] = {}
    for number, kind in header.fields():
        if kind == I32:
            numbers[number] = _int32(header.number())
        elif kind == STRUCT and number in _DATA_PAGES.values():
            for inner, inner_kind in header.fields():
                if inner == 1 and inner_kind == I32:
                    values[number] = _int32(header.number())
                else:
                    header.skip(inner_kind)
        else:
            header.skip(kind)
    return header.taken, numbers, values.get(_DATA_PAGES.get(numbers.get(1, 0), 0), 0)


def _int32(value: int) -> int:
    if not -(2**31) <= value < 2**31:
        raise ValueError("a number has more than its 32 bits")
    return value
