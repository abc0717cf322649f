"""The raw, wide table: a column per key, a row per log call, in immutable parts.

A part holds up to :data:`PART_ROWS` rows and has its own columns and types; a reader unites the
parts by column name. ``_row`` counts the run's log rows from 0 over all parts.
"""

from __future__ import annotations

import secrets
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dakota_wh.warehouse import columns
from dakota_wh.warehouse.arrow_alone import as_array
from dakota_wh.warehouse.column_names import (
    PART,
    ROW,
    SEGMENT,
    ColumnNames,
    KeyPath,
    field_for,
    holds_text,
    key_of,
)
from dakota_wh.warehouse.columns import TEXT_SUFFIX, Cells, encode
from dakota_wh.warehouse.parquet import write_table

#: A part is closed at this many rows, cells or bytes of cells, whichever comes first.
PART_ROWS: Final = 65_536
PART_CELLS: Final = 8_000_000
PART_BYTES: Final = 96_000_000

#: The columns that every history file has, and that an empty warehouse shows.
EMPTY: Final = pa.schema(
    [
        ("_step", pa.int64()),
        ("_runtime", pa.float64()),
        ("_timestamp", pa.float64()),
        (ROW, pa.int64()),
        (SEGMENT, pa.int64()),
        (PART, pa.int64()),
    ]
)


def new_part_id() -> int:
    """Return an id that no other part has: 62 random bits, positive as a BIGINT."""
    return secrets.randbits(62) | 1


def part_path(folder: Path, first: int, part: int) -> Path:
    """Return a part's path: sorted by the first row or generation, unique by its id."""
    return folder / f"part-{first:010d}-{part:016x}.parquet"


@dataclass(slots=True)
class HistoryWriter:
    """Takes log rows in order and leaves finished parts in ``folder``."""

    folder: Path
    first_row: int = 0
    names: ColumnNames = field(default_factory=ColumnNames)
    written: list[Path] = field(default_factory=list)
    rows: int = 0
    _pending: dict[KeyPath, list[Cells | int]] = field(default_factory=dict)
    _pending_rows: int = 0
    _pending_bytes: int = 0
    _filled: dict[KeyPath, int] = field(default_factory=dict)
    _segments: list[np.ndarray] = field(default_factory=list)

    def add(self, count: int, values: Mapping[KeyPath, pa.Array], segment: int = 0) -> None:
        """Append ``count`` rows; ``values`` as in ``ingest.source.LogRows``."""
        segments = np.full(count, segment, dtype=np.int64)
        self.add_cells(count, ((key, encode(array)) for key, array in values.items()), segments)

    def add_cells(
        self, count: int, cells: Iterable[tuple[KeyPath, Cells]], segments: np.ndarray
    ) -> None:
        """Append ``count`` rows of encoded cells, each row with its segment (int64)."""
        for key, some in cells:
            batches = self._pending.setdefault(key, [])
            missed = self._pending_rows - self._filled.get(key, 0)
            if missed:
                batches.append(missed)
            batches.append(some)
            self._pending_bytes += some.size
            self._filled[key] = self._pending_rows + count
        self._segments.append(segments)
        self._pending_rows += count
        self.rows += count
        width = max(1, len(self._pending))
        if (
            self._pending_rows >= PART_ROWS
            or self._pending_rows * width >= PART_CELLS
            or self._pending_bytes >= PART_BYTES
        ):
            self.flush()

    def flush(self) -> None:
        """Write what is pending as a part; nothing when nothing is."""
        if not self._pending_rows:
            return
        part = new_part_id()
        first = self.first_row + self.rows - self._pending_rows
        path = part_path(self.folder, first, part)
        write_table(path, self._table(first, part))
        self.written.append(path)
        self._pending, self._filled, self._segments = {}, {}, []
        self._pending_rows = self._pending_bytes = 0

    def _table(self, first: int, part: int) -> pa.Table:
        rows = self._pending_rows
        fields: list[pa.Field] = []
        arrays: list[pa.Array] = []
        for key in sorted(self._pending, key=_column_order):
            batches = self._pending.pop(key)  # of many keys, two copies of all would be much
            if self._filled[key] < rows:
                batches.append(rows - self._filled[key])
            cells, name = columns.concat(batches), self.names.column(key)
            if cells.numbers is not None:
                fields.append(field_for(key, name, cells.numbers.type))
                arrays.append(cells.numbers)
            if cells.text is not None:
                fields.append(field_for(key, name + TEXT_SUFFIX, pa.string()))
                arrays.append(cells.text)
        fields += [pa.field(name, pa.int64()) for name in (ROW, SEGMENT, PART)]
        arrays += [
            as_array(np.arange(first, first + rows)),
            as_array(np.concatenate(self._segments)),
            pa.repeat(pa.scalar(part, pa.int64()), rows),
        ]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _column_order(key: KeyPath) -> tuple[bool, KeyPath]:
    """W&B's own keys first, then by name: the same order whatever the source's."""
    return (not key[0].startswith("_"), key)


