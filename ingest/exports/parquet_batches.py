"""A Parquet file's rows a bounded piece at a time, whatever it claims or repeats.

A page of some bytes may stand for a billion rows, and a text of a megabyte for one in each of a
thousand rows. So what no history can be is refused by the footer, texts stay dictionaries until
they are cut, and no piece weighs more than ``LARGE`` (a single row may).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dakota_wh.ingest.exports.parquet_footer import claims_of
from dakota_wh.ingest.source import check_keys

ROWS_PER_BATCH: Final = 8192
#: Rows of a piece where a column is nested, since what is in it cannot be weighed beforehand.
_NESTED_ROWS: Final = 256
#: Bytes of cells that a piece may have.
LARGE: Final = 32 * 1024 * 1024

#: Bytes of each column that are read at once, ``LARGE`` in all; of too many columns they would be
#: so few that each is rather read whole.
_LARGEST_BUFFER: Final = 64 * 1024
_LEAST_BUFFER: Final = 4 * 1024

#: Rows, or values of a column, that a file may hold for each of its bytes, and that any may hold.
#: Steps differ from row to row: even packed they take a bit each.
_PER_BYTE: Final = 64
_ANY: Final = 1_000_000
#: Bytes that the pages which are unpacked at one time may have, beside so many for each of the
#: file's. Writers end a page at about 1 MB.
_ANY_PAGES: Final = 256 * 1024 * 1024


def schema_of(path: Path) -> pa.Schema:
    """Return the schema of a file whose footer claims what can be.

    Raises: see :func:`opened`.
    """
    claimed = claims_of(path)
    most = _PER_BYTE * path.stat().st_size + _ANY
    if max(claimed.rows, claimed.values) > most:
        raise ValueError("it claims more values in a column than its bytes can be worth")
    if claimed.page_bytes > _PER_BYTE * path.stat().st_size + _ANY_PAGES:
        raise ValueError("it claims larger pages than its bytes can be worth")
    schema = pq.read_schema(path)
    check_keys(len(schema.names), path.name)
    return schema


def opened(path: Path) -> pq.ParquetFile:
    """Open a file whose footer claims what can be; top-level texts will come as dictionaries.

    Raises:
        ValueError: it claims more rows or values than its bytes can be worth, or its footer is
            damaged.
        TooManyKeys: it has more columns than a run may have keys.
        pa.ArrowException, OSError: it is damaged.
    """
    schema = schema_of(path)
    return open_sparingly(path, read_dictionary=[f.name for f in schema if _is_text(f.type)])


def open_sparingly(path: Path, **options: Any) -> pq.ParquetFile:
    """Open a file so that a row group is read as it is needed, not whole before it is begun.

    Raises:
        pa.ArrowException, OSError: it is damaged.
    """
    metadata = pq.read_metadata(path)
    each = min(_LARGEST_BUFFER, LARGE // max(1, metadata.num_columns))
    size = each if each >= _LEAST_BUFFER else 0
    return pq.ParquetFile(path, metadata=metadata, pre_buffer=False, buffer_size=size, **options)


def batches(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an ``opened`` file in order.

    Raises:
        ValueError: there are other than the footer says.
        pa.ArrowException, OSError: it is damaged.
    """
    schema = file.schema_arrow
    nested = any(pa.types.is_nested(field.type) for field in schema)
    most = _NESTED_ROWS if nested else ROWS_PER_BATCH
    size = max(1, min(most, LARGE // (8 * len(schema.names) or 1)))
    rows = 0
    for batch in file.iter_batches(size):
        rows += batch.num_rows
        yield from _cut(batch)
    if rows != file.metadata.num_rows:
        raise ValueError(f"it has {rows} rows where it claims {file.metadata.num_rows}")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield a batch in pieces that weigh little enough once their dictionaries are undone."""
    weights = np.zeros(batch.num_rows, np.int64)
    for array in batch.columns:
        if isinstance(array, pa.DictionaryArray) and len(array.dictionary):
            lengths: Any = pc.binary_length(array.dictionary)
            weights += np.asarray(pc.fill_null(lengths.take(array.indices), 0).cast(pa.int64()))
    if int(weights.sum()) <= LARGE:
        yield batch
        return
    ends = np.cumsum(weights)
    start = 0
    while start < batch.num_rows:
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + LARGE, side="right")))
        yield batch.slice(start, stop - start)
        start = stop
