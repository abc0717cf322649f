"""An answer is never larger than its caps, and never silently less than all."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.agents.answer import Caps, table
from dakota_wh.rendering.as_json import json_text
from dakota_wh.rendering.rows import Listing

CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40), st.lists(st.text())
)


def listing(rows: list[tuple[Any, ...]], width: int) -> Listing:
    """Return rows of some columns; their types do not matter here."""
    return Listing([f"c{i}" for i in range(width)], ["VARCHAR"] * width, rows)


@given(
    st.lists(st.tuples(CELLS, CELLS), max_size=12),
    st.integers(1, 8),
    st.integers(1000, 1500),
    st.integers(7, 100),  # the word VARCHAR is not cut
)
def test_an_answer_keeps_to_its_caps_and_says_what_is_missing(
    rows: list[tuple[Any, ...]], most: int, characters: int, cell: int
) -> None:
    """It is valid JSON, a beginning of the rows, and complete exactly if nothing was taken away."""
    text = json_text(table(listing(rows, 2), Caps(most, characters, cell)))
    assert len(text) <= characters
    answer = json.loads(text)
    shown = answer["rows"]
    assert len(shown) == answer["rows_shown"] <= min(most, len(rows))
    whole = [[_plain(value) for value in row] for row in rows]
    assert answer["complete"] == (shown == whole)
    assert ("left_out" in answer) != answer["complete"]
    for told, row in zip(shown, whole, strict=False):
        for one, value in zip(told, row, strict=True):
            if isinstance(value, str) and len(value) > cell:
                assert one.startswith(value[:cell])
                assert f"[…{len(value) - cell} more characters]" in one
            elif not isinstance(value, list):
                assert one == value


@given(
    st.integers(1, 300),
    st.integers(0, 3),
    st.text(max_size=3000),
    st.text(max_size=3000),
    st.integers(1000, 4000),
)
@settings(max_examples=40)
def test_wide_tables_and_long_names_keep_to_the_cap(
    width: int, long: int, name: str, cell: str, characters: int
) -> None:
    """Of too many columns the first are shown, with a row, and how many there are is said."""
    names = [f"{name}{i}" for i in range(width)]
    rows = Listing(names, ["VARCHAR"] * width, [tuple([cell] * width)] * long)
    text = json_text(table(rows, Caps(characters=characters)))
    assert len(text) <= characters
    answer = json.loads(text)
    shown = len(answer["columns"])
    assert 0 < shown == len(answer["types"]) <= width
    assert all(len(row) == shown for row in answer["rows"])
    assert answer["rows_shown"] >= min(1, long)
    if shown < width:
        assert f"{width - shown} of {width} columns are not shown" in answer["left_out"]


def _plain(value: Any) -> Any:
    """Return what JSON makes of a value, by Python's own encoder."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return json.loads(json.dumps(value))


def test_what_json_has_no_numbers_for_stays_apart() -> None:
    """NaN is no null, an integer keeps its digits, a time is in UTC."""
    row = (math.nan, -math.inf, None, 2**53 + 1, datetime(2026, 1, 5, tzinfo=UTC), Decimal("1.10"))
    assert table(listing([row], 6))["rows"] == [
        ["NaN", "-Infinity", None, 9007199254740993, "2026-01-05T00:00:00Z", "1.10"]
    ]


def test_the_rest_is_counted_as_far_as_it_is_known() -> None:
    """Seven rows at a limit of five leave at least two."""
    answer = table(listing([(i,) for i in range(7)], 1), Caps(rows=5))
    assert answer["rows_shown"] == 5
    assert answer["left_out"].startswith("At least 2 more rows are not shown, since the limit is 5")
