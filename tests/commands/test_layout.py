"""Tables fit the width that they are given, and nothing of them is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.rendering.layout import Column, arrange, fold, hanging, width_of
from dakota_wh.rendering.rows import Listing, is_number, pick
from dakota_wh.rendering.table import plain_lines

NAMES = st.text(st.sampled_from("abc/_.- 日"), max_size=30)


@given(NAMES, st.integers(2, 20))
def test_folding_loses_nothing_and_fits(text: str, width: int) -> None:
    lines = fold(text, width)
    assert "".join(lines) == text
    assert all(width_of(line.rstrip()) <= width for line in lines)


def test_folding_breaks_behind_a_separator_where_it_can() -> None:
    assert fold("metrics/exact_match_reward", 14) == ["metrics/exact_", "match_reward"]
    assert fold("two words", 5) == ["two ", "words"]
    assert fold("abcdefgh", 3) == ["abc", "def", "gh"]


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=6), st.integers(24, 40))
def test_folding_never_breaks_a_number(values: list[float], width: int) -> None:
    text = "fell from " + " to ".join(f"{value:.5g}" for value in values) + ". Look at it."
    whole = " ".join(line.strip() for line in fold(text, width)).split()
    assert whole == text.split()


def test_a_dot_belongs_to_the_number_or_name_that_it_is_in() -> None:
    assert fold("it fell from 444.9 to 17.39", 24) == ["it fell from 444.9 to ", "17.39"]
    assert fold("never above -0.1841 at all", 15) == ["never above ", "-0.1841 at all"]
    assert fold("share 1e-05 of it", 9) == ["share ", "1e-05 of ", "it"]
    assert fold("time/.venv", 7) == ["time/", ".venv"]
    assert fold("actor.loss.mean", 11) == ["actor.loss.", "mean"]


def test_a_column_is_as_wide_as_its_widest_number() -> None:
    rows = [("a " * 20, "rose from -0.000712251234 to 0.1")]
    listing = Listing(["text", "what"], ["VARCHAR"] * 2, rows)
    assert "-0.000712251234" in " ".join(plain_lines(listing, 34)).split()


def test_wide_characters_count_twice() -> None:
    assert width_of("日本") == 4
    assert width_of("e\u0301") == 1


@given(
    st.lists(st.tuples(st.sampled_from(["r1", "r2"]), NAMES, st.floats()), max_size=8),
    st.integers(36, 90),
)
def test_a_table_fits_its_width(rows: list[tuple[str, str, float]], width: int) -> None:
    listing = Listing(["run_id", "a_longer_name", "v"], ["VARCHAR", "VARCHAR", "DOUBLE"], rows)
    lines = list(plain_lines(listing, width))
    assert all(width_of(line) <= width for line in lines)
    shown = "".join(lines)
    assert all(row[0] in shown for row in rows)


def test_one_table_where_it_fits() -> None:
    blocks = arrange([Column("run_id"), Column("v", number=True)], [["a", "1"]], 80)
    assert blocks is not None
    assert [block.told_once for block in blocks] == [[]]


def test_a_table_per_run_with_its_constants_told_once() -> None:
    columns = [Column("run_id"), Column("role"), Column("metric"), Column("value", number=True)]
    rows = [[run, "trainer", f"m{n}", f"{n}.25"] for run in ("one", "two") for n in range(3)]
    blocks = arrange(columns, rows, 20)
    assert blocks is not None
    assert [block.told_once for block in blocks] == [
        [("run_id", "one"), ("role", "trainer")],
        [("run_id", "two"), ("role", "trainer")],
    ]
    assert blocks[0].rows == [["m0", "0.25"], ["m1", "1.25"], ["m2", "2.25"]]


def test_records_where_nothing_else_fits() -> None:
    listing = Listing([f"number_{n}" for n in range(9)], ["DOUBLE"] * 9, [(1 / 3,) * 9] * 2)
    assert (
        arrange([Column(n, number=True) for n in listing.columns], [["0.333333"] * 9], 40) is None
    )
    lines = list(plain_lines(listing, 40))
    assert lines[0] == "number_0  0.33333"
    assert len(lines) == 19


def test_a_long_id_is_kept_whole() -> None:
    run_id = "x" * 60
    listing = Listing(["run_id", "name"], ["VARCHAR"] * 2, [(run_id, "a b c d e f g h " * 4)])
    assert any(run_id in line for line in plain_lines(listing, 80))


def test_no_rows_are_said() -> None:
    assert list(plain_lines(Listing(["a"], ["BIGINT"], []), 80)) == ["a", "-", "(no rows)"]


def test_hanging_text() -> None:
    assert hanging("  a  ", "one two three", 17, 5) == ["  a  one two", "     three"]
    assert hanging("  a  ", "one two three", None, 5) == ["  a  one two three"]


def test_which_types_are_numbers() -> None:
    assert all(map(is_number, ["DOUBLE", "BIGINT", "UINTEGER", "HUGEINT", "DECIMAL(4,2)"]))
    assert not any(map(is_number, ["VARCHAR", "DOUBLE[]", "BOOLEAN", "TIMESTAMP", "INTEGER[]"]))


def test_picking_leaves_out_what_is_not_there() -> None:
    listing = Listing(["a", "b"], ["BIGINT", "VARCHAR"], [(1, "x")])
    assert pick(listing, ["b", "z", "a"]).rows == [("x", 1)]