@dataclass(frozen=True, slots=True)
class StoredRows:
    """Rows that follow each other: of each key what is stored."""

    count: int
    cells: Mapping[KeyPath, Cells]


class StoredHistory:
    """History parts of one run, read back key by key in the order of ``_row``."""

    def __init__(self, paths: Sequence[Path]) -> None:
        # By name, which begins with the first row: new parts lie in another folder.
        ordered = sorted(paths, key=lambda path: path.name)
        self._files = [pq.ParquetFile(path, pre_buffer=False) for path in ordered]
        self.schemas = [file.schema_arrow for file in self._files]
        self.rows = 0
        #: Up to which row each part goes.
        self.ends: list[int] = []
        #: Where a key's numbers (False) or texts (True) are: file, first row, column.
        self._places: dict[tuple[KeyPath, bool], list[tuple[int, int, str]]] = {}
        for index, (file, schema) in enumerate(zip(self._files, self.schemas, strict=True)):
            for f in schema:
                key = key_of(f)
                if key is not None:
                    place = (index, self.rows, f.name)
                    self._places.setdefault((key, holds_text(f)), []).append(place)
            self.rows += file.metadata.num_rows
            self.ends.append(self.rows)

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def keys(self) -> list[KeyPath]:
        """Return every key that was logged, sorted."""
        return sorted({key for key, _ in self._places})

    def numeric_keys(self) -> list[KeyPath]:
        """Return the keys under which at least one number or boolean was logged, sorted."""
        return sorted(key for key, text in self._places if not text)

    def number_types(self, key: KeyPath) -> set[pa.DataType]:
        """Return the types that the parts have for the numbers of a key; empty for none."""
        places = self._places.get((key, False), ())
        return {self.schemas[index].field(name).type for index, _, name in places}

    def has_texts(self, key: KeyPath) -> bool:
        """Return whether anything was logged under a key that a number does not hold exactly."""
        return (key, True) in self._places

    def numbers(self, key: KeyPath) -> tuple[np.ndarray, np.ndarray]:
        """Return (float64 values, mask of the rows that logged a number), an entry a row."""
        values = np.zeros(self.rows)
        logged = np.zeros(self.rows, dtype=bool)
        for start, array in self._arrays(key, text=False):
            stop = start + len(array)
            values[start:stop], logged[start:stop] = columns.as_doubles(array)
        return values, logged

    def number_blocks(
        self, key: KeyPath, ends: Sequence[int]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield what :meth:`numbers` returns, in blocks of rows that end where ``ends`` says.

        No more than a block and a part are in memory. The last end is the number of rows.
        """
        names = {index: name for index, _, name in self._places.get((key, False), ())}
        values, logged = np.zeros(0), np.zeros(0, dtype=bool)
        parts = enumerate(self.ends)
        start = filled = 0
        for stop in ends:
            while filled < stop:
                index, end = next(parts)
                more, also = np.zeros(end - filled), np.zeros(end - filled, dtype=bool)
                if index in names:
                    more, also = columns.as_doubles(self._column(index, names[index]))
                values, logged = np.append(values, more), np.append(logged, also)
                filled = end
            length = stop - start
            yield values[:length], logged[:length]
            values, logged, start = values[length:], logged[length:], stop

    def integers(self, key: KeyPath) -> tuple[np.ndarray, np.ndarray] | None:
        """Return (int64 values, mask) of a key, or None if something else was logged under it."""
        values = np.zeros(self.rows, dtype=np.int64)
        logged = np.zeros(self.rows, dtype=bool)
        for start, array in self._arrays(key, text=False):
            stop = start + len(array)
            whole, logged[start:stop] = columns.as_integers(array)
            if whole is None:
                return None
            values[start:stop] = whole
        return values, logged

    def whole(self, key: KeyPath) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (int64 values, mask of the rows that logged one, mask of those that did not).

        The latter logged something else that is not None: a fraction, NaN, a text, a number that
        is beyond BIGINT or that a DOUBLE does not hold exactly.
        """
        values = np.zeros(self.rows, dtype=np.int64)
        whole = np.zeros(self.rows, dtype=bool)
        logged = np.zeros(self.rows, dtype=bool)
        for start, array in self._arrays(key, text=False):
            here = slice(start, start + len(array))
            values[here], whole[here] = columns.as_whole(array)
            logged[here] |= np.asarray(array.is_valid())
        for start, array in self._arrays(key, text=True):
            logged[start : start + len(array)] |= columns.as_told(array)
        return values, whole, logged & ~whole

    def words(self, key: KeyPath) -> int:
        """Return in how many rows a string or a list was logged under a key, and no number."""
        if not self.has_texts(key):
            return 0
        _, numeric = self.numbers(key)
        return sum(
            int((columns.as_words(array) & ~numeric[start : start + len(array)]).sum())
            for start, array in self._arrays(key, text=True)
        )

    def logged(self, key: KeyPath) -> np.ndarray:
        """Return the mask of the rows in which anything was logged under a key."""
        found = np.zeros(self.rows, dtype=bool)
        for text in (False, True):
            for start, array in self._arrays(key, text=text):
                found[start : start + len(array)] |= np.asarray(array.is_valid())
        return found

    def count(self, keys: Sequence[KeyPath]) -> int:
        """Return in how many rows anything was logged under one of the keys."""
        kinds = [
            (key, text) for key in keys for text in (False, True) if (key, text) in self._places
        ]
        if len(kinds) == 1:  # what the files say of themselves is enough
            counts = [self._valid(index, name) for index, _, name in self._places[kinds[0]]]
            if None not in counts:
                return sum(filter(None, counts))
        found = np.zeros(self.rows, dtype=bool)
        for key in {key for key, _ in kinds}:
            found |= self.logged(key)
        return int(found.sum())

    def _valid(self, index: int, name: str) -> int | None:
        """Return how many cells of a column are not NULL, None where the file does not say."""
        metadata = self._files[index].metadata
        place = self.schemas[index].get_field_index(name)
        found = 0
        for group in range(metadata.num_row_groups):
            statistics = metadata.row_group(group).column(place).statistics
            if statistics is None or not statistics.has_null_count:
                return None
            found += metadata.row_group(group).num_rows - statistics.null_count
        return found

    def last_number(self, key: KeyPath) -> float | None:
        """Return the last number that was logged under a key."""
        for index, _, name in reversed(self._places.get((key, False), ())):
            values, logged = columns.as_doubles(self._column(index, name))
            if logged.any():
                return float(values[logged][-1])
        return None

    def first_number(self, key: KeyPath) -> float | None:
        """Return the first number that was logged under a key."""
        for index, _, name in self._places.get((key, False), ()):
            values, logged = columns.as_doubles(self._column(index, name))
            if logged.any():
                return float(values[logged][0])
        return None

    def texts(self, key: KeyPath) -> Iterator[tuple[int, pa.Array]]:
        """Yield (first row, JSON texts) of what was logged under a key and is no number."""
        return self._arrays(key, text=True)

    def row_segments(self) -> np.ndarray:
        """Return the segment of each row, int64."""
        return np.concatenate([np.zeros(0, np.int64), *self.segments()])

    def names(self) -> dict[KeyPath, str]:
        """Return the column that holds each key, W&B's own keys first, then by key."""
        found = {
            key: f.name.removesuffix(TEXT_SUFFIX) if holds_text(f) else f.name
            for schema in self.schemas
            for f in schema
            if (key := key_of(f)) is not None
        }
        return {key: found[key] for key in sorted(found, key=_column_order)}

    def batches(self, rows: int, keys: Container[KeyPath] | None = None) -> Iterator[StoredRows]:
        """Yield all rows as stored, at most ``rows`` at a time; with ``keys`` only those keys."""
        for file, schema in zip(self._files, self.schemas, strict=True):
            wanted = [f.name for f in schema if keys is None or key_of(f) in keys] + [ROW]
            for batch in file.iter_batches(rows, columns=wanted):
                found: dict[KeyPath, Cells] = {}
                # "a.b" may bring "a.b.c" along, which does no harm.
                for name, array in zip(batch.schema.names, batch.columns, strict=True):
                    f = schema.field(name)
                    key = key_of(f)
                    if key is not None:
                        beside = found.get(key, Cells(None, None))
                        found[key] = (
                            Cells(beside.numbers, array)
                            if holds_text(f)
                            else Cells(array, beside.text)
                        )
                yield StoredRows(batch.num_rows, found)

    def segments(self) -> Iterator[np.ndarray]:
        """Yield each part's segments, an entry a row."""
        for file in self._files:
            yield np.asarray(file.read([SEGMENT]).column(SEGMENT))

    def segment_count(self) -> int:
        """Return how many segments the rows come from; 0 for no rows."""
        return max((self._last_segment(index) for index in range(len(self._files))), default=-1) + 1

    def _last_segment(self, index: int) -> int:
        """Return the greatest segment of a part, which its file mostly says of itself."""
        metadata = self._files[index].metadata
        place = self.schemas[index].get_field_index(SEGMENT)
        groups = [metadata.row_group(at).column(place) for at in range(metadata.num_row_groups)]
        if groups and all(one.statistics and one.statistics.has_min_max for one in groups):
            return int(max(one.statistics.max for one in groups))
        column = self._column(index, SEGMENT)
        return int(np.max(np.asarray(column), initial=-1))

    def _arrays(self, key: KeyPath, *, text: bool) -> Iterator[tuple[int, pa.Array]]:
        for index, start, name in self._places.get((key, text), ()):
            yield start, self._column(index, name)

    def _column(self, index: int, name: str) -> pa.Array:
        # pyarrow reads "a.b" as a path and may bring "a.b.c" along: pick by name.
        # Threads and reading ahead cost more than they spare for one column.
        found = self._files[index].read([name], use_threads=False)
        return found.column(name).combine_chunks()
