"""What is answered for some runs at a time is what is answered for all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.api import Warehouse
from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import BadQuery
from dakota_wh.sql.views import find_view
from dakota_wh.warehouse import pieces
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.question import ask
from tests.spark.agreement import differences
from tests.warehouse.kit import constant_run, ingest, write_csv

#: Their order is that of their letters' numbers; some need other names as folders.
IDS = ("A b", "B%2F", "a", "a.b", "b", "É", "é")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse of runs of 12 to 48 steps, which go up, down, and nowhere."""
    folder = tmp_path_factory.mktemp("pieces")
    for number, run_id in enumerate(IDS):
        steps = range(12 + 6 * number)
        columns = {
            "_step": steps,
            "reward/mean": [(step * (number - 3) + step * step % 7) / 8 for step in steps],
            "loss": [1 / (step + 1 + number) for step in steps],
        }
        made = write_csv(folder / f"made{number}", "run", columns)
        made = made.rename(made.with_name(f"{run_id.replace('%', '%25')}_history.csv"))
        ingest(folder / "wh", made)
    ingest(folder / "wh", constant_run(folder / "made", "constant", 1.0))
    return open_warehouse(folder / "wh")


@pytest.mark.parametrize("view", sorted(pieces.VIEWS))
def test_pieces_make_the_whole(
    warehouse: Warehouse, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows in the same order; of averages the last digits depend on the plan."""
    every = sorted(row["run_id"] for row in warehouse.runs().dicts())
    role = warehouse.runs().dicts()[0]["role"]
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"runs": every[1:6], "metric": "rew*"},
        {"role": role, "limit": 7},
    )
    for words in asked:
        monkeypatch.setattr(pieces, "_ROWS", 10**9)
        whole = warehouse.query(view, **words)
        monkeypatch.setattr(pieces, "_ROWS", 77)
        found = warehouse.query(view, **words)
        assert (found.columns, found.types) == (whole.columns, whole.types)
        assert differences(found.columns, found.rows(), whole.rows()) == []
        if not words:
            assert sorted({row[0] for row in found}) == every


def test_limits_end_between_pieces_and_within(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [row[:3] for row in warehouse.query("theil_sen")]
    monkeypatch.setattr(pieces, "_ROWS", 1)  # each run alone
    for limit in (0, 1, 2, 3, len(whole), len(whole) + 1):
        assert [row[:3] for row in warehouse.query("theil_sen", limit=limit)] == whole[:limit]


@pytest.mark.parametrize("view", sorted(pieces.VIEWS))
def test_every_row_of_them_is_of_one_run(view: str) -> None:
    question = ask(find_view(view), runs=("any",))
    assert question.files_of_its_runs_do
    assert question.order[0] == "run_id"


def test_a_run_that_is_published_anew_between_two_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is gone by then: the question starts over, and no two moments are mixed."""
    for run_id in ("a", "b", "c"):
        ingest(tmp_path / "wh", constant_run(tmp_path / "in1", run_id, 1.0))
    monkeypatch.setattr(pieces, "_ROWS", 1)
    turned, again = pieces.in_pieces, [2.0, 3.0]

    def publishing(connection: Any, expired: Event) -> Iterator[None]:
        for number, turn in enumerate(turned(connection, expired)):
            while number == 1 and again:  # twice: the first leaves the file of the moment before
                value = again.pop(0)
                for run_id in ("a", "c"):
                    made = constant_run(tmp_path / f"in{value}", run_id, value)
                    ingest(tmp_path / "wh", made, force=True)
            yield turn

    monkeypatch.setattr(pieces, "in_pieces", publishing)
    found = open_warehouse(tmp_path / "wh").query("metric_parts", metric="loss").dicts()
    assert again == []
    values = {(row["run_id"], row["value"]) for row in found}
    assert values == {("a", 3.0), ("b", 1.0), ("c", 3.0)}


def test_the_file_without_rows_is_not_the_first(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB would take every table for empty, and plan for that: half as slow again."""
    monkeypatch.setattr(pieces, "_ROWS", 40)
    turns = 0
    with connect(warehouse.path, ["theil_sen_v1"], filtered=False) as connection:
        for _ in pieces.in_pieces(connection, Event()):
            turns += 1
            (listed,) = connection.execute("SELECT getvariable('dakota_live_metrics')").fetchall()
            *others, last = listed[0]
            assert "part-schema" in last
            assert others
            assert not any("part-schema" in path for path in others)
    assert turns > 3


def test_time_that_is_up_between_two_pieces(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt that meets no statement is not lost."""
    monkeypatch.setattr(pieces, "_ROWS", 1)
    looked = pieces.in_pieces

    def late(connection: object, expired: object) -> object:
        for turn in looked(connection, expired):  # type: ignore[arg-type]
            yield turn
            expired.set()  # type: ignore[attr-defined]

    monkeypatch.setattr(pieces, "in_pieces", late)
    with pytest.raises(BadQuery, match="took longer than 50 s"):
        warehouse.query("theil_sen", timeout=50)


@given(st.lists(st.integers(0, 100_000), max_size=30))
def test_runs_are_cut_by_their_rows(rows: list[int]) -> None:
    runs = [(f"run{number}", count) for number, count in enumerate(rows)]
    found = list(pieces._cut(runs))
    assert [run for piece in found for run in piece] == [run for run, _ in runs]
    sizes = dict(runs)
    assert all(len(piece) == 1 or sum(map(sizes.__getitem__, piece)) <= 50_000 for piece in found)
    for piece, after in pairwise(found):  # none could hold one run more
        assert sum(map(sizes.__getitem__, piece)) + sizes[after[0]] > 50_000
