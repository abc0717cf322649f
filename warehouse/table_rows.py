"""The rows of a run's logged tables: wide, a column per column of the tables, in immutable parts.

A part holds rows of one key's tables. ``content`` says which table a row belongs to (the id is in
``tables``), ``row_number`` counts the rows of a table from 0. A column ``C`` of a table is stored
by the rule of :mod:`dakota_wh.warehouse.columns`: numbers in ``C``, everything else as JSON text in
``C::json``; a cell that was None is the text ``null`` there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dakota_wh.warehouse import columns
from dakota_wh.warehouse.column_names import PART, ColumnNames, KeyPath, field_for
from dakota_wh.warehouse.columns import TEXT_SUFFIX, Cells, encode
from dakota_wh.warehouse.history import new_part_id, part_path
from dakota_wh.warehouse.parquet import write_table

CONTENT: Final = "content"
ROW_NUMBER: Final = "row_number"
#: What no column of a logged table may be called: the view has these for itself.
_OURS: Final = ("run_id", "role", "key", "step", ROW_NUMBER, CONTENT)

#: The columns that an empty warehouse shows.
EMPTY: Final = pa.schema([(ROW_NUMBER, pa.int64()), (CONTENT, pa.int64()), (PART, pa.int64())])

#: A part is closed at this many rows, or at this many bytes of JSON text, or of these cells.
_PART_ROWS: Final = 65_536
_PART_BYTES: Final = 64 * 1024 * 1024
_PART_CELLS: Final = 8_000_000


def names_of(stored: Iterable[Path]) -> ColumnNames:
    """Return the columns that a run's stored tables have, to go on with."""
    names = ColumnNames(_OURS)
    ours = (ROW_NUMBER, CONTENT)
    for path in stored:
        try:
            schema = pq.read_schema(path)
        except pa.ArrowException:  # damaged: it holds no name that anyone can read
            continue
        names.learn([pa.schema([f for f in schema if f.name not in ours])])
    return names


@dataclass(slots=True)
class TableRowsWriter:
    """Takes the tables of one key and leaves finished parts in ``folder``.

    ``first`` sorts the parts of an ingest, and with them the columns that a reader sees.
    """

    folder: Path
    names: ColumnNames
    first: int = 0
    written: list[Path] = field(default_factory=list)
    _pending: dict[KeyPath, list[Cells | int]] = field(default_factory=dict)
    _filled: dict[KeyPath, int] = field(default_factory=dict)
    _contents: list[np.ndarray] = field(default_factory=list)
    _numbers: list[np.ndarray] = field(default_factory=list)
    _rows: int = 0
    _bytes: int = 0

    def add(self, content: int, first: int, count: int, tokens: Mapping[KeyPath, pa.Array]) -> None:
        """Append ``count`` rows of a table, of which ``first`` is the number of the first.

        ``tokens`` are string arrays of JSON texts, as in ``ingest.source.LogRows``.
        """
        for key, array in tokens.items():
            batches = self._pending.setdefault(key, [])
            missed = self._rows - self._filled.get(key, 0)
            if missed:
                batches.append(missed)
            batches.append(encode(array))
            self._filled[key] = self._rows + count
            self._bytes += array.nbytes
        self._contents.append(np.full(count, content, dtype=np.int64))
        self._numbers.append(np.arange(first, first + count))
        self._rows += count
        cells = self._rows * max(1, len(self._pending))
        if self._rows >= _PART_ROWS or self._bytes >= _PART_BYTES or cells >= _PART_CELLS:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as a part; nothing when nothing is."""
        if self._rows:
            part = new_part_id()
            path = part_path(self.folder, self.first + len(self.written), part)
            write_table(path, self._table(part))
            self.written.append(path)
        self._pending, self._filled = {}, {}
        self._contents, self._numbers, self._rows, self._bytes = [], [], 0, 0

    def _table(self, part: int) -> pa.Table:
        fields: list[pa.Field] = [pa.field(name, pa.int64()) for name in (ROW_NUMBER, CONTENT)]
        arrays: list[pa.Array] = [_joined(self._numbers), _joined(self._contents)]
        for key, batches in self._pending.items():  # in the order of the tables' own columns
            if self._filled[key] < self._rows:
                batches.append(self._rows - self._filled[key])
            cells, name = columns.concat(batches), self.names.column(key)
            if cells.numbers is not None:
                fields.append(field_for(key, name, cells.numbers.type))
                arrays.append(cells.numbers)
            if cells.text is not None:
                fields.append(field_for(key, name + TEXT_SUFFIX, pa.string()))
                arrays.append(cells.text)
        fields.append(pa.field(PART, pa.int64()))
        arrays.append(pa.array(np.full(self._rows, part, dtype=np.int64)))
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _joined(parts: Sequence[np.ndarray]) -> pa.Array:
    return pa.array(np.concatenate(parts), pa.int64())
