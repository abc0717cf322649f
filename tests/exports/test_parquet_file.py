"""Parquet histories: exact values of every type, several files, damaged files."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports import parquet_batches
from dakota_wh.ingest.exports.parquet_file import OWN, ParquetExport
from dakota_wh.ingest.exports.parquet_footer import claims_of
from dakota_wh.ingest.source import Continuation
from tests.wandb_log.encoder import varint

Read = Callable[[Any], Any]


def export(folder: Path, columns: dict[str, Any], **options: Any) -> ParquetExport:
    """Write a history with ``_step`` in front and return its source."""
    count = len(next(iter(columns.values())))
    table = pa.table({"_step": pa.array(range(count), pa.int64()), **columns})
    pq.write_table(table, folder / "abc12345_history.parquet", **options)
    return ParquetExport((folder / "abc12345_history.parquet",), "abc12345")


def test_exact_numbers(tmp_path: Path, whole: Read, not_logged: object) -> None:
    big = 2**53 + 1
    read = whole(
        export(
            tmp_path,
            {
                "i8": pa.array([-1, None], pa.int8()),
                "i32": pa.array([5, None], pa.int32()),
                "i64": pa.array([big, None], pa.int64()),
                "u32": pa.array([2**32 - 1, None], pa.uint32()),
                "u64": pa.array([2**63 - 1, None], pa.uint64()),
                "u64big": pa.array([2**64 - 1, None], pa.uint64()),
                "f16": pa.array([0.5, None], pa.float16()),
                "f32": pa.array([0.1, math.nan], pa.float32()),
                "f64": pa.array([0.1, -math.inf], pa.float64()),
                "b": pa.array([True, None]),
                "dec": pa.array([Decimal("12345678901234567890.10"), None]),
                "decint": pa.array([Decimal(big), None]),
            },
        )
    )
    for name, value in {
        "i8": -1, "i32": 5, "i64": big, "u32": 2**32 - 1, "u64": 2**63 - 1, "u64big": 2**64 - 1,
        "f16": 0.5, "b": True, "decint": big,
    }.items():  # fmt: skip
        assert read.values(name) == [value, not_logged], name
        assert type(read.values(name)[0]) is type(value)
    assert read.values("f32")[0] == 0.10000000149011612
    assert math.isnan(read.values("f32")[1])
    assert read.values("f64") == [0.1, -math.inf]
    assert read.tokens[("dec",)][0] == "12345678901234567890.10"
    assert read.tokens[("_step",)] == [0, 1]


def test_texts_and_times(tmp_path: Path, whole: Read, not_logged: object) -> None:
    moment = datetime(2025, 11, 9, 15, 9, 4, 500_000, tzinfo=UTC)
    words = ['a "b"\n', "NaN", None, "é"]
    read = whole(
        export(
            tmp_path,
            {
                "s": pa.array(words, pa.string()),
                "ls": pa.array(words, pa.large_string()),
                "dict": pa.array(words).dictionary_encode(),
                "bin": pa.array([b"text", b"\xff\x00", None, b""], pa.binary()),
                "ts": pa.array([moment] * 4, pa.timestamp("us", "Europe/Berlin")),
                "naive": pa.array([moment.replace(tzinfo=None)] * 4, pa.timestamp("ns")),
                "day": pa.array([date(2025, 1, 2)] * 4),
                "took": pa.array([5] * 4, pa.duration("s")),
                "_timestamp": pa.array([moment, None, moment, moment], pa.timestamp("ms", "UTC")),
                "none": pa.nulls(4),
                "empty": pa.nulls(4, pa.float64()),
            },
        )
    )
    expected = [not_logged if word is None else word for word in words]
    for name in ("s", "ls", "dict"):
        assert read.values(name) == expected
    assert read.values("bin") == ["text", "/wA=", not_logged, ""]
    assert datetime.fromisoformat(read.values("ts")[0]) == moment
    assert read.values("naive")[0].startswith("2025-11-09T15:09:04.5")
    assert read.values("day")[0] == "2025-01-02"
    assert read.values("took")[0] == "0:00:05"
    assert read.values("_timestamp")[:2] == [moment.timestamp(), not_logged]
    assert ("none",) not in read.tokens
    assert ("empty",) not in read.tokens


def test_nested(tmp_path: Path, whole: Read, not_logged: object) -> None:
    read = whole(
        export(
            tmp_path,
            {
                "a": [{"b": 1, "c": {"d": "x", "e": None}}, None, {"b": None, "c": {"d": "y"}}],
                "h": [
                    {"_type": "histogram", "values": [1, 2], "path": None},
                    {"_type": "image-file", "values": None, "path": "p"},
                    {"_type": None, "values": [3], "path": None},
                ],
                "l": [[1.0, math.nan, None], [], None],
                "m": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
                "ll": [[[1]], [[2, 3]], [None]],
            },
        )
    )
    assert read.values("a", "b") == [1, not_logged, not_logged]
    assert read.values("a", "c", "d") == ["x", not_logged, "y"]
    assert ("a", "c", "e") not in read.tokens
    assert read.tokens[("h",)] == [
        '{"_type":"histogram","values":[1,2]}',
        '{"_type":"image-file","path":"p"}',
        None,
    ]
    assert read.tokens[("h", "values")] == [None, None, "[3]"]
    assert read.tokens[("l",)] == ["[1.0,NaN,null]", "[]", None]
    assert read.tokens[("m",)] == ['{"k":1}', "[]", None]
    assert read.tokens[("ll",)] == ["[[1]]", "[[2,3]]", "[null]"]


columns = {
    "float64": st.floats(),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "object": st.text(st.characters(codec="utf-8")),
}


@settings(max_examples=40)
@given(data=st.data())
def test_what_pandas_writes_comes_back(data: Any, whole: Read) -> None:
    count = data.draw(st.integers(1, 6))
    frame = {name: data.draw(st.lists(kind, min_size=count, max_size=count))
             for name, kind in columns.items()}  # fmt: skip
    frame["_step"] = list(range(count))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        pd.DataFrame(frame).to_parquet(path)
        read = whole(ParquetExport((path,), "x"))
    for name, values in frame.items():
        if name != "float64":
            assert read.values(name) == values
            continue
        # pandas stores NaN in a float column as null
        backs = read.tokens.get((name,), [None] * count)
        for value, back in zip(values, backs, strict=True):
            same = back is None or math.isnan(back) if math.isnan(value) else back == value
            assert same


def test_row_groups_stream_in_order(
    tmp_path: Path, whole: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_batches, "ROWS_PER_BATCH", 10)
    read = whole(export(tmp_path, {"a": list(range(100, 200))}, row_group_size=7))
    assert read.values("a") == list(range(100, 200))
    assert read.batches >= 10


def parts(folder: Path, *steps: list[int | None]) -> ParquetExport:
    """Write one file a list of steps."""
    paths = []
    for number, values in enumerate(steps):
        path = folder / f"e_p_abc12345_{number}.runhistory.parquet"
        pq.write_table(pa.table({"_step": pa.array(values, pa.int64())}), path)
        paths.append(path)
    return ParquetExport(tuple(paths), "abc12345")


def test_files_are_ordered_by_first_step_and_rows_are_not(tmp_path: Path, whole: Read) -> None:
    read = whole(parts(tmp_path, [20, 21], [], [3, 1, 2], [None, 10]))
    assert [value for value in read.tokens[("_step",)] if value is not None] == [
        3, 1, 2, 10, 20, 21,
    ]  # fmt: skip
    assert (read.facts.entity, read.facts.project) == ("e", "p")
    assert read.facts.warnings == ()


def test_a_missing_part_is_told(tmp_path: Path, whole: Read) -> None:
    source = parts(tmp_path, [0], [1], [2])
    rest = ParquetExport((source.paths[0], source.paths[2]), "abc12345")
    assert "no part 1" in whole(rest).facts.warnings[0]


def test_the_files_beside_it(tmp_path: Path, whole: Read) -> None:
    (tmp_path / "abc12345_summary.json").write_text('{"a": 1, "_wandb": {}}')
    source = export(tmp_path, {"a": [1]})
    first = whole(source)
    assert first.facts.summary == {"a": 1}
    again = source.read(json.loads(json.dumps(first.facts.resume)))
    assert again.continuation is Continuation.UNCHANGED
    assert list(again.rows()) == []
    assert again.facts() == first.facts
    export(tmp_path, {"a": [2]})
    assert source.read(first.facts.resume).continuation is Continuation.WHOLE


def test_empty_table(tmp_path: Path, whole: Read) -> None:
    assert whole(export(tmp_path, {"a": pa.array([], pa.float64())})).count == 0


def test_pandas_index_is_left_out(tmp_path: Path, whole: Read) -> None:
    path = tmp_path / "x.parquet"
    pd.DataFrame({"_step": [3, 4]}, index=[7, 9]).to_parquet(path)
    assert set(whole(ParquetExport((path,), "x")).tokens) == {("_step",)}


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([0])] * 3, names=["_step", "a", "a"])
    path = tmp_path / "x.parquet"
    pq.write_table(table, path)
    with pytest.raises(SourceProblem, match="two columns"):
        ParquetExport((path,), "x").read(None)


def read_all(path: Path) -> None:
    """Read a file to its end; only SourceProblem may come of it."""
    try:
        reading = ParquetExport((path,), "x").read(None)
        for _ in reading.rows():
            pass
        reading.facts()
    except SourceProblem as error:
        message = str(error)
    else:
        return
    assert path.name in message
    assert "\n" not in message


@pytest.mark.parametrize("version", ["gzip", "none"])
def test_damage_never_escapes(tmp_path: Path, version: str) -> None:
    export(
        tmp_path,
        {"a": [0.5] * 50, "s": ["x"] * 50, "n": [{"x": 1}] * 50},
        compression=version,
    )
    path = tmp_path / "abc12345_history.parquet"
    data = path.read_bytes()
    for end in range(0, len(data), 61):
        path.write_bytes(data[:end])
        read_all(path)
    for position in range(0, len(data), 17):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x5A]) + data[position + 1 :])
        read_all(path)


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_garbage_never_escapes(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        path.write_bytes(data)
        read_all(path)
        path.write_bytes(b"PAR1" + data + b"PAR1")
        read_all(path)


def test_a_cut_file_is_told(tmp_path: Path) -> None:
    source = export(tmp_path, {"a": [1]})
    path = source.paths[0]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceProblem, match=r"abc12345_history\.parquet cannot be read") as caught:
        source.read(None)
    assert "again" in caught.value.hint
    assert str(tmp_path) not in str(caught.value)


# What a file claims, and how it repeats itself ----------------------------------------------------


def numbered(field: int, value: int) -> bytes:
    """Encode an i32 or i64 of Thrift's compact protocol, ``field`` numbers after the last one."""
    return bytes([field << 4 | 6]) + varint(value << 1)


