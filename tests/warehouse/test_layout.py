"""A run id of any kind becomes one folder, its own, and comes back as it was in both engines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import UsageProblem
from dakota_wh.ingest.landed import Action
from dakota_wh.warehouse.layout import (
    decode_run_id,
    encode_run_id,
    run_folder,
    stored_run_ids,
)
from tests.warehouse.kit import constant_run, files_of, ingest, shell_answers

IDS = [
    *(
        "29hn8w98",
        "29HN8W98",
        "29Hn8w98",
        "12345678",
        "0012",
        "1e5",
        "true",
        "null",
        "NULL",
        "Null",
    ),
    *("..", ".", "...", "../../etc/passwd", "a/b", "/abs", "a\\b", "C:\\x", "~", "$HOME", "-rf"),
    *("%2F", "%2f", "%", "%41", "%00", "a%2Fb", "+", "a+b", "a b", " a", "a ", "a=b", "run_id=x"),
    *("[a]", "*", "?", "{a,b}", "'", '"', "'; DROP TABLE runs; --", "<script>", "new\nline", "\t"),
    *("é", "e\u0301", "É", "😀", "İ", "ſ", "K", "_", "-", "__schema__", "zz_schema", "part-schema"),
    *("__HIVE_DEFAULT_PARTITION__", "__hive_default_partition__", "con", "a:b", "a.", "\u202e"),
    "a" * 248,
]
ids = st.sampled_from(IDS) | st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20
)


@given(ids, ids)
@example("%41", "A")
@example("é", "e\u0301")
def test_ids_round_trip_and_never_share_a_folder(one: str, other: str) -> None:
    first, second = encode_run_id(one), encode_run_id(other)
    assert decode_run_id(first) == one
    assert set(first) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-%ABCDEF")
    assert (first.lower() == second.lower()) == (one == other)


@given(ids)
def test_the_folder_is_exactly_three_levels_below_the_root(run_id: str) -> None:
    folder = run_folder(Path("/root"), "history", "trainer", run_id)
    assert folder == Path(os.path.normpath(folder))
    assert folder.parent == Path("/root/history/role=trainer")
    assert len(folder.name.encode()) <= 255


@pytest.mark.parametrize("bad", ["", "\x00", "a\x00b", "\ud800", "a\udcffb", "a" * 249, "é" * 42])
def test_ids_that_no_folder_can_hold_are_refused(bad: str) -> None:
    with pytest.raises(UsageProblem):
        encode_run_id(bad)


def test_both_engines_give_every_id_back(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    for number, run_id in enumerate(IDS):
        ingest(root, constant_run(tmp_path / "in", "r", float(number), steps=2), store_as=run_id)
    outside = {path.name for path in tmp_path.iterdir()}
    assert outside == {"wh", "in"}
    assert stored_run_ids(root) == sorted(IDS)
    expected = {(run_id, float(number)) for number, run_id in enumerate(IDS)}
    query = "(SELECT DISTINCT run_id, value FROM metrics WHERE metric = 'loss')"
    warehouse = open_warehouse(root)
    assert set(warehouse.sql(query).rows()) == expected
    answers = shell_answers(root, [query, "runs"])
    assert set(answers[query][1]) == expected
    assert sorted(row[0] for row in answers["runs"][1]) == sorted(IDS)
    for number, run_id in list(enumerate(IDS))[::6]:
        rows = warehouse.query("metrics", runs=[run_id]).rows()
        assert {(row[0], row[-1]) for row in rows} == {(run_id, float(number))}
    for run_id in ("..", "*", "null"):
        warehouse.remove(run_id)
    left = sorted(set(IDS) - {"..", "*", "null"})
    assert sorted(row[0] for row in warehouse.query("runs").rows()) == left


def test_a_refused_id_is_an_outcome_and_writes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    path = constant_run(tmp_path / "in", "r", 1.0)
    ingest(root, path)
    before = files_of(root)
    for bad in ("\x00", "\udcff", "b" * 300):
        (landed,) = open_warehouse(root).ingest(path, store_as=bad)
        assert landed.action is Action.FAILED
        assert isinstance(landed.error, UsageProblem)
    assert files_of(root) == before


def test_a_file_name_that_is_no_text_harms_nobody(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    ingest(root, constant_run(tmp_path / "in", "good", 1.0))
    source = constant_run(tmp_path / "in", "r", 1.0)
    odd = os.fsdecode(os.fsencode(source.parent) + b"/\xff_history.csv")
    source.rename(odd)
    open_warehouse(root).ingest(odd)
    mine = sorted(row[0] for row in open_warehouse(root).query("runs").rows())
    assert "good" in mine
    assert mine == sorted(row[0] for row in shell_answers(root, ["runs"])["runs"][1])
