"""CSV exports: frames written by pandas come back, broken files say what is wrong."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports import csv_file
from dakota_wh.ingest.exports.csv_folder import CsvExport
from dakota_wh.ingest.source import Continuation, Ended

Read = Callable[[Any], Any]


def export(folder: Path, text: str | bytes, run: str = "abc12345") -> CsvExport:
    """Write a history and return its source."""
    path = folder / f"{run}_history.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return CsvExport(path)


def problem(folder: Path, text: str | bytes) -> str:
    """Read a broken history and return the message."""
    source = export(folder, text)
    with pytest.raises(SourceProblem) as caught:
        for _ in source.read(None).rows():
            pass
    assert "abc12345_history.csv" in str(caught.value)
    assert str(folder) not in str(caught.value)
    assert caught.value.hint
    return str(caught.value)


def test_the_owners_runs(owner_data: Path, whole: Read) -> None:
    for run, rows, columns in (("29hn8w98", 1000, 41), ("7nikv4vp", 500, 72)):
        path = owner_data / run / f"{run}_history.csv"
        read = whole(CsvExport(path))
        assert (read.count, len(read.tokens)) == (rows, columns)
        assert CsvExport(path).name == f"{run}/{run}_history.csv"
        frame = pd.read_csv(path)
        for name in frame.columns:
            assert read.values(name) == frame[name].tolist(), name
        raw = [line.split(",") for line in path.read_text().splitlines()]
        for position, name in enumerate(raw[0]):
            assert read.tokens[(name,)] == [row[position] for row in raw[1:]]
        assert "_wandb" not in read.facts.summary
        assert len(read.facts.summary) == columns
        assert read.facts.expected_rows is None
        assert read.facts.ended is Ended.UNKNOWN
        assert read.facts.warnings == ()
    assert read.facts.config["optim"]["lr"] == 1e-06


text_cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1, max_size=8
)
cells = {
    "floats": st.floats(),
    "integers": st.integers(-(2**63), 2**63 - 1),
    "texts": text_cells.map(lambda text: f"x{text}"),
    "dicts": st.dictionaries(
        text_cells.filter(lambda key: key != "_type"),
        st.integers() | st.none() | text_cells,
        min_size=1,
    ),
    "bools": st.booleans(),
}


@settings(max_examples=60)
@given(data=st.data())
def test_what_pandas_writes_comes_back(data: Any, whole: Read, not_logged: object) -> None:
    count = data.draw(st.integers(1, 8))
    frame: dict[str, list[Any]] = {"_step": list(range(count))}
    for name, kind in cells.items():
        frame[name] = data.draw(st.lists(kind, min_size=count, max_size=count))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "abc12345_history.csv"
        quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
        pd.DataFrame(frame).to_csv(path, index=False, quoting=quoting)
        read = whole(CsvExport(path))
    assert read.count == count
    for name in ("_step", "integers", "texts", "bools"):
        assert read.values(name) == frame[name]
    for position, value in enumerate(frame["floats"]):
        # pandas writes NaN as an empty cell
        back = read.values("floats")[position] if ("floats",) in read.tokens else not_logged
        assert back is not_logged if math.isnan(value) else back == value
    for position, entry in enumerate(frame["dicts"]):
        for key, value in entry.items():
            assert read.values("dicts", key)[position] == value


def test_sparse_columns_and_late_columns(tmp_path: Path, whole: Read, not_logged: object) -> None:
    read = whole(export(tmp_path, "_step,a,b,c\n0,,,\n1,1.0,,\n2,,x,\n"))
    assert read.values("a") == [not_logged, 1.0, not_logged]
    assert read.values("b") == [not_logged, not_logged, "x"]
    assert ("c",) not in read.tokens


def test_quoted_cells(tmp_path: Path, whole: Read) -> None:
    text = '\ufeff"_step","a\nb","c"\r\n0,"x,\r\ny","say ""hi"""\r\n1,"  ",é😀\r\n'
    read = whole(export(tmp_path, text))
    assert read.values("a\nb") == ["x,\r\ny", "  "]
    assert read.values("c") == ['say "hi"', "é😀"]


def test_a_quoted_empty_cell_is_text_unless_all_is_quoted(
    tmp_path: Path, whole: Read, not_logged: object
) -> None:
    assert whole(export(tmp_path, '_step,a\n0,""\n1,\n')).values("a") == ["", not_logged]
    read = whole(export(tmp_path, '"_step","a"\n"0",""\n"1","x"\n'))
    assert read.values("a") == [not_logged, "x"]


def test_header_only(tmp_path: Path, whole: Read) -> None:
    for text in ("_step,a", "_step,a\n", "_step,a\n\n\n"):
        read = whole(export(tmp_path, text))
        assert (read.count, read.tokens) == (0, {})


@pytest.mark.parametrize("first", ["", "Unnamed: 0"])
def test_pandas_index_is_left_out(tmp_path: Path, whole: Read, first: str) -> None:
    read = whole(export(tmp_path, f"{first},_step,a\n0,5,1\n1,6,2\n"))
    assert set(read.tokens) == {("_step",), ("a",)}
    assert "index" in read.facts.warnings[0]


