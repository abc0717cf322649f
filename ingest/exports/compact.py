"""Thrift's compact protocol, which a Parquet file's footer and the headers of its pages are in.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

#: Levels of a value; Parquet's own have five.
DEEPEST: Final = 64

_TRUE, _FALSE, _I8, _DOUBLE, _BINARY, LIST, _SET, _MAP, STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
I32, I64 = 5, 6
#: Integers of two bytes, of four and of eight.
NUMBERS: Final = (4, I32, I64)


class Compact:
    """Values one after another; each must be taken, or skipped, in its turn.

    Raises:
        IndexError: the bytes end where a value should begin.
        ValueError: they are no such values.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def taken(self) -> int:
        """How many bytes were taken."""
        return self._at

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
            if kind != STRUCT:
                raise ValueError("it is damaged")
            yield from self.fields()

    def number(self) -> int:
        """Take an integer."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def skip(self, kind: int, depth: int = 0) -> None:
        """Pass over a value."""
        if depth > DEEPEST:
            raise ValueError("it is nested too deep")
        if kind in NUMBERS:
            self._varint()
        elif kind in (_I8, _DOUBLE):
            self._move(1 if kind == _I8 else 8)
        elif kind == _BINARY:
            self._move(self._varint())
        elif kind in (LIST, _SET):
            count, inner = self._list()
            for _ in range(count):
                self._skip_element(inner, depth)
        elif kind == _MAP:
            count = self._varint()
            kinds = self._byte() if count else 0
            for _ in range(count):
                self._skip_element(kinds >> 4, depth)
                self._skip_element(kinds & 0x0F, depth)
        elif kind == STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        elif kind not in (_TRUE, _FALSE):
            raise ValueError("it is damaged")

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
            raise ValueError("it ends in the middle")

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF
            shift += 7
            if shift > 63:
                raise ValueError("it is damaged")
