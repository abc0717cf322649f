"""History into columns: whatever was logged comes back, whichever way it is decoded."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.ingest import source
from dakota_wh.ingest.source import Continuation, TooManyKeys
from dakota_wh.ingest.wandb_log import history as under_test
from dakota_wh.ingest.wandb_log import walk as walking
from dakota_wh.ingest.wandb_log.history import HistoryBatch
from dakota_wh.ingest.wandb_log.values import MAX_PATH
from tests.wandb_log.encoder import changes, chunk, history, item, log, number, records, run, typed
from tests.wandb_log.reader import Row, only, place, plain, read


def decoded(bodies: list[bytes]) -> tuple[list[Row], HistoryBatch]:
    batch = HistoryBatch()
    for body in bodies:
        batch.add(body)
    rows = [row for rows in batch.flush(0) for row in plain(rows)]
    return rows, batch


def row_of(*contents: bytes) -> Row:
    ((row), *_), _ = decoded([history(contents)])
    return row


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["loss", "a.b", "a/b", "k" * 127, "k" * 128, "k" * 300, "é" * 70, "_step", "", "x=1 'q\" %"]
)
paths = st.lists(names.filter(lambda name: name != "_type"), min_size=1, max_size=3).map(tuple)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(["long " * 30, "longer " * 3000, 2**53 + 1, 1.0, -0.0])
)


def token(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@st.composite
def encoded_items(draw: st.DrawFn) -> tuple[tuple[str, ...], str, bytes]:
    """Draw a path, the token to expect, and the item: either key, json, typed or both."""
    path, value = draw(paths), draw(scalars)
    legacy = len(path) == 1 and draw(st.booleans())
    form = draw(st.sampled_from(["json", "typed", "before", "after"]))
    if form == "json":
        return path, token(value), item(path, token(value), legacy=legacy)
    sort = {"before": typed(value)} if form == "before" else {"after": typed(value)}
    json_too = None if form == "typed" else "0"  # the typed value is the one that counts
    return path, token(value), item(path, json_too, legacy=legacy, **sort)


@given(st.lists(st.lists(encoded_items(), max_size=6), min_size=1, max_size=6))
@settings(max_examples=300)
def test_any_items_come_back(rows: list[list[tuple[tuple[str, ...], str, bytes]]]) -> None:
    got, batch = decoded([history([content for *_, content in row]) for row in rows])
    assert got == [{path: text for path, text, _ in row} for row in rows]
    assert (batch.bad_records, batch.valueless) == (0, 0)


bodies = st.lists(
    st.binary(max_size=60)
    | st.lists(
        encoded_items().map(lambda drawn: drawn[2]) | st.binary(max_size=12), max_size=5
    ).map(history),
    min_size=1,
    max_size=6,
)


@given(bodies)
@settings(max_examples=300)
def test_fast_walk_and_exact_decoder_agree_on_anything(bodies: list[bytes]) -> None:
    fast, counted = decoded(bodies)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walking, "_FIRST_BYTES", np.zeros(256, np.bool_))
        patch.setattr(walking, "_NUMBER_TAG", 0x00)
        exact, counted_too = decoded(bodies)
    assert fast == exact
    assert (counted.bad_records, counted.valueless) == (
        counted_too.bad_records,
        counted_too.valueless,
    )


def test_whole_floats_stay_floats_when_typed() -> None:
    row = row_of(
        item(["a"], "1", after=typed(1.0)),
        item(["b"], before=typed(2.0)),
        item(["c"], "1"),
        item(["d"], after=typed(math.nan)),
        item(["e"], after=typed(-math.inf)),
        item(["f"], after=typed(2**62)),
        item(["g"], "null", after=typed(None)),
    )
    assert [row[name,] for name in "abcdefg"] == [
        *("1.0", "2.0", "1", "NaN", "-Infinity", str(2**62), "null"),
    ]


def test_the_last_item_of_a_key_counts_however_it_is_encoded() -> None:
    row = row_of(
        item(["a"], "1"), item(["a"], after=typed(2)), item(["b"], after=typed(1)), item(["b"], "2")
    )
    assert row == {("a",): "2", ("b",): "2"}


def test_a_dict_with_type_is_one_cell_at_any_depth() -> None:
    row = row_of(
        item(["h", "bins"], "[0,1.50]"),
        item(["h", "_type"], '"histogram"'),
        item(["deep", "inner", "_type"], '"image-file"'),
        item(["deep", "inner", "size", "w"], "3"),
        item(["deep", "other"], "NaN"),
        item(["plain", "b"], "1"),
        item(["plain.b"], "2"),
    )
    assert row == {
        ("h",): '{"_type":"histogram","bins":[0,1.50]}',
        ("deep", "inner"): '{"_type":"image-file","size":{"w":3}}',
        ("deep", "other"): "NaN",
        ("plain", "b"): "1",
        ("plain.b",): "2",
    }


def test_legacy_dicts_are_flattened_alike() -> None:
    row = row_of(
        item(["h"], '{"_type": "histogram", "bins": [0, 1.50, {"z": 1e400}]}', legacy=True),
        item(["n"], '{"a": {"b": 2.0, "c": 12345678901234567890123, "e": {}}}', legacy=True),
        item(["empty"], "{}", legacy=True),
        item(["nan"], '{"x": NaN, "t": "é\\n"}', legacy=True),
        item(["broken"], '{"x": ', legacy=True),
        item(["deep"], '{"x":' * 5000 + "1" + "}" * 5000, legacy=True),
    )
    assert json.loads(row.pop(("deep",))).startswith('{"x":{"x":')
    assert row == {
        ("h",): '{"_type":"histogram","bins":[0,1.50,{"z":1e400}]}',
        ("n", "a", "b"): "2.0",
        ("n", "a", "c"): "12345678901234567890123",
        ("n", "a", "e"): "{}",
        ("empty",): "{}",
        ("nan", "x"): "NaN",
        ("nan", "t"): '"é\\n"',
        ("broken",): '"{\\"x\\": "',
    }


@pytest.mark.parametrize("size", [126, 127, 128, 16_000, 16_384, 2_097_000, 2_098_000, 5_000_000])
def test_values_of_any_size(size: int) -> None:
    text = '"' + "x" * size + '"'
    rows, _ = decoded([history([item(["t"], text), item(["n"], "1")]), history([item(["n"], "2")])])
    assert rows == [{("t",): text, ("n",): "1"}, {("n",): "2"}]


def test_bytes_that_are_no_text_are_replaced_and_not_fatal() -> None:
    row = row_of(
        item([b"k\xff"], "1"), item(["v"], b'"\xff"'), item(["w"], '"fine"'), item([r"k\xff"], "2")
    )
    assert row == {(r"k\xff",): "2", ("v",): '"�"', ("w",): '"fine"'}


def test_a_value_of_an_unknown_kind_is_counted_not_invented() -> None:
    rows, batch = decoded(
        [history([item(["x"]), item(["y"], "1"), item(["z"], after=chunk(9, "?"))])]
    )
    assert rows == [{("y",): "1"}]
    assert batch.valueless == 2


def test_unknown_fields_are_passed_over() -> None:
    body = history([item(["x"], "1")], step=7) + chunk(200, chunk(1, "stream")) + number(15, 3)
    assert decoded([body])[0] == [{("x",): "1"}]


def test_one_row_of_very_many_keys_is_not_slow() -> None:
    body = history([item([f"k{n}"], str(n)) for n in range(20_000)])
    (row,), _ = decoded([body])
    assert len(row) == 20_000
    assert row["k777",] == "777"


def test_other_keys_at_every_step_stay_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "BATCH_CELLS", 1000)
    batch = HistoryBatch()
    for n in range(200):
        batch.add(history([item(["_step"], str(n)), item([f"only/{n}"], "1")]))
    found = list(batch.flush(0))
    assert all(rows.count * len(rows.columns) <= 1000 for rows in found)
    assert [row["_step",] for rows in found for row in plain(rows)] == [str(n) for n in range(200)]


summary_items = st.tuples(paths, st.integers(-9, 9), st.booleans())


@given(st.lists(st.lists(summary_items, max_size=5), max_size=8), st.integers(1, 4))
@settings(max_examples=200)
def test_summary_is_the_records_applied_in_order(
    found: list[list[tuple[tuple[str, ...], int, bool]]], batch: int
) -> None:
    expected: dict[str, Any] = {}
    payloads = [(17, run("abc"))]
    for record in found:
        update = [(path, value) for path, value, remove in record if not remove]
        remove = [path for path, _, remove in record if remove]
        for path, value in update:
            tree = expected
            for key in path[:-1]:
                if not isinstance(tree.get(key), dict):
                    tree[key] = {}
                tree = tree[key]
            tree[path[-1]] = value
        for path in remove:
            inner: Any = expected
            for key in path[:-1]:
                inner = inner.get(key) if isinstance(inner, dict) else None
            if isinstance(inner, dict):
                inner.pop(path[-1], None)
        body = changes([item(p, str(v)) for p, v in update], [item(p) for p in remove])
        payloads += [(3, body), (5, body)]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("dakota_wh.ingest.wandb_log.changes.BATCH_RECORDS", batch)
        facts = read(only(place(Path(folder), log(records(payloads))))).facts
    assert facts.summary == expected
    assert facts.config == expected


# What no client writes ----------------------------------------------------------------------------


def test_a_key_of_very_many_parts_is_cut_and_its_value_kept() -> None:
    path = [f"k{n}" for n in range(100)]
    deep = item(["a"] * 100_000, "1")
    row = row_of(item(path, "2.5"), deep, item(["a", "_type"], '"media"'))
    joined = (*path[: MAX_PATH - 1], ".".join(path[MAX_PATH - 1 :]))
    assert row[joined] == "2.5"
    assert json.loads(row["a",])["_type"] == "media"
    assert row["a",].count("a") > 100_000 / 2
    assert set(row) == {joined, ("a",)}


@pytest.mark.parametrize("depth", [MAX_PATH + 10, 300, 100_000])
def test_a_value_nested_without_end_is_one_cell(depth: int) -> None:
    dicts, lists = '{"a":' * depth + "1" + "}" * depth, "[" * depth + "]" * depth
    row = row_of(item(["d"], dicts), item(["l"], lists))
    assert row["l",] == lists
    ((path, token),) = ((path, token) for path, token in row.items() if path[0] == "d")
    if depth < 100_000:
        assert len(path) == MAX_PATH
        assert token == dicts[5 * (MAX_PATH - 1) : len(dicts) - (MAX_PATH - 1)]
    else:  # deeper than any decoder goes: the text that it is
        assert (path, json.loads(token)) == (("d",), dicts)


def test_half_characters_become_their_escapes() -> None:
    """A lone surrogate is good JSON, and nothing that UTF-8 or a Parquet file can hold."""
    text = '{"\\ud800": "\\udfff", "_type": "\\ud800", "plain": "\\ud83d\\ude00"}'
    row = row_of(item(["a"], text), item(["b"], '{"\\ud800": 1}'))
    assert row == {
        ("a",): '{"\\\\ud800":"\\udfff","_type":"\\ud800","plain":"\U0001f600"}',
        ("b", "\\ud800"): "1",
    }
    json.loads(row["a",].encode())


@pytest.mark.parametrize("legacy", [False, True])
def test_too_many_keys_are_refused(monkeypatch: pytest.MonkeyPatch, legacy: bool) -> None:
    monkeypatch.setattr(source, "MOST_KEYS", 50)
    value = "1" if not legacy else '{"a": 1}'  # the fast way and the exact one
    rows = [item([f"k{n}"], value, legacy=legacy) for n in range(51)]
    assert len(row_of(*rows[:50])) == 50
    with pytest.raises(TooManyKeys, match="more than 50 different keys"):
        row_of(*rows)


def test_a_config_and_a_summary_that_no_file_can_hold(tmp_path: Path) -> None:
    """Half a character is escaped, what is nested without end is the text that it was."""
    deep = "[" * 5000 + "]" * 5000
    items = [
        item(["half"], '{"\\ud800": "\\ud800"}'),
        item(["deep"], deep),
        item(["a"] * 9999, "1"),
    ]
    bodies = [(17, run("abc")), (5, changes(items)), (3, changes(items)), (18, b"")]
    path = place(tmp_path, log(records(bodies)))
    facts = read(only(path)).facts
    for tree in (facts.config, facts.summary):
        assert tree["half"] == {"\\ud800": "\\ud800"}
        assert tree["deep"] == deep
        assert json.dumps(tree).count("a") >= 9999
        json.dumps(tree, ensure_ascii=False).encode()
    again = read(only(path), facts.resume)
    assert again.continuation is Continuation.UNCHANGED
    assert again.facts.summary == facts.summary
