"""What W&B's own client logs, offline, is in the warehouse: every value, type and key."""

from __future__ import annotations

import json
import math
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from tests.ingest.kit import stored_run
from tests.ingest.logged_values import FLOATS, IMAGE, KEYS, ROWS

RUNS = ("asjson", "astyped")
MISSING = object()

#: Keys whose plain column is taken, by another key that differs in nothing SQL sees or by ours.
SECOND = {"nested.a": {"nested.a", "nested.a~2"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let the client write its logs, where it finds nothing of this machine's user."""
    folder = tmp_path_factory.mktemp("sdk")
    home = tmp_path_factory.mktemp("home")
    env = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    places = ("HOME", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR")
    env |= {name: str(home) for name in places}
    env |= {
        "WANDB_DIR": str(folder),
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_CONSOLE": "off",
    }
    program = Path(__file__).with_name("write_with_sdk.py")
    subprocess.run(
        [sys.executable, str(program), str(folder)], env=env, cwd=folder, check=True, timeout=240
    )
    return folder


@pytest.fixture(scope="module")
def filled(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = api.open(tmp_path_factory.mktemp("round-trip") / "warehouse")
    landed = warehouse.ingest(folder / "wandb")
    assert [(one.run_id, one.error, one.completeness) for one in landed] == [
        (run_id, None, "complete") for run_id in RUNS
    ]
    return warehouse


@pytest.fixture(params=RUNS)
def run_id(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class History:
    """The view history of one run, key by key as it was logged."""

    def __init__(self, warehouse: Warehouse, run_id: str) -> None:
        result = warehouse.query("history", runs=[run_id])
        self.rows = sorted(result.dicts(), key=lambda row: int(row["_step"]))
        self.columns = set(result.columns)

    def column(self, key: str) -> str:
        """Return the column of a key that was logged in one row, whatever suffix it has."""
        found = [c for c in self.columns if c.removesuffix("::json") == key]
        return found[0].removesuffix("::json") if found else key

    def value(self, row: int, column: str) -> Any:
        """Return what was logged: the text where there is one, else the number."""
        cells = self.rows[row]
        text = cells.get(f"{column}::json")
        if text is not None:
            return json.loads(text)
        number = cells.get(column)
        return MISSING if number is None else number

    def values(self, column: str) -> list[Any]:
        """Return all values of a column, without the rows that did not log it."""
        found = [self.value(row, column) for row in range(len(self.rows))]
        return [value for value in found if value is not MISSING]


@pytest.fixture
def history(filled: Warehouse, run_id: str) -> History:
    return History(filled, run_id)


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def of_key(key: str) -> list[Any]:
    return [row[key] for row in ROWS if key in row]


def test_every_row_is_there(history: History) -> None:
    assert [row["_step"] for row in history.rows] == list(range(len(ROWS) + 4))


def test_floats_to_the_last_bit(history: History) -> None:
    assert [bits(value) for value in history.values("float")] == [bits(value) for value in FLOATS]
    every = [bits(value) for value in of_key("every")]
    assert [bits(value) for value in history.values("every")] == every


def test_integers_of_any_size(history: History) -> None:
    got = history.values("integer")
    assert got == of_key("integer")
    assert {type(value) for value in got} == {int}


def test_counts_and_flags_keep_their_type(history: History) -> None:
    assert history.values("count") == list(range(5))
    assert {type(value) for value in history.values("count")} == {int}
    assert history.values("flag") == [True, False, True, False, True]
    assert {type(value) for value in history.values("flag")} == {bool}


def test_what_is_not_finite_is_apart_from_what_is_missing(history: History) -> None:
    got = history.values("special")
    assert [repr(value) for value in got] == ["1.5", "nan", "inf", "-inf"]
    logged = [n for n, row in enumerate(ROWS) if "special" in row]
    for n in range(len(history.rows)):
        assert (history.value(n, "special") is MISSING) == (n not in logged)


def test_none_is_apart_from_what_is_missing(history: History) -> None:
    assert history.values("none") == [None]
    at = next(n for n, row in enumerate(ROWS) if "none" in row)
    assert history.value(at, "none") is None
    assert history.value(at + 1, "none") is MISSING
    assert history.values("beside none") == [1, 2]


def test_texts(history: History) -> None:
    assert history.values("text") == of_key("text")
    assert history.values("long text") == of_key("long text")


def test_lists_and_nested_dicts(history: History) -> None:
    assert history.values("list") == of_key("list")
    assert history.values("nested.b.c") == [2.5, -1.25]
    assert history.values("nested.b.d.e") == ["t"]
    one, two = history.values("nested.a"), history.values("nested.a~2")
    assert sorted([*one, *two]) == [1, 3]


def test_a_key_whose_type_changes(history: History) -> None:
    assert history.values("mixed") == of_key("mixed")
    numbers = [row["mixed"] for row in history.rows if row["mixed"] is not None]
    assert numbers == [1, 0.5, 1, float(2**53)]  # True counts as 1


def test_every_key_has_its_own_column(history: History) -> None:
    """Also those that SQL cannot tell apart, and those that the views need themselves."""
    first = next(n for n, row in enumerate(ROWS) if KEYS[0] in row)
    for row in (first, first + 1):
        logged = ROWS[row]
        got = {
            column: history.value(row, column)
            for column in history.columns - {"run_id", "role"}
            if not column.startswith("_")
        }
        got = {column: value for column, value in got.items() if value is not MISSING}
        assert sorted(got.values()) == sorted(logged.values())
        for key, value in logged.items():
            (column,) = [column for column, found in got.items() if found == value]
            assert column == key or column.startswith(f"{key}~"), (key, column)
    taken = {key for key in KEYS if key in {"run_id", "Role", "role", "filename"}}
    assert not taken & {c for c in history.columns if c not in ("run_id", "role")}


def test_metrics_have_the_names_that_were_logged(filled: Warehouse, run_id: str) -> None:
    names = {row["metric"] for row in filled.query("series", runs=[run_id]).dicts()}
    assert set(KEYS) <= names
    assert {"float", "integer", "special", "nested.b.c", "mixed", "flag"} <= names
    assert not names & {"_step", "_runtime", "_timestamp", "text", "none", "list", "image"}


def test_media_are_json_text(history: History) -> None:
    assert history.values("image") == [IMAGE]
    (histogram,) = history.values("histogram")
    assert histogram["_type"] == "histogram"
    assert (sum(histogram["values"]), len(histogram["bins"])) == (5, 5)
    (table,) = history.values("table")
    assert (table["_type"], table["ncols"], table["nrows"]) == ("table-file", 2, 2)
    (page,) = history.values("page")
    assert (page["_type"], page["size"] > 0) == ("html-file", True)


def test_whole_floats_keep_their_type_in_a_typed_log(filled: Warehouse) -> None:
    """The other encoding writes 2.0 as 2; then the run says that it does not know."""
    wanted = {"asjson": True, "astyped": False}
    for run_id, told in wanted.items():
        assert ("integer or a float is not known" in stored_run(filled, run_id)["lossy"]) is told
    (value,) = filled.sql(
        'SELECT "float" FROM history WHERE run_id = \'astyped\' AND "float" = 1e22'
    ).rows()[0]
    assert isinstance(value, float)


def said(folder: Path, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{run_id}.said.json").read_text())
    return found


def tree_of(warehouse: Warehouse, view: str, run_id: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for row in warehouse.query(view, runs=[run_id]).dicts():
        *path, last = json.loads(row["path"])
        inner = tree
        for key in path:
            inner = inner.setdefault(key, {})
        inner[last] = row["text"] if row["type"] == "string" else json.loads(row["text"])
        number = isinstance(inner[last], int | float) and not isinstance(inner[last], bool)
        assert (row["value"] is not None) == number
        assert not number or row["value"] == float(inner[last]) or math.isnan(row["value"])
    return tree


@pytest.mark.parametrize("what", ["summary", "config"])
def test_summary_and_config_are_what_the_client_says(
    filled: Warehouse, folder: Path, run_id: str, what: str
) -> None:
    wanted = said(folder, run_id)[what]
    got = tree_of(filled, what, run_id)
    for own in ("_wandb", "_runtime"):  # bookkeeping; the second one is set anew at the very end
        wanted.pop(own, None)
        got.pop(own, None)
    assert set(got) == set(wanted)
    for key, value in wanted.items():
        assert repr(sorted_deep(got[key])) == repr(sorted_deep(value)), key
    if what == "summary":
        assert "gone" not in got
        assert (got["exact"], got["special"]) == (2**53 + 1, -math.inf)
    else:
        assert (got["lr"], got["large"], got["none"]) == (1, 2**53 + 1, None)


def sorted_deep(value: Any) -> Any:
    """Return a value with dicts in one order, and whole floats as the log writes them."""
    if isinstance(value, dict):
        return {key: sorted_deep(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [sorted_deep(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def test_nothing_of_the_machine_is_stored(filled: Warehouse, folder: Path) -> None:
    """Environment records have the user's e-mail, arguments and paths."""
    private = [str(folder).encode(), str(Path(sys.executable)).encode(), b"write_with_sdk"]
    for path in filled.path.rglob("*.parquet"):
        data = path.read_bytes()
        assert not any(words in data for words in private), path
    everything = repr([filled.query(view).rows() for view in ("runs", "config", "summary")])
    assert str(folder) not in everything


def test_what_a_run_is_called(filled: Warehouse, run_id: str) -> None:
    row = stored_run(filled, run_id)
    assert (row["name"], row["project"], row["state"]) == (f"name of {run_id}", "proj", "finished")
    assert json.loads(row["tags"]) == ["x", "y"]
    assert (row["rows"], row["expected_rows"]) == (len(ROWS) + 4, len(ROWS) + 4)
