"""Any name is a literal: DuckDB reads back what went in, and the SQL shows no invisible mark."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.plot.reading import filled, text_literal


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_literal_reads_back(text: str) -> None:
    literal = text_literal(text)
    assert literal.isprintable()
    assert duckdb.execute(f"SELECT {literal}").fetchall() == [(text,)]


def test_a_value_is_filled_in_once() -> None:
    text = filled("dakota_wh.plot", "milestones.sql", run="{metric}'--", metric="{run}")
    assert "run_id = '{metric}''--' AND metric = '{run}'" in text


def test_a_place_without_a_value_is_refused() -> None:
    with pytest.raises(KeyError):
        filled("dakota_wh.plot", "milestones.sql", run="a")