def footer(rows: int) -> bytes:
    """Encode a file of one column ``_step``, no row group, and as many rows as it claims."""
    root = b"\x48\x06schema" + b"\x15\x02" + b"\x00"
    step = b"\x15\x04\x25\x02\x18\x05_step" + b"\x00"
    body = b"\x15\x02" + b"\x19\x2c" + root + step + numbered(1, rows) + b"\x19\x0c\x00"
    return b"PAR1" + body + len(body).to_bytes(4, "little") + b"PAR1"


def test_rows_that_are_claimed_and_not_there(tmp_path: Path, whole: Read) -> None:
    path = tmp_path / "x.parquet"
    for rows in (0, 1):
        path.write_bytes(footer(rows))
        assert pq.read_metadata(path).num_rows == rows
        source = ParquetExport((path,), "x")
        if not rows:
            assert whole(source).count == 0
            continue
        with pytest.raises(SourceProblem, match="0 rows where it claims 1"):
            whole(source)


@pytest.mark.parametrize("rows", [3_000_000, 2**62, -1])
def test_more_rows_than_the_bytes_can_be_worth(tmp_path: Path, rows: int, whole: Read) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(footer(rows % 2**63))
    with pytest.raises(SourceProblem, match="than its bytes can be worth"):
        whole(ParquetExport((path,), "x"))


