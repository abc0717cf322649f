"""What a notebook shows of a result, read back by Python's own HTML parser."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dakota_wh import api
from dakota_wh.rendering.html import html_table
from dakota_wh.rendering.rows import Listing


class Cells(HTMLParser):
    """Gathers the texts of cells, and every tag that was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or a cell."""
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        """Add to the cell."""
        if self.rows and self.rows[-1] and "p" not in self.tags:
            self.rows[-1][-1] += data


def read(page: str) -> Cells:
    """Return what a browser would see."""
    cells = Cells()
    cells.feed(page)
    return cells


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=300)), max_size=4), st.text())
def test_no_text_becomes_markup(rows: list[tuple[Any, ...]], name: str) -> None:
    """Whatever a run or a metric is called, the tags are the table's own."""
    cells = read(html_table(Listing([name, "b"], ["VARCHAR", "<b>"], rows)))
    assert cells.tags <= {"table", "thead", "tbody", "tr", "th", "td", "p"}
    assert len(cells.rows) == len(rows) + 1
    assert all(len(row) == 2 for row in cells.rows)


def test_a_result_shows_itself(folder: Path) -> None:
    """Names, numbers to five digits, how many rows; undefined is a dash."""
    result = api.open(folder).query("reward_trends", metric="metrics/exact_match_reward")
    cells = read(result._repr_html_())
    first = dict(zip(*cells.rows[:2], strict=True))
    assert first["metric"] == "metrics/exact_match_reward"
    assert (first["samples"], first["improvement_pct"]) == ("240", "-")
    assert "<p>1 row</p>" in result._repr_html_()


def test_a_long_result_is_cut_and_says_so() -> None:
    """Fifty rows of sixty; NaN is NaN."""
    page = html_table(Listing(["n"], ["DOUBLE"], [(math.nan,)] * 60))
    assert page.count("<td") == 50
    assert "NaN" in page
    assert "60 rows, the first 50 shown" in page
