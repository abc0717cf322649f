"""What ``export`` writes, ``ingest`` reads back: every value, key, fact and certificate."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings

from dakota_wh import api
from dakota_wh.errors import SourceProblem
from dakota_wh.export import csv_file, json_file, parquet_file
from dakota_wh.export.cells import rows_of
from dakota_wh.export.destination import write_json
from dakota_wh.export.run_export import export_run
from dakota_wh.export.stored_run import StoredRun
from dakota_wh.ingest.exports.dialect import strict_value
from dakota_wh.ingest.exports.find import find_exports
from dakota_wh.ingest.exports.parquet_cells import number_tokens
from dakota_wh.ingest.landed import Action
from dakota_wh.ingest.source import KeyPath, LogRows, Source, StepMetric
from dakota_wh.warehouse.history import HistoryWriter, StoredHistory
from dakota_wh.warehouse.run_row import RunRow
from tests.export.conftest import Made, TokenRow, logged, read_back, store
from tests.export.test_dialect import VALUES, token
from tests.ingest.kit import STORED, TIMES, assert_same, tables

HISTORIES = ("_history.csv", "_export.json", "_history.parquet")
ALL = ("csv", "json", "parquet")
#: What tells of the storing, or names the file.
STORING = TIMES | {"source", "source_name", "evidence", "dakota_wh"}

STEP = ("_step",)


def logs(rows: list[dict[str, Any]]) -> list[TokenRow]:
    """Return rows as a log gives them: each with the tokens of its values and a ``_step``."""
    found: list[TokenRow] = []
    for n, row in enumerate(rows):
        found.append({STEP: str(n)})
        found[-1].update({(key,): token(value) for key, value in row.items()})
    return found


def as_file(tmp: Path, run_id: str, ending: str) -> Path:
    """Export a run of ``tmp/wh`` in all formats; return the file with an ending."""
    done = export_run(tmp / "wh", run_id, tmp / "out", ALL, force=True)
    (found,) = [path for path in done.files if path.name.endswith(ending)]
    return found


def back(tmp: Path, run_id: str, ending: str) -> Path:
    """Return a new warehouse that has nothing but what was exported."""
    read_back(as_file(tmp, run_id, ending), tmp / ending)
    return tmp / ending


PATHS = st.lists(
    st.text(min_size=0, max_size=4) | st.sampled_from(["a", "A", "=x", "a.b", "b", "x::json", "1"]),
    min_size=1,
    max_size=2,
).map(lambda path: tuple(part.encode("utf-8", "replace").decode() for part in path))


def clean(tree: Any) -> Any:
    """Return settings without half characters, which no warehouse can hold."""
    return json.loads(json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace"))


@settings(max_examples=80)
@given(
    st.lists(st.dictionaries(PATHS, VALUES, max_size=4), max_size=5),
    st.dictionaries(st.text(max_size=3), VALUES, max_size=3).map(clean),
)
def test_hostile_rows_come_back(rows: list[dict[KeyPath, Any]], tree: dict[str, Any]) -> None:
    """Between the stored parts and the readers; what lies around them is tested below."""
    tokens = [
        {STEP: str(n)} | {key: token(value) for key, value in row.items()}
        for n, row in enumerate(rows)
    ]
    with tempfile.TemporaryDirectory() as name, closing(stored(Path(name), tokens)) as history:
        columns = {STEP: "_step", ("_runtime",): "_runtime"} | history.names()
        run = StoredRun(RunRow("made", "unknown", rows=len(rows)), history, tree, {}, columns)
        files = written(Path(name), run)
        wanted = [{k: t for k, t in row.items() if t is not None} for row in tokens_of(run)]
        for source in map(found_in, files):
            reading = source.read(None)
            got = [row for batch in reading.rows() for row in batch_tokens(batch)]
            assert got == wanted, source.kind
            assert repr(reading.facts().summary) == repr(tree), source.kind


def stored(folder: Path, rows: list[TokenRow]) -> StoredHistory:
    """Write rows as parts, two rows a part, so that types and columns change between parts."""
    writer = HistoryWriter(folder)
    for start in range(0, len(rows), 2):
        some = rows[start : start + 2]
        keys = dict.fromkeys(key for row in some for key in row)
        arrays = {key: pa.array([row.get(key) for row in some], pa.string()) for key in keys}
        writer.add(len(some), arrays)
        writer.flush()
    return StoredHistory(writer.written)


def written(folder: Path, run: StoredRun) -> list[Path]:
    """Write a run in every format that is read back."""
    info = run.info([])
    for word, value in (("metadata", info), ("summary", strict_value(run.summary))):
        write_json(folder / f"made_{word}.json", value)
    files = [folder / f"made{ending}" for ending in HISTORIES]
    csv_file.write_history(files[0], run)
    json_file.write_all_in_one(files[1], run, info)
    parquet_file.write_history(files[2], run, info["dakota_wh"])
    return files


def found_in(path: Path) -> Source:
    (source,) = find_exports(path)
    return source


def tokens_of(run: StoredRun) -> Iterator[dict[KeyPath, str | None]]:
    """Yield a run's rows as they are stored."""
    for batch in run.history.batches(3):
        for row in rows_of(batch, list(run.columns), str):
            yield dict(zip(run.columns, row, strict=True))