def test_one_row_of_very_many_values_is_refused(tmp_path: Path, whole: Read) -> None:
    source = export(tmp_path, {"a": pa.array([[0.0] * 3_000_000])}, compression="zstd")
    with pytest.raises(SourceProblem, match="than its bytes can be worth"):
        whole(source)


def test_claims_are_what_arrow_reads(tmp_path: Path) -> None:
    columns = {
        "flat": pa.array([1.5, None, 2.5]),
        "list": pa.array([[1, 2], None, [3]]),
        "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        "deep": pa.array([{"a": [{"b": ["x"] * 40}]}, None, {"a": []}]),
    }
    for names in ([], ["flat"], ["flat", "list"], ["map"], list(columns)):
        for options in ({}, {"row_group_size": 1, "version": "1.0", "write_statistics": False}):
            source = export(tmp_path, {"x": [1] * 3} | {n: columns[n] for n in names}, **options)
            found = claims_of(source.paths[0])
            metadata = pq.read_metadata(source.paths[0])
            groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
            counts = [g.column(n).num_values for g in groups for n in range(g.num_columns)]
            assert found.rows == metadata.num_rows == 3
            assert found.values == (max(counts) if set(names) - {"flat"} else 0)


@settings(max_examples=200)
@given(st.data())
def test_a_footer_of_any_bytes_is_read_or_refused(data: st.DataObject) -> None:
    begin = footer(1)[4:-8]
    cut = data.draw(st.integers(0, len(begin)))
    body = begin[:cut] + data.draw(st.binary(max_size=60))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        path.write_bytes(b"PAR1" + body + len(body).to_bytes(4, "little") + b"PAR1")
        with suppress(ValueError):
            claims_of(path)
        read_all(path)


