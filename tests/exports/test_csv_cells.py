"""The cell rule of CSV, and the translation of Python's repr."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.ingest.exports.csv_cells import column_tokens, spread
from dakota_wh.ingest.exports.repr_text import literal_json
from dakota_wh.ingest.exports.tokens import text_token, to_json


def tokens(*cells: str | None) -> list[str | None]:
    """Apply the rule to one column."""
    result: list[str | None] = column_tokens(pa.array(cells, pa.string())).to_pylist()
    return result


@pytest.mark.parametrize(
    "number", ["0", "-0", "7", "-12", "9007199254740993", "5.0", "1.5e-05", "1E+3", "0.1", "1e400"]
)
def test_a_number_keeps_its_text(number: str) -> None:
    assert tokens(number) == [number]
    assert tokens(number, "x") == [number, '"x"']


@pytest.mark.parametrize(
    ("cell", "token"),
    [
        ("nan", "NaN"),
        ("NaN", "NaN"),
        ("inf", "Infinity"),
        ("-inf", "-Infinity"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("True", "true"),
        ("False", "false"),
    ],
)
def test_words(cell: str, token: str) -> None:
    assert tokens(cell, None, "1.5", cell) == [token, None, "1.5", token]


@pytest.mark.parametrize(
    "text",
    [
        "007", "1_000", " 1", "1 ", "+1", ".5", "1.", "1e", "0x10", "1,5", "١", "true", "None",
        "NAN", "-", "--1", "1\n", "", " ", "2025-01-01", 'a "b" \\ c', "tab\there", "\x00", "é😀",
        "[1 2]", "{x}", "[", "{1, 2}", "(1, 2)", "[1,]", "{'a' 1}", "['\\N{DASH}']", "['\\d']",
        "['a\nb']", "__import__('os')", "[__import__('os').system('x')]", "['a' 'b']", "[1.]",
        "{'a': array([1])}", "[1]]", "[1][2]", "{[1]: 2}", "[1", "{'a': 1", "[01]", "['a]",
    ],
)  # fmt: skip
def test_all_else_is_a_string(text: str) -> None:
    (token,) = tokens(text)
    assert token is not None
    assert json.loads(token) == text
    assert token.startswith('"')


def test_a_repr_becomes_json() -> None:
    cell = "{'a': None, \"it's\": (1,), 'n': [nan, -inf, True, 1.50, 12345678901234567890], 5: ()}"
    assert literal_json(cell) == (
        '{"a":null,"it\'s":[1],"n":[NaN,-Infinity,true,1.50,12345678901234567890],"5":[]}'
    )
    assert (
        literal_json('{"a": [null, true, "\\ud83d\\ude00", "\\/"]}') == '{"a":[null,true,"😀","/"]}'
    )


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4))
def test_any_repr_and_any_json_is_understood(value: Any) -> None:
    expected = to_json(value)
    assert literal_json(repr(value)) == expected
    assert literal_json(json.dumps(value)) == expected
    assert literal_json(json.dumps(value, ensure_ascii=False)) == expected


@given(st.text(alphabet="[]{}()'\",:\\ 1-.eanTfNx\n", max_size=40))
def test_no_text_breaks_the_rule(text: str) -> None:
    (token,) = tokens(text) if text else ["0"]
    assert token is not None
    json.loads(token)


@given(st.text())
def test_a_string_token_is_that_string(text: str) -> None:
    token = text_token(text)
    assert json.loads(token) == text
    token.encode("utf-8")


def test_a_lone_surrogate_stays_an_escape() -> None:
    assert literal_json("['\\ud800']") == '["\\ud800"]'


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        "{'a':" * 100_000 + "1" + "}" * 100_000,
        "[" + "-" * 100_000 + "1]",
        "['" + "\\" * 100_001 + "]",
        "['" + "\\'" * 100_000,
        "[" + "(" * 50_000 + ")" * 50_000 + "]",
        "[" + "9" * 100_000 + "]",
        "[" + "1," * 100_000 + "1]",
        "[" + " " * 200_000 + "x",
        "[" + "a" * 200_000 + "]",
        "[" + '"' * 100_001,
        "[" + "1e" * 100_000 + "]",
    ],
    ids=lambda text: f"{text[:6]}…",
)
def test_hostile_cells_are_fast(text: str) -> None:
    begin = time.process_time()
    (token,) = tokens(text)
    assert time.process_time() - begin < 2
    assert token is not None
    assert token.startswith('"') or token.endswith(("9]", "1]"))


def test_huge_cells_stay_text() -> None:
    text = "[" + "1," * 5_000_000 + "1]"
    assert tokens(text) == [f'"{text}"']


def test_dicts_move_to_key_paths() -> None:
    column = column_tokens(
        pa.array(["{'b': {'c': 1}, 'd': 'x'}", None, "2.5", "{'b': 3}", "{}", "[{'b': 1}]"])
    )
    columns = {path: array.to_pylist() for path, array in spread(("a",), column).items()}
    assert columns == {
        ("a", "b", "c"): ["1", None, None, None, None, None],
        ("a", "d"): ['"x"', None, None, None, None, None],
        ("a", "b"): [None, None, None, "3", None, None],
        ("a",): [None, None, "2.5", None, "{}", '[{"b":1}]'],
    }


def test_media_stay_whole() -> None:
    column = column_tokens(pa.array(["{'_type': 'histogram', 'values': [1, nan]}", "{'x': 1}"]))
    columns = {path: array.to_pylist() for path, array in spread(("h",), column).items()}
    assert columns == {
        ("h",): ['{"_type":"histogram","values":[1,NaN]}', None],
        ("h", "x"): [None, "1"],
    }


def test_a_column_without_values_is_left_out() -> None:
    assert spread(("a",), column_tokens(pa.array([None, None], pa.string()))) == {}
    assert spread(("a",), column_tokens(pa.array([], pa.string()))) == {}


@given(st.lists(st.floats() | st.integers() | st.none(), min_size=1))
def test_numbers_are_bit_exact(column: list[float | int | None]) -> None:
    cells = [None if value is None else repr(value) for value in column]
    for value, token in zip(column, tokens(*cells), strict=True):
        if value is None or token is None:
            assert value is None
            assert token is None
            continue
        back = json.loads(token)
        assert type(back) is type(value)
        assert math.isnan(back) if value != value else back == value
        if value == 0:
            assert math.copysign(1, back) == math.copysign(1, value)
