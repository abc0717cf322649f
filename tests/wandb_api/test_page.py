"""A page is cut out of an answer's text undecoded, and holds what a decoder would give."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.wandb_api.page import read_page

NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())
VALUES = st.recursive(
    st.one_of(NUMBERS, st.text()), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)
ROWS = st.lists(st.dictionaries(st.text(max_size=8), VALUES, max_size=4), max_size=6)


def answer(rows: list[str], *, indent: int | None = None, ascii_only: bool = False) -> str:
    """Return the text of an answer as a server may write it."""
    document = {"project": {"run": {"history": rows}}}
    return json.dumps(document, indent=indent, ensure_ascii=ascii_only)


@given(ROWS, st.sampled_from([None, 2]), st.booleans(), st.booleans())
@example([{"a": 'say "hi"'}, {'"': "\\"}, {"b": "\\\\"}], None, False, False)
@example([{"a": '",  "'}, {"b": "\\u0022"}], None, True, True)
def test_rows_come_out_as_a_decoder_gives_them(
    rows: list[dict[str, Any]], indent: int | None, outer: bool, inner: bool
) -> None:
    """Whatever is escaped in the rows, and however the server spaces its answer."""
    texts = [json.dumps(row, ensure_ascii=inner) for row in rows]
    page = read_page(answer(texts, indent=indent, ascii_only=outer), "a page")
    assert page.rows == len(rows)
    assert [json.loads(text) for text in page.texts()] == rows


@given(st.text(alphabet='{}[]":,\\ a1\n', max_size=40))
def test_nonsense_is_a_page_or_told(inside: str) -> None:
    """What stands where rows should is what a JSON decoder sees there, or an error of ours."""
    text = f'{{"project":{{"run":{{"history":[{inside}]}}}}}}'
    try:
        page = read_page(text, "a page")
    except SourceProblem:
        return
    try:
        history = json.loads(text)["project"]["run"]["history"]
    except ValueError:
        # It was cut where nothing but quotes is escaped; the rows' own reader refuses the rest.
        assert "\\" in text or '"' in text
        return
    assert page.texts() == [row.replace("\n", " ") for row in history]


@pytest.mark.parametrize("text", ['{"project":null}', '{"project":{"run":null}}'])
def test_a_run_that_is_not_there_has_no_rows(text: str) -> None:
    """W&B answers so for a run or a project that it does not know."""
    assert read_page(text, "a page").rows == 0