def small(field: int, value: int) -> bytes:
    """Encode an i32 of Thrift's compact protocol, ``field`` numbers after the last one."""
    return bytes([field << 4 | 5]) + varint(value << 1 if value >= 0 else (-value << 1) - 1)


def paged(header: bytes, chunks: int = 1, values: int = 2, size: int | None = None) -> bytes:
    """Encode a file of two rows, its columns all the one page that lies behind its first bytes.

    Args:
        header: of the page, which has the doubles 1 and 2.
        chunks: how many columns there are.
        values: that each of them claims to have.
        size: bytes that each claims, if not what is there.
    """
    page = header + struct.pack("<dd", 1, 2)
    size = len(page) if size is None else size
    names = [b"c%03d" % n for n in range(chunks)]
    root = b"\x48\x06schema" + small(1, chunks) + b"\x00"
    schema = b"".join(small(1, 5) + small(2, 0) + b"\x18\x04" + name + b"\x00" for name in names)
    told = [
        small(1, 5) + b"\x19\x15\x00" + b"\x19\x18\x04" + name + small(1, 0)
        + numbered(1, values) + numbered(1, size) + numbered(1, size) + numbered(2, 4) + b"\x00"
        for name in names
    ]  # fmt: skip
    columns = b"".join(numbered(2, 4) + b"\x1c" + one + b"\x00" for one in told)
    group = b"\x19\xfc" + varint(chunks) + columns + numbered(1, size) + numbered(1, 2) + b"\x00"
    listed = b"\x19\xfc" + varint(chunks + 1) + root + schema
    body = small(1, 1) + listed + numbered(1, 2) + b"\x19\x1c" + group + b"\x00"
    return b"PAR1" + page + body + len(body).to_bytes(4, "little") + b"PAR1"


def header_of_page(unpacked: int, packed: int = 16, values: int = 2) -> bytes:
    data = small(1, values) + small(1, 0) + small(1, 3) + small(1, 3) + b"\x00"
    return small(1, 0) + small(1, unpacked) + small(1, packed) + b"\x2c" + data + b"\x00"


def test_a_page_that_claims_what_its_bytes_cannot_be_worth(tmp_path: Path, whole: Read) -> None:
    """Arrow makes room for all of it before it looks at the bytes."""
    path = tmp_path / "x.parquet"
    path.write_bytes(paged(header_of_page(16)))
    assert pq.read_table(path).to_pydict() == {"c000": [1, 2]}
    assert claims_of(path).page_bytes == 16
    for odd, words in [
        (paged(header_of_page(2**31 - 1)), "larger pages than its bytes can be worth"),
        (paged(header_of_page(2**31)), "has more than its 32 bits"),
        (paged(header_of_page(2**40 + 16)), "has more than its 32 bits"),
        (paged(header_of_page(-1)), "a page that does not end in its column"),
        (paged(header_of_page(16, 2**31 - 1)), "a page that does not end in its column"),
        (paged(header_of_page(16, -20)), "a page that does not end in its column"),
        (paged(header_of_page(16), size=10_000), "a column that lies beyond its end"),
        (
            paged(header_of_page(16), chunks=900, size=1000),
            "its columns have more bytes than it has",
        ),
        (paged(b"\xff" * 9), "the header of a page is damaged"),
    ]:
        path.write_bytes(odd)
        with pytest.raises(SourceProblem, match=words):
            whole(ParquetExport((path,), "x"))


