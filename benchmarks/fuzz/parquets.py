"""Parquet files bent: other tables and encodings, and bytes of pages and footers.

Nothing in a Parquet file is under a checksum that readers check, so bytes may be changed as they
are. The footer, where all lengths and places stand, is changed more often than its size deserves.
"""

from __future__ import annotations

import io
import json
import struct
from contextlib import suppress
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.fuzz import seeds
from benchmarks.fuzz.target import WORDS, Bend, without_span

_MAGIC = b"PAR1"
_LENGTH = struct.Struct("<I")


def made() -> list[bytes]:
    """Return a few files of W&B's form."""
    table = pa.Table.from_pylist([_flat(row) for row in seeds.ROWS])
    wide = {f"k{n}": [float(n)] * 3 for n in range(40)}
    return [
        written(table),
        written(table, compression="none", use_dictionary=False, data_page_version="2.0"),
        written(pa.table({"_step": [2, 0, 1], **wide}), compression="zstd"),
        written(pa.table({"_step": pa.array([], pa.int64()), "loss": pa.array([], pa.float64())})),
    ]


def _flat(row: Any) -> dict[str, Any]:
    return {key: json.dumps(v) if isinstance(v, list) else v for key, v in row.items()}


def written(table: pa.Table, **options: Any) -> bytes:
    """Return a table as a file."""
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


class ParquetForm:
    """The structure of a Parquet file."""

    def mutate(self, data: bytes, other: bytes, rng: Random, bend: Bend) -> bytes:
        """Return a file with other bytes, or another table altogether."""
        if rng.random() < 0.15:
            with suppress(pa.ArrowException, OverflowError, ValueError, TypeError):  # no such file
                return written(_table(rng), **_options(rng))
        pages, footer = _cut(data)
        if rng.random() < 0.5 and footer:
            footer = bend(footer, rng)
        else:
            pages = bend(pages, rng)
        if rng.random() < 0.05:
            return bend(data, rng)
        return pages + footer + _LENGTH.pack(len(footer)) + _MAGIC

    def smaller(self, data: bytes, rng: Random) -> bytes:
        """Return a file with fewer bytes in its pages."""
        pages, footer = _cut(data)
        pages = without_span(pages, rng)
        return pages + footer + _LENGTH.pack(len(footer)) + _MAGIC


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """Return what stands before the footer, and the footer."""
    if len(data) < 12 or data[-4:] != _MAGIC:
        return data, b""
    length = _LENGTH.unpack(data[-8:-4])[0]
    if length > len(data) - 8:
        return data[:-8], b""
    return data[: len(data) - 8 - length], data[len(data) - 8 - length : -8]


def _options(rng: Random) -> dict[str, Any]:
    return {
        "compression": rng.choice(("none", "snappy", "zstd", "gzip", "brotli", "lz4")),
        "use_dictionary": rng.random() < 0.5,
        "data_page_version": rng.choice(("1.0", "2.0")),
        "row_group_size": rng.choice((1, 7, 1000)),
        "write_statistics": rng.random() < 0.5,
        "version": rng.choice(("1.0", "2.4", "2.6")),
    }


def _table(rng: Random) -> pa.Table:
    """Return a table of odd types."""
    rows = rng.choice((0, 1, 3, 20))
    names = [word.decode("utf-8", "replace") for word in rng.sample(WORDS, rng.randrange(6))]
    columns = [_array(rng, rows, 0) for _ in names]
    if rng.random() < 0.9:
        names.append("_step")
        columns.append(
            pa.array(range(rows), pa.int64()) if rng.random() < 0.6 else _array(rng, rows, 0)
        )
    fields = [
        pa.field(name, column.type, metadata={b"dakota_wh.key": rng.choice(WORDS)})
        for name, column in zip(names, columns, strict=True)
    ]
    own = {
        b"dakota_wh.export": rng.choice(
            (b"{}", b'{"format":1}', b'{"format":1,"run_id":"x","rows":1}')
        )
    }
    metadata = own if rng.random() < 0.1 else None
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=metadata))


_REALS = (0.0, -0.0, 1.5, float("nan"), float("inf"), float("-inf"), 1e308, 5e-324, 2.0**53, None)
_WHOLES = (0, 1, -1, 127, 2**31 - 1, 2**53 + 1, 2**63 - 1, -(2**63), None)


def _array(rng: Random, rows: int, depth: int) -> pa.Array[Any]:
    way = rng.randrange(14 if depth < 3 else 10)
    if way == 0:
        return pa.array([rng.choice(_REALS) for _ in range(rows)], pa.float64())
    if way == 1:
        return pa.array([rng.choice(_WHOLES) for _ in range(rows)], pa.int64())
    if way == 2:
        small = [
            None if v is None else v % 2**64 for v in (rng.choice(_WHOLES) for _ in range(rows))
        ]
        return pa.array(small, pa.uint64())
    if way == 3:
        return pa.array([rng.choice((True, False, None)) for _ in range(rows)], pa.bool_())
    if way in (4, 5):
        raw = pa.array([rng.choice((*WORDS, None)) for _ in range(rows)], pa.binary())
        return raw if way == 4 else pa.array(
            [None if v is None else v.decode("utf-8", "replace") for v in raw.to_pylist()],
            pa.string())  # fmt: skip
    if way == 6:
        kinds = (pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.timestamp("ms", "Europe/Berlin"))
        wholes = [rng.choice((0, 1, 2**62, -(2**62), None)) for _ in range(rows)]
        return pa.array(wholes, pa.int64()).cast(rng.choice(kinds))
    if way == 7:
        return pa.nulls(rows, rng.choice((pa.null(), pa.float32(), pa.string(), pa.date32())))
    if way == 8:
        kind = rng.choice((pa.date32(), pa.time64("us"), pa.duration("s"), pa.int8(), pa.float16()))
        return pa.array([rng.choice((0, 1, None)) for _ in range(rows)], pa.int32()).cast(
            pa.int64() if kind in (pa.time64("us"), pa.duration("s")) else pa.int32()
        ).cast(kind if kind != pa.float16() else pa.float32())  # fmt: skip
    if way == 9:
        return pa.array(["a", "b", None] * rows, pa.string())[:rows].dictionary_encode()
    inner = _array(rng, rows, depth + 1)
    if way == 10:
        return pa.array([None if n % 5 == 4 else [v] for n, v in enumerate(inner.to_pylist())],
                        pa.list_(inner.type))  # fmt: skip
    if way == 11:
        pairs = [[("k", v)] for v in inner.to_pylist()]
        return pa.array(pairs, pa.map_(pa.string(), inner.type))
    names = rng.choice((("a", "b"), ("_type", "x"), ("a.b", ""), ("n",)))
    return pa.StructArray.from_arrays([inner] * len(names), names=list(names))
