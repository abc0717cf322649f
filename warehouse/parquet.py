"""The only place that writes Parquet: encodings, and a file that is whole or not there.

Doubles are byte-stream-split and integers delta-encoded under zstd 3: the smallest of the
combinations that were measured, and readable by DuckDB, Spark and pyarrow. Every page carries the
format's own CRC-32, by which any reader that looks finds a bit that a disk has turned.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

STAGED_SUFFIX: Final = ".tmp"
_ROW_GROUP: Final = 131_072


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Give a temporary name in the same folder; at the end it becomes ``path`` in one rename.

    The name begins with a dot and does not end in ``.parquet``, so that no reader's glob sees it.
    When the block fails the temporary file is deleted; when the process is killed it stays behind
    and is swept by the run's next ingest.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}{STAGED_SUFFIX}")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as one whole Parquet file."""
    write_batches(path, table.schema, [table])


def write_batches(path: Path, schema: pa.Schema, batches: Iterable[pa.Table]) -> None:
    """Write tables of one schema, one after the other, as one whole Parquet file.

    While one is encoded, the next is made: Arrow needs no Python for it.
    """
    with (
        staged(path) as temporary,
        pq.ParquetWriter(temporary, schema, **_options(schema)) as writer,
        ThreadPoolExecutor(1) as beside,
    ):
        writing: Future[None] | None = None
        for batch in batches:
            if writing is not None:
                writing.result()
            writing = beside.submit(writer.write_table, batch, row_group_size=_ROW_GROUP)
        if writing is not None:
            writing.result()


def _options(schema: pa.Schema) -> dict[str, Any]:
    dictionary: list[str] = []
    encodings: dict[str, str] = {}
    for field in schema:
        if pa.types.is_floating(field.type):
            encodings[field.name] = "BYTE_STREAM_SPLIT"
        elif pa.types.is_integer(field.type) and not field.name.startswith("_part"):
            encodings[field.name] = "DELTA_BINARY_PACKED"
        elif not pa.types.is_nested(field.type):
            dictionary.append(field.name)
    return {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": dictionary or False,
        "column_encoding": encodings or None,
        "write_page_checksum": True,
        # Not of doubles: least and greatest leave NaN out, and DuckDB would skip its rows by them.
        "write_statistics": [f.name for f in schema if not pa.types.is_floating(f.type)],
    }