def test_pages_are_as_large_as_their_values(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    schema = pa.schema([pa.field(name, pa.float64(), nullable=False) for name in "abc"])
    table = pa.table({name: np.arange(3000.0) for name in "abc"}, schema)
    for options in ({}, {"data_page_version": "2.0"}):
        for codec in ("none", "zstd", "snappy"):
            pq.write_table(table, path, use_dictionary=False, compression=codec, **options)
            assert claims_of(path).page_bytes == 3 * 3000 * 8
            pq.write_table(
                table, path, use_dictionary=False, compression=codec, row_group_size=1000,
                data_page_size=800, write_batch_size=100, **options,
            )  # fmt: skip
            assert claims_of(path).page_bytes == 3 * 100 * 8


@pytest.mark.parametrize("size", [200, 300, 100_000, 5_000_000])
def test_a_header_of_a_page_may_be_long(tmp_path: Path, size: int, whole: Read) -> None:
    """Statistics of long texts are in it."""
    texts = ["a" * size, "b" * size]
    source = export(tmp_path, {"t": texts}, use_dictionary=False)
    assert claims_of(source.paths[0]).page_bytes >= 2 * size
    assert whole(source).values("t") == texts


@settings(max_examples=200)
@given(st.data())
def test_a_page_of_any_bytes_is_read_or_refused(data: st.DataObject) -> None:
    begin = header_of_page(16)
    cut = data.draw(st.integers(0, len(begin)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        path.write_bytes(paged(begin[:cut] + data.draw(st.binary(max_size=40))))
        with suppress(ValueError):
            assert claims_of(path).page_bytes < 2**31
        read_all(path)


def test_claims_that_contradict_each_other_end_no_process(tmp_path: Path) -> None:
    """Arrow throws what pyarrow does not catch when it is asked for such a column's metadata."""
    path = export(tmp_path, {"a": [1, 2, 3]}).paths[0]
    data = path.read_bytes()
    begin = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    # A histogram of definition levels, [0, 3], gets a third entry.
    less, more = b"\x29\x06\x19\x26\x00\x06", b"\x29\x06\x19\x36\x00\x06\x00"
    assert data[begin:-8].count(less) == 2
    body = data[begin:-8].replace(less, more)
    path.write_bytes(data[:begin] + body + len(body).to_bytes(4, "little") + b"PAR1")
    read_all(path)


def test_a_text_that_repeats_itself_comes_in_light_pieces(tmp_path: Path, whole: Read) -> None:
    texts = pa.array(["x" * 100_000, "y"]).dictionary_encode().take(pa.array([0, 1] * 600))
    read = whole(export(tmp_path, {"a": texts, "b": pa.array([b"z"] * 1200)}))
    assert read.values("a") == ["x" * 100_000, "y"] * 600
    assert read.values("b") == ["z"] * 1200
    assert read.batches == 2


def test_an_export_of_ours_has_no_other_types(tmp_path: Path, whole: Read) -> None:
    own = json.dumps({"format": 1, "run_id": "x", "rows": 1}).encode()
    for odd in (datetime(9999, 1, 1), [1], "text", Decimal(1)):
        table = pa.table({"_step": [0], "a": pa.array([odd])}).replace_schema_metadata({OWN: own})
        path = tmp_path / "x_history.parquet"
        pq.write_table(table, path)
        with pytest.raises(SourceProblem, match="is of type"):
            whole(ParquetExport.of_file(path))


def test_a_row_group_is_not_read_whole_before_it_is_begun(tmp_path: Path) -> None:
    """Of one of 24 MB, which does not compress, a fraction is in memory at a time."""
    dice = np.random.default_rng(5)
    path = tmp_path / "a.parquet"
    table = pa.table({f"m{n}": dice.random(200_000) for n in range(15)})
    pq.write_table(table, path, row_group_size=200_000, use_dictionary=False)
    del table
    size, before, peak = path.stat().st_size, pa.total_allocated_bytes(), 0
    assert size > 20_000_000
    with parquet_batches.opened(path) as file:
        for batch in parquet_batches.batches(file):
            peak = max(peak, pa.total_allocated_bytes() - before)
            assert batch.num_rows
    assert 0 < peak < size / 3