def test_odd_names_are_names(tmp_path: Path, whole: Read) -> None:
    names = ["_step", "a/b.c", "it's", "SELECT", "x=y", "é", "a b", "../..", "\x7f", ""]
    pd.DataFrame([[0] * len(names)], columns=names).to_csv(
        tmp_path / "abc12345_history.csv", index=False
    )
    read = whole(CsvExport(tmp_path / "abc12345_history.csv"))
    assert set(read.tokens) == {(name,) for name in names}
    assert read.facts.warnings == ()


def test_rows_longer_than_a_block(
    tmp_path: Path, whole: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "BLOCK", 64)
    long = ["x" * length for length in (1, 10, 70, 3, 5000, 2, 20_000, 1, 1)]
    lines = "".join(f"{step},{cell}\n" for step, cell in enumerate(long))
    read = whole(export(tmp_path, "_step,a\n" + lines))
    assert read.values("_step") == list(range(len(long)))
    assert read.values("a") == long
    assert read.batches > 2


def test_many_blocks_keep_the_order(
    tmp_path: Path, whole: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "BLOCK", 1000)
    frame = pd.DataFrame({"_step": range(3000), "a": [f"t{n}\n," for n in range(3000)]})
    frame.to_csv(tmp_path / "abc12345_history.csv", index=False)
    read = whole(CsvExport(tmp_path / "abc12345_history.csv"))
    assert read.values("_step") == list(range(3000))
    assert read.values("a") == frame["a"].tolist()
    assert read.batches > 10


def test_broken_files_say_what_is_wrong(tmp_path: Path) -> None:
    assert "no column _step" in problem(tmp_path, "step,a\n0,1\n")
    assert "scan_history" in problem(tmp_path, "a\n1\n")
    assert "empty" in problem(tmp_path, "")
    assert "empty" in problem(tmp_path, "\n\n")
    assert "'a' twice" in problem(tmp_path, "_step,a,a\n0,1,2\n")
    assert "line 3 has 1 cells where the header has 2" in problem(tmp_path, "_step,a\n0,1\n1\n")
    assert "line 4 has 3 cells" in problem(tmp_path, '_step,a\n0,"x\ny"\n1,2,3\n')
    assert "not UTF-8 text (line 3)" in problem(tmp_path, b"_step,a\n0,1\n1,\xff\n")
    assert "not UTF-8" in problem(tmp_path, b"_step,\xff\n0,1\n")
    assert "not UTF-8" in problem(tmp_path, "_step,a\n0,1\n".encode("utf-16"))
    assert "quoted cell" in problem(tmp_path, '_step,a\n0,1\n1,"cut in the\n2,x\n')
    assert "quoted cell" in problem(tmp_path, '_step,a\n0,1\n1,"' + "x" * 200_000)


def test_a_stray_quote_is_no_cut(tmp_path: Path, whole: Read) -> None:
    assert whole(export(tmp_path, '_step,a\n0,5" disk\n')).values("a") == ['5" disk']
    long = "x" * 200_000
    read = whole(export(tmp_path, f'_step,a\n0,5" disk\n1,"{long}"\n'))
    assert read.values("a") == ['5" disk', long]


def test_a_last_line_without_end_is_a_warning(tmp_path: Path, whole: Read) -> None:
    assert "may be cut" in whole(export(tmp_path, "_step,a\n0,0.12")).facts.warnings[0]


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(SourceProblem, match=r"x_history\.csv cannot be read"):
        CsvExport(tmp_path / "x_history.csv").read(None)
    (tmp_path / "d_history.csv").mkdir()
    with pytest.raises(SourceProblem, match="cannot be read"):
        CsvExport(tmp_path / "d_history.csv").read(None)


def sidecar(folder: Path, kind: str, value: object) -> None:
    """Write a JSON file beside the history."""
    (folder / f"abc12345_{kind}.json").write_text(json.dumps(value))


def test_the_files_beside_it(tmp_path: Path, whole: Read) -> None:
    sidecar(tmp_path, "summary", {"_wandb": {"runtime": 3}, "a": "NaN", "b": {"max": "Infinity"}})
    sidecar(
        tmp_path,
        "config",
        {"_wandb": {"value": {}}, "lr": {"value": 1e-6, "desc": None}, "o": {"value": {"n": 1}}},
    )
    sidecar(
        tmp_path,
        "metadata",
        {
            "name": "n", "state": "crashed", "created_at": "2025-11-09T15:09:04Z", "entity": "e",
            "project": "p", "url": "https://u:secret@wandb.ai/e/p/runs/x?token=secret#s",
            "group": "g", "tags": ["t", 5], "email": "a@b.c", "host": "h", "args": ["--key=secret"],
            "program": "/home/me/x.py", "notes": "mine",
        },
    )  # fmt: skip
    source = export(tmp_path, "_step,a\n0,1\n")
    assert (source.entity, source.project) == ("e", "p")
    facts = whole(source).facts
    assert math.isnan(facts.summary["a"])
    assert facts.summary["b"] == {"max": math.inf}
    assert "_wandb" not in facts.summary
    assert facts.config == {"lr": 1e-6, "o": {"n": 1}}
    assert facts.created_at == datetime(2025, 11, 9, 15, 9, 4, tzinfo=UTC)
    assert (facts.name, facts.group, facts.tags) == ("n", "g", ("t",))
    assert facts.url == "https://wandb.ai/e/p/runs/x"
    assert (facts.state, facts.ended) == ("crashed", Ended.FAILED)
    assert not any(word in repr(facts) for word in ("secret", "a@b.c", "/home", "'h'", "mine"))


