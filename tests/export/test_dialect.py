"""The dialect of our exports: every value comes back, no formula is live, JSON is strict."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import example, given, settings

from dakota_wh.ingest.exports import dialect
from dakota_wh.ingest.exports.csv_cells import column_tokens
from dakota_wh.ingest.exports.tokens import EXACT, text_token, to_json

TEXTS = st.one_of(
    st.text(max_size=20),
    st.text(
        alphabet="=+-@;|, \t\n\r\"'\\[{]}0123456789.eENaInfityulrTs＝\u2028\x7f\ud800", max_size=9
    ),
    st.sampled_from(["", "1", "1.0", "nan", "NaN", "inf", "-inf", "null", "None", "True", "=1+1"]),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    TEXTS,
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)


def token(value: Any) -> str:
    """Return a value's JSON as Python writes it, with nothing of ours but the float's spelling."""
    return text_token(value) if isinstance(value, str) else to_json(value)


@settings(max_examples=300)
@given(VALUES)
@example("x;=1")
@example("007")
@example("1_000")
@example("a;\\u003d")
@example(["x; =cmd|' /C calc'!A0"])
@example("\ud800")
@example({"\ud800;＝": None})
@example({"": "NaN", "\\NaN": float("nan")})
def test_a_cell_gives_its_token_back(value: Any) -> None:
    wanted = token(value)
    cells = pa.array([dialect.csv_cell(wanted)], pa.string())
    assert column_tokens(cells, dialect.csv_token).to_pylist() == [wanted]


@settings(max_examples=300)
@given(TEXTS)
@example("|＝")
@example('x;"=1"')
@example("x;\u00a0'=1")
@example("\ufeff=1")
def test_no_text_is_a_formula_in_any_spreadsheet(text: str) -> None:
    """Whatever mark a spreadsheet cuts lines at: no cell of a text begins as a formula."""
    cell = dialect.csv_cell(text_token(text))
    line = io.StringIO()
    csv.writer(line).writerow(["x", cell])
    for delimiter in ",;|\t":
        for one in next(csv.reader([line.getvalue().rstrip("\r\n")], delimiter=delimiter)):
            assert not re.match(r"\s*[=+\-@＝＋－＠]", one.lstrip('"')) or one.startswith('"')
    assert not re.search("[\r\n\t\x00]", cell)


@settings(max_examples=300)
@given(VALUES)
@example("\\Infinity")
def test_strict_json_gives_its_token_back(value: Any) -> None:
    wanted = token(value)
    strict = dialect.strict_token(wanted)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    json.loads(strict, parse_constant=refuse)
    assert dialect.loose_token(EXACT.decode(strict)) == wanted


@settings(max_examples=200)
@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=4))
def test_settings_come_back(tree: dict[str, Any]) -> None:
    text = json.dumps(dialect.strict_value(tree), allow_nan=False)
    assert repr(dialect.loose_value(json.loads(text))) == repr(tree)


@settings(max_examples=200)
@given(TEXTS)
def test_a_column_name_comes_back(name: str) -> None:
    assert dialect.column_name(dialect.csv_name(name)) == name


@pytest.mark.parametrize(
    ("logged", "cell"),
    [
        ('"hello, world"', "hello, world"),
        ('"Wakáŋ 奖励"', "Wakáŋ 奖励"),
        ('"1"', '"1"'),
        ('""', '""'),
        ('"=1+1"', '"=1+1"'),
        ("1", "1"),
        ("1.0", "1.0"),
        ("9007199254740993", "9007199254740993"),
        ("NaN", "NaN"),
        ("-Infinity", "-inf"),
        ("null", "null"),
        ("true", "True"),
        ("[1,2]", "[1,2]"),
        ('"a\\nb"', '"a\\nb"'),
        ('"x;=1"', '"x;\\u003D1"'),
    ],
)
def test_what_a_cell_looks_like(logged: str, cell: str) -> None:
    assert dialect.csv_cell(logged) == cell
