"""Tables that cannot be read: each is said in ``tables.state``, and the run lands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Action
from dakota_wh.ingest.streams import references, table_text
from dakota_wh.ingest.streams.beside import is_safe
from dakota_wh.ingest.streams.table_text import MalformedError, TableText
from tests.ingest.kit import land

from .logs import HandMade, table_json

GOOD = table_json(["a", "b"], [[1, "x"]])
MALFORMED: dict[str, str | bytes] = {
    "empty": "",
    "cut": GOOD[:-4],
    "cut in a text": '{"columns": ["a"], "data": [["x',
    "no JSON": "hello {",
    "a web page": "<html>",
    "a list": "[1, 2]",
    "no columns": '{"data": []}',
    "no data": '{"columns": ["a"]}',
    "columns no list": '{"columns": "a", "data": []}',
    "a short row": '{"columns": ["a", "b"], "data": [[1, 2], [3]]}',
    "a row of no cells": '{"columns": ["a"], "data": [7]}',
    "more behind it": GOOD + "[]",
    "a number for a key": '{"columns": ["a"], 1: 2, "data": [[1]]}',
    "no UTF-8": b'{"columns": ["a"], "data": [["\xff\xfe"]]}',
    "nested deep": '{"columns": ["a"], "data": [[' + "[" * 100_000,
}


def test_each_fault_has_a_state_and_the_run_lands(warehouse: Warehouse, tmp_path: Path) -> None:
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    secret = tmp_path / "secret.json"
    secret.write_text(table_json(["secret"], [["do not read"]]))
    wanted = {}
    for number, (name, text) in enumerate(MALFORMED.items()):
        run.row({f"bad/{number}": run.table(text)})
        wanted[f"bad/{number}"] = ("malformed", name)
    gone = {"_type": "table-file", "path": "media/table/gone.table.json", "sha256": "0" * 64}
    out = "../" * 9 + secret.as_posix().lstrip("/")
    (run.folder / "files" / "media" / "table" / "link.table.json").symlink_to(secret)
    faults: dict[str, tuple[dict[str, Any], str]] = {
        "gone": (gone, "missing"),
        "changed": (run.table(GOOD) | {"sha256": "1" * 64}, "damaged"),
        "up": (gone | {"path": out, "sha256": None}, "refused"),
        "absolute": (gone | {"path": secret.as_posix()}, "refused"),
        "backslashes": (gone | {"path": "..\\..\\secret.json"}, "refused"),
        "link": (gone | {"path": "media/table/link.table.json", "sha256": None}, "refused"),
        "long name": (gone | {"path": "x" * 5000}, "missing"),
        "folder": (gone | {"path": "media/table"}, "missing"),
        "joined": ({"_type": "joined-table", "artifact_path": "wandb-artifact://x"}, "artifact"),
        "good": (run.table(GOOD, nrows=1, ncols=2), "stored"),
        "fewer": (run.table(GOOD, nrows=2**70, ncols=-1), "stored"),
        "cut": (run.table(GOOD, nrows=9), "cut"),
    }
    for key, (value, state) in faults.items():
        run.row({key: value})
        wanted[key] = (state, key)
    run.row({"no table": {"_type": "image-file", "path": "x.png"}, "text": '{"_type": "table-file'})
    run.end()
    landed = land(warehouse, run.write(), streams=("tables",))
    assert (landed.action, landed.completeness) == (Action.STORED, "complete")
    tables = {row["key"]: row for row in warehouse.query("tables").dicts()}
    states = {key: (row["state"], wanted.get(key, ("", ""))[1]) for key, row in tables.items()}
    assert states == wanted
    assert all(bool(row["why"]) == (row["state"] != "stored") for row in tables.values())
    rows = warehouse.query("table_rows")
    assert {row["key"] for row in rows.dicts()} == {"good", "fewer", "cut"}
    assert not any("secret" in column for column in rows.columns)
    assert len(landed.streams) == 1
    assert landed.streams[0] in landed.warnings
    # A fault that is mended is read by the next ingest that asks, and only that one.
    (run.folder / "files" / "media" / "table" / "gone.table.json").write_text(GOOD)
    assert land(warehouse, run.folder, streams=("tables",)).action is Action.UNCHANGED
    again = {row["key"]: row["state"] for row in warehouse.query("tables").dicts()}
    assert again["gone"] == "damaged"  # it is there now, and not what was logged
    assert {k: v for k, v in again.items() if k != "gone"} == {
        k: v for k, (v, _) in wanted.items() if k != "gone"
    }


PATHS = {
    "media/table/a b_1.table.json": True,
    "a": True,
    "a..b/c": True,
    "": False,
    "..": False,
    "a/../../b": False,
    "a\\..\\b": False,
    "/etc/passwd": False,
    "\\\\host\\share": False,
    "C:/x": False,
    "a\x00b": False,
}


@pytest.mark.parametrize(("path", "safe"), PATHS.items())
def test_paths_that_stay_inside(path: str, safe: bool) -> None:
    assert is_safe(path) is safe


#: Any JSON value that a cell may hold; NaN is not equal to itself, and has a test of its own.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"\\é', max_size=2), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=60)
@given(st.data())
def test_a_table_is_read_as_json_reads_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """However the file is laid out, and however little of it is read at once."""
    width = data.draw(st.integers(1, 3))
    rows = data.draw(st.lists(st.lists(VALUES, min_size=width, max_size=width), max_size=5))
    members: dict[str, Any] = {"columns": [f"c{n}" for n in range(width)], "data": rows}
    members["more"] = data.draw(VALUES)
    order = data.draw(st.permutations(list(members)))
    indent = data.draw(st.sampled_from([None, 0, 3]))
    ascii_only = data.draw(st.booleans())
    text = json.dumps({k: members[k] for k in order}, indent=indent, ensure_ascii=ascii_only)
    path = tmp_path_factory.getbasetemp() / "property.table.json"
    path.write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_text, "_READ", data.draw(st.integers(1, 40)))
        with TableText(path) as table:
            assert table.columns() == members["columns"]
            found = [[json.loads(cell) for cell in row] for row in table.rows(width)]
    assert found == rows


@settings(max_examples=60)
@given(st.integers(0, 200), st.integers(1, 30))
def test_a_cut_table_never_passes_for_a_whole_one(
    tmp_path_factory: pytest.TempPathFactory, cut: int, read: int
) -> None:
    whole = table_json(["a", "b"], [[12, 'x"\\'], [-0.5, None], [True, {"k": [1]}]])
    path = tmp_path_factory.getbasetemp() / "cut.table.json"
    path.write_text(whole[: min(cut, len(whole) - 1)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_text, "_READ", read)
        with TableText(path) as table, pytest.raises(MalformedError):
            list(table.rows(len(table.columns())))


def test_one_endless_value_is_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_text, "LONGEST", 1000)
    monkeypatch.setattr(table_text, "_READ", 64)
    path = tmp_path / "endless.table.json"
    path.write_text('{"columns": ["a"], "data": [["' + "x" * 100_000 + '"]]}')
    with TableText(path) as table, pytest.raises(MalformedError, match="longer than 1000"):
        list(table.rows(len(table.columns())))


def test_names_of_columns(warehouse: Warehouse, tmp_path: Path) -> None:
    """Twice the same, no texts, and names that the view has for itself."""
    names = ["a", "a", 3, None, "key", "run_id", "STEP", "x::json", "content", "_part", "", "é"]
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    run.row({"t": run.table(table_json(names, [list(range(len(names)))]))})
    land(warehouse, run.write(), streams=("tables",))
    result = warehouse.query("table_rows")
    assert list(result.columns[:5]) == ["run_id", "role", "key", "step", "row_number"]
    assert result.columns[5:] == [
        "a", "a~2", "3", "null", "key~2", "run_id~2", "STEP~2", "x::json~2", "content~2",
        "_part~2", "(empty)", "é",
    ]  # fmt: skip
    assert result.rows()[0][5:] == tuple(range(len(names)))


def test_very_many_columns_of_one_name(tmp_path: Path) -> None:
    """Each gets a name of its own; to count them from the start each time would take an hour."""
    path = tmp_path / "t.json"
    path.write_text(table_json(["a"] * 50_000 + ["a~3", "a"], []))
    with TableText(path) as table:
        names = table.columns()
    assert names[:3] == ["a", "a~2", "a~3"]
    assert names[-2:] == ["a~3~2", "a~50001"]
    assert len(set(names)) == len(names)
    path.write_text(f'{{"columns": [{"[" * 900}{"]" * 900}], "data": []}}')
    with TableText(path) as table, pytest.raises(MalformedError, match="nested too deep"):
        table.columns()


def test_half_a_character_in_what_names_a_table() -> None:
    text = '{"_type": "table-file", "path": "\\ud800", "sha256": "\\ud800", "nrows": 1e400}'
    found = references._table("k", text, 0)
    assert found is not None
    assert (found.path, found.sha256, found.logged_rows) == ("\\ud800", "\\ud800", None)