@pytest.mark.parametrize(
    "config", [{"wandb": {"name": "w"}}, {"monitors": {"wandb": {"name": "w"}}}]
)
def test_a_run_is_called_what_its_config_asks_for(
    tmp_path: Path, whole: Read, config: dict[str, Any]
) -> None:
    sidecar(tmp_path, "config", config)
    assert whole(export(tmp_path, "_step\n0\n")).facts.name == "w"
    sidecar(tmp_path, "metadata", {"displayName": "told"})
    assert whole(export(tmp_path, "_step\n0\n")).facts.name == "told"


def test_wandb_metadata_has_no_state(tmp_path: Path, whole: Read) -> None:
    started = {"state": "running", "startedAt": "2025-11-09T16:09:04.123456789+01:00"}
    sidecar(tmp_path, "metadata", started)
    facts = whole(export(tmp_path, "_step\n0\n")).facts
    assert (facts.state, facts.ended) == (None, Ended.UNKNOWN)
    assert facts.created_at == datetime(2025, 11, 9, 15, 9, 4, 123456, tzinfo=UTC)


def test_config_with_a_key_called_value_stays(tmp_path: Path, whole: Read) -> None:
    config = {"a": {"value": 1}, "b": 2, "big": 2**70, "s": "\ud800"}
    sidecar(tmp_path, "config", config)
    assert whole(export(tmp_path, "_step\n0\n")).facts.config == {**config, "s": "\\ud800"}


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[1]", b"\xff{}", b"nonsense", b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" * 99999],
)
def test_broken_files_beside_it(tmp_path: Path, data: bytes) -> None:
    for kind in ("summary", "config", "metadata"):
        path = tmp_path / f"abc12345_{kind}.json"
        path.write_bytes(data)
        source = export(tmp_path, "_step\n0\n")
        assert source.entity is None
        reading = source.read(None)
        assert sum(batch.count for batch in reading.rows()) == 1
        with pytest.raises(SourceProblem, match=f"abc12345_{kind}.json"):
            reading.facts()
        path.unlink()


def test_unchanged_until_a_byte_changes(tmp_path: Path, whole: Read) -> None:
    source = export(tmp_path, "_step,a\n0,1\n")
    sidecar(tmp_path, "summary", {"a": 1})
    first = whole(source)
    assert first.continuation is Continuation.WHOLE
    resume = json.loads(json.dumps(first.facts.resume))
    again = source.read(resume)
    assert again.continuation is Continuation.UNCHANGED
    assert list(again.rows()) == []
    assert again.facts() == first.facts
    sidecar(tmp_path, "summary", {"a": 2})
    assert source.read(resume).continuation is Continuation.WHOLE
    sidecar(tmp_path, "summary", {"a": 1})
    assert source.read(resume).continuation is Continuation.UNCHANGED
    export(tmp_path, "_step,a\n0,2\n")
    assert source.read(resume).continuation is Continuation.WHOLE
    others: list[dict[str, Any]] = [{}, {"files": None}, {"files": {}}, {"other": 1}]
    for odd in others:
        assert source.read(odd).continuation is Continuation.WHOLE


def test_a_file_that_changes_meanwhile(tmp_path: Path) -> None:
    source = export(tmp_path, "_step,a\n0,1\n")
    reading = source.read(None)
    export(tmp_path, "_step,a\n0,1\n1,2\n")
    with pytest.raises(SourceProblem, match="changed while"):
        list(reading.rows())


@settings(max_examples=150)
@given(st.binary(max_size=200), st.booleans())
def test_garbage_never_escapes(data: bytes, headed: bool) -> None:
    with TemporaryDirectory() as folder:
        source = export(Path(folder), b"_step,a\n" + data if headed else data)
        try:
            reading = source.read(None)
            for batch in reading.rows():
                for array in batch.columns.values():
                    for token in array.to_pylist():
                        json.loads(token or "0")
            reading.facts()
        except SourceProblem:
            pass


def test_any_cut_is_a_problem_or_whole_rows(tmp_path: Path, whole: Read) -> None:
    frame = pd.DataFrame({"_step": range(4), "a": ["x,y", 'q"', "l\nm", "{'k': 1}"], "b": 1.5})
    text = frame.to_csv(index=False).encode()
    full = whole(export(tmp_path, text))
    for end in range(len(text)):
        try:
            read = whole(export(tmp_path, text[:end]))
        except SourceProblem:
            continue
        assert read.facts.warnings or text[end - 1 : end] == b"\n"
        assert read.values("_step") == full.values("_step")[: read.count] if read.count else True
