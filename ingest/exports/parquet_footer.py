"""What a Parquet file claims of itself, read before anything else believes it.

Arrow takes some claims at their word: it makes room for a billion values, or for a page of 2 GB of
which a few bytes are there. And to ask it for the metadata of a column chunk ends the process where
two claims contradict each other (an exception of C++ that pyarrow 26 does not catch), so that is
not asked of a file from elsewhere.

Source: ``parquet.thrift`` of https://github.com/apache/parquet-format (FileMetaData 2 schema, 3
num_rows, 4 row_groups; SchemaElement 3 repetition_type; RowGroup 1 columns; ColumnChunk 3
meta_data; ColumnMetaData 5 num_values, 7 total_compressed_size, 9 data_page_offset, 11
dictionary_page_offset).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from dakota_wh.ingest.exports.compact import I64, LIST, NUMBERS, STRUCT, Compact
from dakota_wh.ingest.exports.parquet_pages import Chunk, largest_page

_MAGIC: Final = b"PAR1"
_TAIL: Final = struct.Struct("<I4s")
_REPEATED: Final = 2


@dataclass(frozen=True, slots=True)
class Claims:
    """What a file says that there is.

    Attributes:
        rows: of the file.
        values: of a column chunk, the most; 0 where no lists are in the file.
        page_bytes: of one page of each column of a row group, unpacked, the most together.
    """

    rows: int
    values: int
    page_bytes: int


def claims_of(path: Path) -> Claims:
    """Return what a file claims.

    Raises:
        ValueError: it has no footer, or one that is damaged or nested too deep, or its pages are.
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
        try:
            rows, lists, groups = _footer(Compact(file.read(length)))
        except (IndexError, ValueError) as error:
            raise ValueError(f"its footer is damaged: {error}") from error
        _must_lie_apart(groups, size)
        together = (sum(largest_page(file, chunk) for chunk in chunks) for chunks in groups)
        pages = max(together, default=0)
    values = max((chunk.values for chunks in groups for chunk in chunks), default=0)
    return Claims(rows, values if lists else 0, pages)


def _must_lie_apart(groups: list[list[Chunk]], size: int) -> None:
    """Refuse chunks beyond the file or in one another: their pages could be without end."""
    together = 0
    for chunk in (chunk for chunks in groups for chunk in chunks):
        if chunk.start < 0 or chunk.size < 0 or chunk.start + chunk.size > size:
            raise ValueError("it has a column that lies beyond its end")
        together += chunk.size
    if together > size:
        raise ValueError("its columns have more bytes than it has")


def _footer(footer: Compact) -> tuple[int, bool, list[list[Chunk]]]:
    """Return how many rows it claims, whether it has lists, and the chunks of each row group."""
    rows, lists = 0, False
    groups: list[list[Chunk]] = []
    for number, kind in footer.fields():
        if number == 2 and kind == LIST:
            lists |= _has_lists(footer)
        elif number == 3 and kind in NUMBERS:
            rows = footer.number()
        elif number == 4 and kind == LIST:
            for group in footer.structs():
                if group == (1, LIST):
                    groups.append(list(_chunks(footer)))
                else:
                    footer.skip(group[1])
        else:
            footer.skip(kind)
    return rows, lists, groups


def _has_lists(footer: Compact) -> bool:
    """Take the schema; return whether one of its elements is repeated."""
    found = False
    for number, kind in footer.structs():
        if number == 3 and kind in NUMBERS:
            found |= footer.number() == _REPEATED
        else:
            footer.skip(kind)
    return found


def _chunks(footer: Compact) -> Iterator[Chunk]:
    for number, kind in footer.structs():
        if number == 3 and kind == STRUCT:
            told = {5: 0, 7: 0, 9: 0, 11: 0}
            for inner, inner_kind in footer.fields():
                if inner in told and inner_kind == I64:
                    told[inner] = footer.number()
                else:
                    footer.skip(inner_kind)
            values, size, first, dictionary = told.values()
            yield Chunk(dictionary if 0 < dictionary < first else first, size, values)
        else:
            footer.skip(kind)