def batch_tokens(batch: LogRows) -> Iterator[TokenRow]:
    """Yield the rows that a source delivers, numbers as tokens."""
    cells = {key: tokens_in(array) for key, array in batch.columns.items()}
    for place in range(batch.count):
        yield {key: t for key, some in cells.items() if (t := some[place]) is not None}


def tokens_in(array: Any) -> list[str | None]:
    tokens: list[str | None] = (
        array if pa.types.is_string(array.type) else number_tokens(array)
    ).to_pylist()
    return tokens


@pytest.mark.parametrize("ending", HISTORIES)
def test_values_apart(tmp_path: Path, ending: str) -> None:
    """Hand-made: what other formats of these files confuse."""
    rows = [
        {"x": math.nan, "t": "NaN", "i": 2**53 + 1, "b": True, "n": None, "l": [math.nan, "NaN"]},
        {"t": "", "j": -(2**70), "b": False, "n": 1, "l": []},
        {"x": math.inf, "t": "1", "i": 3, "b": 1, "n": "null", "l": {}},
        {"x": -0.0, "t": "=1+1", "f": 1.0, "l": {"_type": "table-file", "path": "a\nb"}},
        {"x": 1e-320, "t": 'a "b",\r\nc', "f": 2.0, "l": "[1]"},
    ]
    store(tmp_path / "wh", Made(logs(rows)))
    found = logged(back(tmp_path, "made", ending), "made")
    for wanted, row in zip(logs(rows), found, strict=True):
        for key, one in wanted.items():
            if key == ("b",):  # a truth value beside numbers is kept as itself
                assert json.loads(row[key]) == json.loads(one)
            else:
                assert row[key] == one
        assert row.keys() == wanted.keys()


