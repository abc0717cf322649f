"""What a Parquet file's footer claims, read before anything else believes it.

Arrow takes some claims at their word: it makes room for a billion values. And to ask it for the
metadata of a column chunk ends the process where two claims contradict each other (an exception of
C++ that pyarrow 26 does not catch), so that is not asked of a file from elsewhere.

Source: ``parquet.thrift`` of https://github.com/apache/parquet-format (FileMetaData 2 schema, 3
num_rows, 4 row_groups; SchemaElement 3 repetition_type; RowGroup 1 columns;
ColumnChunk 3 meta_data; ColumnMetaData 5 num_values) and Thrift's compact protocol.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

_MAGIC: Final = b"PAR1"
_TAIL: Final = struct.Struct("<I4s")
#: Levels of a footer; the format has five.
DEEPEST: Final = 64

_TRUE, _FALSE, _I8, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_NUMBERS: Final = (4, 5, 6)
_REPEATED: Final = 2


@dataclass(frozen=True, slots=True)
class Claims:
    """``rows`` of the file, and where lists are in it the most ``values`` of a column chunk."""

    rows: int
    values: int


def claims_of(path: Path) -> Claims:
    """Return what a file claims.

    Raises:
        ValueError: it has no footer, or one that is damaged or nested too deep.
        OSError: it cannot be read.
    """
    found = path.stat()
    return _claims_at(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=256)  # a reading asks several times, and a footer may have megabytes
def _claims_at(path: Path, size: int, _: int) -> Claims:
    with path.open("rb") as file:
        if size < len(_MAGIC) + _TAIL.size:
            raise ValueError("it is too short")
        file.seek(size - _TAIL.size)
        tail = file.read(_TAIL.size)
        if len(tail) < _TAIL.size:
            raise ValueError("it has shrunk meanwhile")
        length, magic = _TAIL.unpack(tail)
        if magic != _MAGIC or length > size - _TAIL.size - len(_MAGIC):
            raise ValueError("it does not end as a Parquet file")
        file.seek(size - _TAIL.size - length)
        footer = _Compact(file.read(length))
    try:
        return _claims(footer)
    except IndexError as error:
        raise ValueError("its footer ends in the middle") from error


def _claims(footer: _Compact) -> Claims:
    rows = values = 0
    lists = False
    for number, kind in footer.fields():
        if number == 2 and kind == _LIST:
            lists = _has_lists(footer)
        elif number == 3 and kind in _NUMBERS:
            rows = footer.number()
        elif number == 4 and kind == _LIST and lists:
            for group in footer.structs():
                if group == (1, _LIST):
                    values = max([values, *_values(footer)])
                else:
                    footer.skip(group[1])
        else:
            footer.skip(kind)
    return Claims(rows, values)


def _has_lists(footer: _Compact) -> bool:
    """Take the schema; return whether one of its elements is repeated."""
    found = False
    for number, kind in footer.structs():
        if number == 3 and kind in _NUMBERS:
            found |= footer.number() == _REPEATED
        else:
            footer.skip(kind)
    return found


def _values(footer: _Compact) -> Iterator[int]:
    for number, kind in footer.structs():
        if number == 3 and kind == _STRUCT:
            for inner, inner_kind in footer.fields():
                if inner == 5 and inner_kind in _NUMBERS:
                    yield footer.number()
                else:
                    footer.skip(inner_kind)
        else:
            footer.skip(kind)


class _Compact:
    """Thrift's compact protocol, forwards; every value must be taken, or skipped, in its turn."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield (number, kind) of each field of the struct that begins here."""
        number = 0
        while (head := self._byte()) != 0:
            delta = head >> 4
            number = number + delta if delta else self.number()
            yield number, head & 0x0F

    def structs(self) -> Iterator[tuple[int, int]]:
        """Yield the fields of each struct of a list."""
        count, kind = self._list()
        for _ in range(count):
            if kind != _STRUCT:
                raise ValueError("its footer is damaged")
            yield from self.fields()

    def number(self) -> int:
        """Take an integer."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def skip(self, kind: int, depth: int = 0) -> None:
        """Pass over a value."""
        if depth > DEEPEST:
            raise ValueError("its footer is nested too deep")
        if kind in _NUMBERS:
            self._varint()
        elif kind in (_I8, _DOUBLE):
            self._move(1 if kind == _I8 else 8)
        elif kind == _BINARY:
            self._move(self._varint())
        elif kind in (_LIST, _SET):
            count, inner = self._list()
            for _ in range(count):
                self._skip_element(inner, depth)
        elif kind == _MAP:
            count = self._varint()
            kinds = self._byte() if count else 0
            for _ in range(count):
                self._skip_element(kinds >> 4, depth)
                self._skip_element(kinds & 0x0F, depth)
        elif kind == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        elif kind not in (_TRUE, _FALSE):
            raise ValueError("its footer is damaged")

    def _skip_element(self, kind: int, depth: int) -> None:
        if kind in (_TRUE, _FALSE):  # in a list a truth value is a byte
            self._move(1)
        else:
            self.skip(kind, depth + 1)

    def _list(self) -> tuple[int, int]:
        head = self._byte()
        count = head >> 4
        return (self._varint() if count == 0x0F else count), head & 0x0F

    def _byte(self) -> int:
        byte = self._data[self._at]
        self._at += 1
        return byte

    def _move(self, count: int) -> None:
        self._at += count
        if self._at > len(self._data):
            raise ValueError("its footer ends in the middle")

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF
            shift += 7
            if shift > 63:
                raise ValueError("its footer is damaged")
