"""All-in-one JSON exports: exact numbers, key paths, cut files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports import json_file
from dakota_wh.ingest.exports.json_file import JsonExport
from dakota_wh.ingest.source import Continuation, Ended

Read = Callable[[Any], Any]

INFO = {"id": "abc12345", "name": "n", "state": "finished", "entity": "e", "project": "p"}


def text_of(history: Any, **more: Any) -> str:
    """Return an export as scripts write it."""
    return json.dumps({"run_info": INFO, "config": {}, "summary": {}, **more, "history": history})


def export(folder: Path, text: str | bytes) -> JsonExport:
    """Write an export and return its source."""
    path = folder / "export.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    source = JsonExport.recognise(path)
    assert source is not None
    return source


def problem(folder: Path, text: str | bytes) -> str:
    """Read a broken export and return the message."""
    source = export(folder, text)
    with pytest.raises(SourceProblem) as caught:
        list(source.read(None).rows())
    assert "export.json" in str(caught.value)
    assert str(folder) not in str(caught.value)
    assert caught.value.hint
    return str(caught.value)


def test_the_owners_export(owner_data: Path, whole: Read) -> None:
    path = owner_data / "dakota_rl_wandb_export.json"
    source = JsonExport.recognise(path)
    assert source is not None
    assert source.name == "dakota_rl_wandb_export.json"
    assert (source.run_id, source.entity) == ("29hn8w98", "christian-cooper-us")
    assert source.project == "dakota-rl-grammar"
    read = whole(source)
    original = json.loads(path.read_text())
    assert read.count == 1000
    for name in original["history_columns"]:
        values = read.values(name)
        assert values == [row[name] for row in original["history"]]
        assert [type(value) for value in values] == [type(row[name]) for row in original["history"]]
    facts = read.facts
    assert facts.config == original["config"]
    original["summary"].pop("_wandb")
    assert facts.summary == original["summary"]
    assert (facts.expected_rows, facts.ended) == (1000, Ended.FINISHED)
    assert facts.created_at == datetime(2025, 11, 9, 15, 9, 4, tzinfo=UTC)
    assert facts.name == "dakota-0.6b-rl-orchestrator"
    assert facts.url == original["run_info"]["url"]
    assert facts.warnings == ()


def test_the_owners_two_exports_agree(owner_data: Path, whole: Read) -> None:
    from dakota_wh.ingest.exports.csv_folder import CsvExport

    source = JsonExport.recognise(owner_data / "dakota_rl_wandb_export.json")
    csv = CsvExport(owner_data / "29hn8w98" / "29hn8w98_history.csv")
    assert whole(source).tokens == whole(csv).tokens


def test_tokens_survive(tmp_path: Path, whole: Read) -> None:
    numbers = [
        "1",
        "1.0",
        "-0",
        "-0.0",
        "9007199254740993",
        "1E+5",
        "1.50",
        "1e400",
        "123456789" * 9,
    ]
    rows = ",".join(f'{{"_step": {n}, "a": {x}}}' for n, x in enumerate(numbers))
    text = f'{{"run_info": {json.dumps(INFO)}, "history": [{rows}]}}'
    assert whole(export(tmp_path, text)).tokens[("a",)] == numbers


def test_words_and_missing_cells(tmp_path: Path, whole: Read, not_logged: object) -> None:
    history = [
        {"_step": 0, "a": math.nan, "b": math.inf, "c": True, "d": "NaN", "e": "nan"},
        {"_step": 1, "a": None, "b": -math.inf, "f": 'a "b" é\n'},
        {},
    ]
    read = whole(export(tmp_path, text_of(history)))
    assert read.count == 3
    assert math.isnan(read.values("a")[0])
    assert read.values("a")[1:] == [not_logged, not_logged]
    assert read.values("b") == [math.inf, -math.inf, not_logged]
    assert read.values("c")[0] is True
    assert math.isnan(read.values("d")[0])
    assert read.values("e")[0] == "nan"
    assert read.values("f")[1] == 'a "b" é\n'
    assert "NaN in 1 keys (a)" in read.facts.warnings[0]


def test_pandas_filling_is_not_logged(tmp_path: Path, whole: Read, not_logged: object) -> None:
    frame = pd.DataFrame([{"_step": 0, "loss": 1.0}, {"_step": 1, "loss": math.nan, "eval": 2.0}])
    counts = {"_step": 2, "loss": 2, "eval": 1}
    keys = {key: {"typeCounts": [{"type": "number", "count": n}]} for key, n in counts.items()}
    history = frame.to_dict("records")
    read = whole(export(tmp_path, text_of(history, available_metrics={"keys": keys})))
    assert read.values("eval") == [not_logged, 2.0]
    assert math.isnan(read.values("loss")[1])
    assert read.facts.expected_rows == 2


def test_dicts(tmp_path: Path, whole: Read, not_logged: object) -> None:
    history = [
        {"_step": 0, "a": {"b": 1, "c": {"d": 2.0, "e": None}}, "a.b": 3},
        {"_step": 1, "h": {"_type": "histogram", "values": [1, 2.0, math.nan]}, "l": [1, {"x": 1}]},
        {"_step": 2, "a": 5, "m": {"n": {"_type": "image-file", "path": "é"}}, "z": {}},
    ]
    read = whole(export(tmp_path, text_of(history)))
    assert read.tokens[("a", "b")] == ["1", None, None]
    assert read.tokens[("a", "c", "d")] == ["2.0", None, None]
    assert read.tokens[("a", "c", "e")] == ["null", None, None]
    assert read.tokens[("a.b",)] == ["3", None, None]
    assert read.tokens[("h",)][1] == '{"_type":"histogram","values":[1,2.0,NaN]}'
    assert read.tokens[("l",)][1] == '[1,{"x":1}]'
    assert read.tokens[("a",)] == [None, None, "5"]
    assert read.tokens[("m", "n")][2] == '{"_type":"image-file","path":"é"}'
    assert read.tokens[("z",)][2] == "{}"


def test_lone_surrogates_do_no_harm(tmp_path: Path, whole: Read) -> None:
    history = [{"_step": 0, "\ud800": "\udfff", "\\ud800": 1, "d": {"\ud800": {"_type": "\ud800"}}}]
    read = whole(export(tmp_path, text_of(history, summary={"\ud800": "\ud800"})))
    assert read.values("\\ud800") == [1]
    assert read.values("d", "\\ud800") == [{"_type": "\ud800"}]
    assert read.facts.summary == {"\\ud800": "\\ud800"}


def test_many_rows_come_in_batches(
    tmp_path: Path, whole: Read, monkeypatch: pytest.MonkeyPatch, not_logged: object
) -> None:
    monkeypatch.setattr(json_file, "ROWS_PER_BATCH", 7)
    history = [{"_step": n, **({"late": n} if n > 40 else {})} for n in range(50)]
    read = whole(export(tmp_path, text_of(history)))
    assert read.batches == 8
    assert read.values("_step") == list(range(50))
    assert read.values("late") == [not_logged] * 41 + list(range(41, 50))


@pytest.mark.parametrize(
    ("more", "rows"),
    [
        ({}, None),
        ({"history_shape": {"rows": 3, "columns": 1}}, None),  # what was exported
        ({"history_shape": [3, 1]}, None),
        ({"history_shape": {"rows": True}}, None),
        ({"historyLineCount": 9, "history_shape": {"rows": 3}}, 9),
        ({"available_metrics": {"keys": {"_step": {"typeCounts": [{"count": 4}]}}}}, 4),
        ({"available_metrics": {"keys": {"_step": {"typeCounts": [{"count": "4"}]}}}}, None),
        ({"available_metrics": {"keys": {"_step": {"typeCounts": 4}, "x": 1}}}, None),
        ({"available_metrics": {"keys": []}}, None),
        ({"available_metrics": {"lastStep": 7, "historyLineCount": 5}}, 5),
    ],
)
def test_expected_rows(tmp_path: Path, whole: Read, more: dict[str, Any], rows: int | None) -> None:
    facts = whole(export(tmp_path, text_of([{"_step": 0}], **more))).facts
    assert facts.expected_rows == rows


@pytest.mark.parametrize(
    ("state", "ended"),
    [
        ("finished", Ended.FINISHED), ("failed", Ended.FAILED), ("crashed", Ended.FAILED),
        ("killed", Ended.FAILED), ("running", Ended.OPEN), ("preempted", Ended.UNKNOWN),
        (None, Ended.UNKNOWN), (5, Ended.UNKNOWN),
    ],
)  # fmt: skip
def test_state(tmp_path: Path, whole: Read, state: Any, ended: Ended) -> None:
    text = text_of([], run_info={**INFO, "state": state})
    assert whole(export(tmp_path, text)).facts.ended is ended


def test_odd_members_are_warned_of(tmp_path: Path, whole: Read) -> None:
    read = whole(export(tmp_path, text_of([], config="x", summary=[1])))
    assert len(read.facts.warnings) == 2
    assert read.facts.config == {}


def test_other_order_and_spelling(tmp_path: Path, whole: Read) -> None:
    sorted_text = json.dumps(json.loads(text_of([{"_step": 0}])), sort_keys=True, indent=4)
    for text in (sorted_text, "\ufeff" + sorted_text, " \n" + sorted_text + "\n\n"):
        source = export(tmp_path, text)
        assert source.run_id == "abc12345"
        assert whole(source).count == 1


def test_broken_exports_say_what_is_wrong(tmp_path: Path) -> None:
    assert "no list of rows" in problem(tmp_path, text_of({"a": {"0": 1}}))
    assert "no list of rows" in problem(tmp_path, json.dumps({"run_info": INFO}))
    assert "row 2 of the history is no object" in problem(tmp_path, text_of([{"_step": 0}, 5]))
    assert "row 1 of the history is no object" in problem(tmp_path, text_of([None, {"_step": 0}]))
    assert "no _step" in problem(tmp_path, text_of([{"a": 0}]))
    assert "no valid JSON at byte" in problem(tmp_path, text_of([{"a": 0}]) + text_of([]))
    assert "no valid JSON at byte" in problem(
        tmp_path, text_of([1]).replace("[1]", "[,1]" + " " * 9)
    )
    assert "not UTF-8" in problem(tmp_path, text_of([]).replace("abc", "\xff").encode("latin-1"))
    deep = text_of([{"_step": 0}]).replace('"config": {}', '"config": ' + "[" * 500 + "]" * 500)
    assert "nested too deep" in problem(tmp_path, deep)
    deep = text_of([{"_step": 0, "a": 5}]).replace("5}", "[" * 100_000 + "]" * 100_000 + "}")
    assert "nested too deep" in problem(tmp_path, deep)
    ours = {**INFO, "dakota_wh": {"format": 1, "run_id": "abc", "rows": 1}}
    for levels in range(300, 1000, 50):  # what the decoder still takes, and we may not
        nested = '{"b":' * levels + "5" + "}" * levels
        deep = text_of([{"_step": 0, "a": 7}], run_info=ours).replace("7}", nested + "}")
        with suppress(SourceProblem):
            for _ in export(tmp_path, deep).read(None).rows():
                pass


def test_every_cut_is_told(tmp_path: Path) -> None:
    config = {"s": 'é\\"😀\u2028', "n": [1.5e-5, None, True, math.nan, -math.inf]}
    text = json.dumps(
        {"run_info": INFO, "config": config, "history": [{"_step": 0, "a": "é"}, {"_step": 1}]},
        ensure_ascii=False,
    ).encode()
    path = tmp_path / "export.json"
    begun = text.index(b'"run_info"') + len(b'"run_info"') + 1
    for end in range(len(text)):
        path.write_bytes(text[:end])
        source = JsonExport.recognise(path)
        if source is None:
            assert end <= begun
            continue
        with pytest.raises(SourceProblem, match=rf"ends in the middle \(byte {end}\)") as caught:
            source.read(None)
        assert "again" in caught.value.hint


def test_what_is_no_export(tmp_path: Path, owner_data: Path) -> None:
    assert JsonExport.recognise(owner_data / "reference_results.json") is None
    path = tmp_path / "x.json"
    others = (b"", b"[]", b"{}", b"5", b"null", b'{"config": {}}', b'{"history": [1]}', b"\xff",
              b'{"run_info": 5, "history": []}', b'{"a": {"run_info": {}}}', b'{"config": ',
              b'{"config": {"run_info": 1}, ',
              b'{"version": 1, "config": ' + b"[" * 100_000)  # fmt: skip
    for data in others:
        path.write_bytes(data)
        assert JsonExport.recognise(path) is None, data
    assert JsonExport.recognise(tmp_path / "missing.json") is None
    assert JsonExport.recognise(tmp_path) is None


def test_without_an_id_the_file_names_the_run(tmp_path: Path) -> None:
    assert export(tmp_path, text_of([], run_info={"name": "x"})).run_id == "export"


def test_unchanged_until_a_byte_changes(tmp_path: Path, whole: Read) -> None:
    source = export(tmp_path, text_of([{"_step": 0}]))
    first = whole(source)
    resume = json.loads(json.dumps(first.facts.resume))
    again = source.read(resume)
    assert again.continuation is Continuation.UNCHANGED
    assert list(again.rows()) == []
    assert again.facts() == first.facts
    export(tmp_path, text_of([{"_step": 1}]))
    assert source.read(resume).continuation is Continuation.WHOLE


def test_a_file_that_went_away(tmp_path: Path) -> None:
    source = export(tmp_path, text_of([]))
    source.path.unlink()
    with pytest.raises(SourceProblem, match="cannot be read"):
        source.read(None)


cells = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@settings(max_examples=80)
@given(rows=st.lists(st.dictionaries(st.text(max_size=5), cells, max_size=4), max_size=6))
def test_any_rows_come_back(rows: list[dict[str, Any]], whole: Read, not_logged: object) -> None:
    words = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    history = [{**row, "_step": step} for step, row in enumerate(rows)]
    with TemporaryDirectory() as folder:
        read = whole(export(Path(folder), text_of(history)))
    assert read.count == len(rows)
    for step, row in enumerate(history):
        for key, value in row.items():
            back: Any = read.values(key)[step] if (key,) in read.tokens else not_logged
            expected = words.get(value, value) if isinstance(value, str) else value
            if expected is None:
                assert back is not_logged
            elif isinstance(expected, float) and math.isnan(expected):
                assert math.isnan(back)
            else:
                assert type(back) is type(expected)
                assert back == expected


@settings(max_examples=150)
@given(st.binary(max_size=120), st.integers(0, 3))
def test_garbage_never_escapes(data: bytes, where: int) -> None:
    begin = (b"", b'{"run_info": {}, ', b'{"run_info": {}, "history": [{', b'{"run_info": ')[where]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.json"
        path.write_bytes(begin + data)
        source = JsonExport.recognise(path)
        if source is not None:
            with suppress(SourceProblem):
                list(source.read(None).rows())
