"""Rows by layout give the same cells as rows decoded one by one; no value changes its form."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.ingest.exports.tokens import EXACT, SERVICE_WORDS, leaves, safe_key
from dakota_wh.ingest.wandb_api.number_rows import number_columns
from dakota_wh.ingest.wandb_api.page import Page, read_page
from dakota_wh.ingest.wandb_api.row_layout import RowReader, learn
from dakota_wh.warehouse.columns import encode

NUMBERS = ("1", "1.0", "-0", "-0.0", "1e5", "1E-7", "9007199254740993", "1234567890" * 3, "0.1")
WORDS = ("NaN", "Infinity", "-Infinity", '"NaN"', '"-Infinity"', "true", "false", "null")
TEXTS = st.text(max_size=6).map(json.dumps) | st.text(max_size=6).map(
    lambda text: json.dumps(text, ensure_ascii=False)
)
VALUES = (
    st.sampled_from((*NUMBERS, *WORDS))
    | TEXTS
    | st.sampled_from(
        ('{"a":1.0,"b":{"c":2}}', '{"_type":"histogram","bins":[0,1]}', "[1,2.0]", "{}")
    )
)
KEYS = st.sampled_from(("_step", "a/b.c d", "ключ", "loss", 'quo"te', "x\\y", "tab\t")) | st.text(
    max_size=3
)
ROWS = st.lists(st.lists(st.tuples(KEYS, VALUES), max_size=5), max_size=8)


def row_text(pairs: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{json.dumps(k)}: {v}" for k, v in pairs) + "}"


def decoded(rows: list[str]) -> list[dict[Any, str]]:
    found = []
    for text in rows:
        cells: dict[Any, str] = {}
        for key, value in EXACT.decode(text).items():
            for path, token in leaves((safe_key(key),), value):
                cells[path] = SERVICE_WORDS.get(token, token)
        found.append(cells)
    return found


@given(ROWS)
def test_the_cells_are_those_of_an_exact_decoder(given_rows: list[list[tuple[str, str]]]) -> None:
    rows = [row_text(pairs) for pairs in given_rows]
    columns = RowReader().columns(rows)
    found: list[dict[Any, str]] = [{} for _ in rows]
    for path, array in columns.items():
        for cells, token in zip(found, array.to_pylist(), strict=True):
            if token is not None:
                cells[path] = token
    assert found == decoded(rows)


@given(ROWS)
def test_a_page_is_cut_into_its_rows(given_rows: list[list[tuple[str, str]]]) -> None:
    rows = [row_text(pairs) for pairs in given_rows]
    for ascii_only in (True, False):
        answer = {"project": {"run": {"history": rows}}}
        assert read_page(json.dumps(answer, ensure_ascii=ascii_only), "x").texts() == rows
        text = json.dumps(answer, separators=(",", ":"), ensure_ascii=ascii_only)
        assert read_page(text, "x").texts() == rows


PLAIN = st.sampled_from((*NUMBERS, "9007199254740992", "-0.0", "5e-324", "1e400", "true", "NaN"))


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), PLAIN), max_size=3), max_size=5))
def test_numbers_are_stored_alike_by_both_ways(given_rows: list[list[tuple[str, str]]]) -> None:
    page = Page.of([row_text(list(dict(pairs).items())) for pairs in given_rows])
    quick = number_columns(page)
    if quick is None:
        return
    exact = RowReader().columns(page.texts())
    assert quick.keys() == exact.keys()
    for path, cells in exact.items():
        one, other = encode(quick[path]), encode(cells)
        assert str(one.numbers) == str(other.numbers)
        assert one.text == other.text


def test_plain_numbers_go_the_quick_way() -> None:
    page = Page.of([row_text([("_step", "1"), ("loss", "1e-05"), ("done", "false")])])
    assert number_columns(page) is not None
    for value in ("-0", "null", '"text"', '{"a":1}', "[1]", "1e16", "NaN", "12345678901234567890"):
        assert number_columns(Page.of([row_text([("_step", "1"), ("x", value)])])) is None, value


def test_a_layout_is_learnt_once() -> None:
    reader = RowReader()
    reader.columns([row_text([("_step", str(n)), ("loss", "0.5")]) for n in range(50)])
    assert len(reader._layouts) == 1


@pytest.mark.parametrize("row", ["[1]", "{", '{"a":01}', '{"a":1.}', '{"a":}', "3"])
def test_what_is_no_json_object_is_refused(row: str) -> None:
    assert learn(row) is None
    with pytest.raises(ValueError, match=r"no object|Expecting|Extra|delimiter|property"):
        RowReader().columns([row])


def test_a_long_text_is_matched_in_little_memory() -> None:
    row = json.dumps({"_step": 1, "text": "a line\n" * 100_000})
    tracemalloc.start()
    try:
        columns = RowReader().columns([row])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert columns[("text",)].to_pylist() == [row[row.index('"a line') : -1]]
    assert most < 40 * len(row)
