"""Patterns for names: only * and ? stand for others, in Python and in SQL alike."""

from __future__ import annotations

from fnmatch import fnmatchcase

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.warehouse.wildcards import like, matches


@pytest.mark.parametrize(
    ("name", "pattern", "same"),
    [
        ("reward[0]", "reward[0]", True),
        ("reward0", "reward[0]", False),
        ("50%", "50%", True),
        ("50x", "50%", False),
        ("a_b", "a_b", True),
        ("axb", "a_b", False),
        ("a!b", "a!b", True),
        ("a\\b", "a\\b", True),
        ("ä", "?", True),
        ("a\nb", "a*", True),
        ("A", "a", False),
        ("ab", "a", False),
        ("", "*", True),
    ],
)
def test_by_hand(name: str, pattern: str, same: bool) -> None:
    assert matches(name, pattern) is same
    assert in_sql(name, pattern) is same


texts = st.text(st.sampled_from("ab*?%_![]\\^-äß\n."), max_size=7)


@given(name=texts, pattern=texts)
def test_sql_python_and_the_shell_agree(name: str, pattern: str) -> None:
    assert matches(name, pattern) == in_sql(name, pattern)
    assert matches(name, pattern) == fnmatchcase(name, pattern.replace("[", "[[]"))


def in_sql(name: str, pattern: str) -> bool:
    answer = duckdb.execute("SELECT ? LIKE ? ESCAPE '!'", [name, like(pattern)]).fetchone()
    assert answer is not None
    return bool(answer[0])