@pytest.mark.parametrize("ending", HISTORIES)
def test_facts_settings_and_segments(tmp_path: Path, ending: str) -> None:
    facts = {
        "name": "=cmd|' /C calc'!A0",
        "group": "g",
        "job_type": "train",
        "notes": "line\nline",
        "tags": ("a", "b,c"),
        "sweep_id": "s1",
        "url": "https://wandb.ai/acme/p/runs/made",
        "state": "finished",
        "created_at": datetime(2025, 11, 9, 15, 9, 4, 120, UTC),
        "config": {"value": {"value": 1}, "a.b": 1, "a": {"b": "NaN", "c": math.nan}, "e": {}},
        "summary": {"x": math.inf, "t": "Infinity", "big": 2**53 + 1, "l": [1, "NaN", math.nan]},
        "step_metrics": (StepMetric("*", "step"),),
        "warnings": ("odd",),
        "lossy": ("something",),
    }
    rows = [{"step": n // 2, "reward/mean": n / 7, "metrics/a": n} for n in range(30)]
    made = Made(logs(rows), facts_=facts, segments=[0] * 10 + [1] * 5 + [3] * 15, batch=7)
    warehouse = store(tmp_path / "wh", made)
    again = api.open(back(tmp_path, "made", ending))
    assert_same(tables(again, STORED, without=STORING), tables(warehouse, STORED, without=STORING))
    evidence = again.runs().dicts()[0]["evidence"]
    assert evidence.startswith(warehouse.runs().dicts()[0]["evidence"])


@pytest.mark.parametrize("ending", HISTORIES)
def test_a_role_that_was_given_stays_given(tmp_path: Path, ending: str) -> None:
    store(tmp_path / "wh", Made(logs([{"x": 1.0}] * 3), facts_={"role": "trainer"}))
    (run,) = api.open(back(tmp_path, "made", ending)).runs().dicts()
    assert (run["role"], run["role_evidence"]) == ("trainer", "given by --role")


@pytest.mark.parametrize("run_id", ["../x", "a/b", ".hidden", "CON", "Ab", "=ü☃" * 12])
def test_any_run_id_stays_in_the_folder_and_comes_back(tmp_path: Path, run_id: str) -> None:
    store(tmp_path / "wh", Made(logs([{"x": 1.0}]), run_id=run_id))
    done = export_run(tmp_path / "wh", run_id, tmp_path / "out", ALL)
    for file in done.files:
        assert file.resolve().parent.parent == tmp_path / "out"
        assert not file.name.startswith((".", "CON"))
    assert {path.name for path in tmp_path.iterdir()} == {"wh", "out"}
    for file in done.files[3:]:
        assert found_in(file).run_id == run_id
    assert read_back(tmp_path / "out", tmp_path / "again").run_id == run_id


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_next_to_nothing_comes_back(tmp_path: Path, rows: int) -> None:
    """Log rows without a key, which in a CSV would be blank lines."""
    store(tmp_path / "wh", Made([{} for _ in range(rows)]))
    for file in export_run(tmp_path / "wh", "made", tmp_path / "out", ALL).files[3:]:
        batches = list(found_in(file).read(None).rows())
        assert [row for batch in batches for row in batch_tokens(batch)] == [{}] * rows
    assert read_back(tmp_path / "out", tmp_path / "again").rows == rows


def test_a_folder_with_all_formats_is_one_run(tmp_path: Path, demo_folder: Path) -> None:
    for run in ("demoorch", "demotrnr"):
        export_run(demo_folder, run, tmp_path / "out", (*ALL, "xlsx"))
    again = api.open(tmp_path / "again")
    landed = again.ingest(tmp_path / "out")
    assert [(one.run_id, one.action, one.completeness) for one in landed] == [
        ("demoorch", Action.STORED, "complete"),
        ("demotrnr", Action.STORED, "complete"),
    ]
    assert_same(
        tables(again, STORED, without=STORING),
        tables(api.open(demo_folder), STORED, without=STORING),
    )
    assert {one.action for one in again.ingest(tmp_path / "out")} == {Action.UNCHANGED}
    kept = api.open(shutil.copytree(demo_folder, tmp_path / "copy")).ingest(tmp_path / "out")
    assert {one.action for one in kept} == {Action.KEPT}


@pytest.mark.parametrize("ending", HISTORIES)
def test_pandas_reads_the_numbers(demo_folder: Path, tmp_path: Path, ending: str) -> None:
    """Somebody without this program gets the history as from the guide's files."""
    done = export_run(demo_folder, "demoorch", tmp_path, ALL)
    (file,) = [path for path in done.files if path.name.endswith(ending)]
    readers: dict[str, Any] = {
        "_history.csv": pd.read_csv,
        "_history.parquet": pd.read_parquet,
        "_export.json": lambda path: pd.DataFrame(json.loads(path.read_text())["history"]),
    }
    frame = readers[ending](file)
    wanted = api.open(demo_folder).query("history", runs=["demoorch"]).df()
    numbers = [name for name in frame.columns if not name.endswith("::json")]
    for name in numbers:
        pd.testing.assert_series_equal(
            frame[name], wanted[name], check_dtype=False, check_exact=True, check_names=False
        )
    assert {"reward/mean", "_step", "step"} <= set(numbers)


def test_all_in_one_describes_as_pandas_does(demo_folder: Path, tmp_path: Path) -> None:
    export_run(demo_folder, "demoorch", tmp_path)
    document = json.loads((tmp_path / "demoorch" / "demoorch_export.json").read_text())
    assert list(document) == [
        "run_info", "config", "summary", "available_metrics", "history", "history_columns",
        "history_shape", "statistics",
    ]  # fmt: skip
    frame = pd.DataFrame(document["history"])[document["history_columns"]]
    assert document["history_shape"] == {"rows": len(frame), "columns": len(frame.columns)}
    for name, wanted in frame.describe().to_dict().items():
        assert document["statistics"][name] == pytest.approx(wanted, rel=1e-9, abs=1e-300), name
    counts = document["available_metrics"]["keys"]["reward/mean"]["typeCounts"]
    assert counts == [{"type": "number", "count": len(frame)}]
    assert document["available_metrics"]["lastStep"] == int(frame["_step"].iloc[-1])


def test_a_changed_export_proves_nothing(tmp_path: Path) -> None:
    store(tmp_path / "wh", Made(logs([{"x": n} for n in range(20)])))
    file = as_file(tmp_path, "made", "_history.csv")
    lines = file.read_text().splitlines(keepends=True)
    for kept, verdict in ((lines[:-3], "truncated"), ([*lines, "20,9\n"], "unknown")):
        file.write_text("".join(kept))
        landed = read_back(file, tmp_path / verdict)
        assert landed.completeness == verdict
        assert "20" in landed.note


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 99}, "Update this program"),
        ({"rows": "many"}, "damaged"),
        ({"segments": [[5, 0]]}, "damaged"),
        ({"completeness": "surely"}, "damaged"),
        ({"keys": {"x": []}}, "damaged"),
        ({"step_metrics": [["a"]]}, "damaged"),
        ({"segments": 5}, "damaged"),
        ({"segments": [0]}, "damaged"),
        ({"segments": [[0, 2**63]]}, "damaged"),
        ({"rows": 2**70}, "damaged"),
        ({"expected_rows": 2**70}, "damaged"),
        ({"role_given": "boss"}, "damaged"),
        ({"role_given": "../../../outside"}, "damaged"),
    ],
)
def test_a_damaged_member_is_told(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    store(tmp_path / "wh", Made(logs([{"x": 1}])))
    file = as_file(tmp_path, "made", "_metadata.json")
    info = json.loads(file.read_text())
    info["dakota_wh"] |= change
    file.write_text(json.dumps(info))
    (landed,) = api.open(tmp_path / "again").ingest(file.with_name("made_history.csv"))
    assert isinstance(landed.error, SourceProblem)
    assert words in str(landed.error)
    assert not list(tmp_path.glob("**/*outside*"))
