"""Each key of a run has a column of its own, whatever it is called, and the same in every part."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dakota_wh.api import open as open_warehouse
from dakota_wh.warehouse import history as history_module
from dakota_wh.warehouse.column_names import (
    ColumnNames,
    KeyPath,
    field_for,
    key_of,
)
from dakota_wh.warehouse.columns import TEXT_SUFFIX
from dakota_wh.warehouse.history import HistoryWriter, StoredHistory
from dakota_wh.warehouse.metrics import RowSteps, build
from tests.warehouse.kit import ingest, shell_answers, write_json

NASTY = [
    *("a", "A", "a~2", "A~2", "a~3", "a.b", "A.B", "a::json", "a::JSON", "a::json~2", "::json"),
    *("a::json::json", "", "(empty)", ".", "..", "run_id", "RUN_ID", "role", "Role::json"),
    *("_row", "_part", "_segment", "_Part", "filename", "file_row_number", "file_index", "rowid"),
    *("_step", "_Step", "_STEP::json", "_timestamp", "_runtime", "part", "parts", "live", "stored"),
    *("q\"uo'te", "new\nline", "tab\t", "ünï", "UNÏ", "İ", "K", "ß", "SS", "😀", " ", "a ", "%41"),
    *(
        "a,b",
        "a;b--",
        "$1",
        "{files}",
        "a/b",
        "a\\b",
        "*",
        "COLUMNS(*)",
        "key=1",
        "null",
        "x" * 300,
    ),
]
names = st.sampled_from(NASTY) | st.text(max_size=4)
paths = st.lists(names, min_size=1, max_size=3).map(tuple)


@given(st.lists(paths, unique=True, max_size=12), st.integers(0, 12))
@example([("x::json",), ("x",)], 1)
@example([("_Step",), ("_step",)], 1)
@example([("a::JSON",), ("a",), ("A::json",)], 2)
def test_columns_never_meet_and_are_learnt(keys: list[KeyPath], known: int) -> None:
    first = ColumnNames()
    names = {key: first.column(key) for key in keys}
    columns = [name + suffix for name in names.values() for suffix in ("", TEXT_SUFFIX)]
    taken = ["run_id", "role", "filename", "_row", "_part", "_segment"]
    lowered = [name.lower() for name in [*columns, *taken]]
    assert len(set(lowered)) == len(lowered)
    assert all(columns)
    for key, name in names.items():
        assert not name.lower().endswith(TEXT_SUFFIX), "a number there would meet a text"
        for column, kind in ((name, pa.float64()), (name + TEXT_SUFFIX, pa.string())):
            assert key_of(field_for(key, column, kind)) == key
    for own in ("_step", "_runtime", "_timestamp"):
        assert names.get((own,), own) == own
    # The next ingest knows what is stored, through either column of a key, and goes on.
    second = ColumnNames()
    stored = [
        field_for(k, names[k] + TEXT_SUFFIX * (i % 2), (pa.int64(), pa.string())[i % 2])
        for i, k in enumerate(keys[:known])
    ]
    second.learn([pa.schema(stored)])
    again = {key: second.column(key) for key in reversed(keys)}
    assert {key: again[key] for key in keys[:known]} == {key: names[key] for key in keys[:known]}
    assert len({name.lower() for name in again.values()}) == len(keys)


def nested(keys: Sequence[KeyPath], values: Sequence[object]) -> dict[str, object]:
    """Return one log row that holds a value under each path."""
    row: dict[str, object] = {}
    for key, value in zip(keys, values, strict=True):
        inner = row
        for name in key[:-1]:
            inner = inner.setdefault(name, {})  # type: ignore[assignment]
        inner[key[-1]] = value
    return row


def columns_of(root: Path, run_id: str) -> Mapping[KeyPath, str]:
    """Return the column of each key, from the metadata of the run's files."""
    files = (root / "history").glob(f"role=*/run_id={run_id}/part-*.parquet")
    history = StoredHistory(list(files))
    try:
        fields = [field for schema in history.schemas for field in schema]
    finally:
        history.close()
    found = ((key_of(field), field.name) for field in fields)
    return {key: name for key, name in found if key is not None}


def test_both_engines_read_every_name_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run of nasty keys in three parts, and one whose texts lie beside the first's numbers."""
    plain = [
        (n,) for n in NASTY if n not in ("_timestamp", "_runtime", "_step") and "\x00" not in n
    ]
    deep = [("nest", "b"), ("nest", "c", "d"), ("nest.b",), ("nest", "c.d"), ("Nest", "b")]
    keys = [*plain, *deep]
    rows: list[dict[str, object]] = [
        {"_step": step, **nested(keys, [1000 * step + i + 0.5 for i in range(len(keys))])}
        for step in range(6)
    ]
    monkeypatch.setattr(history_module, "PART_ROWS", 1)
    root = tmp_path / "wh"
    ingest(root, write_json(tmp_path / "in", "names", rows))
    texts: list[dict[str, object]] = [
        {"_step": 0, "a": "text", "x": 1},
        {"_step": 1, "a": None, "x": "two"},
    ]
    ingest(root, write_json(tmp_path / "in", "texts", texts))
    columns = columns_of(root, "names")
    assert set(columns) == {*keys, ("_step",)}
    query = "SELECT * FROM history WHERE run_id = 'names'"
    mine = open_warehouse(root).sql(query)
    shell_columns, shell_rows = shell_answers(root, [f"({query})"])[f"({query})"]
    for names, stored in ((mine.columns, mine.rows()), (shell_columns, shell_rows)):
        assert len({name.lower() for name in names}) == len(names)
        for i, key in enumerate(keys):
            at = names.index(columns[key])
            values = {row[names.index("_step")]: row[at] for row in stored}
            assert values == {step: 1000 * step + i + 0.5 for step in range(6)}, key
    types = dict(zip(mine.columns, mine.types, strict=True))
    for key in keys:
        assert types[columns[key]] == "DOUBLE", f"{key} is a text in the union over runs"


def test_parts_keep_a_key_in_its_column(tmp_path: Path) -> None:
    """A later part in which only the key that came second is logged does not move it."""
    root = tmp_path / "history"
    writer = HistoryWriter(root)
    one = pa.array([1.0])
    writer.add(1, {("loss",): one, ("Loss",): pa.array([2.0]), ("x::json",): pa.array([3.0])})
    writer.flush()
    later = HistoryWriter(root, first_row=1)
    stored = StoredHistory(writer.written)
    later.names.learn(stored.schemas)
    stored.close()
    later.add(1, {("loss",): pa.array([4.0]), ("x",): pa.array(['"t"']), ("x::json",): one})
    later.flush()
    history = StoredHistory([*writer.written, *later.written])
    try:
        assert history.numbers(("loss",))[0].tolist() == [1.0, 4.0]
        assert history.numbers(("Loss",))[1].tolist() == [True, False]
        assert history.numbers(("x::json",))[0].tolist() == [3.0, 1.0]
        assert [(at, t.to_pylist()) for at, t in history.texts(("x",))] == [(1, ['"t"'])]
    finally:
        history.close()


def test_keys_that_print_alike_are_one_metric_in_the_order_of_logging(tmp_path: Path) -> None:
    """``{"a": {"b": …}}`` and ``"a.b"`` at one step: the one logged last counts."""
    import numpy as np

    writer = HistoryWriter(tmp_path / "history")
    writer.add(
        4,
        {
            ("a", "b"): pa.array([None, 1.0, None, 4.0]),
            ("a.b",): pa.array([0.0, None, 2.0, None]),
        },
    )
    writer.flush()
    history = StoredHistory(writer.written)
    try:
        steps = RowSteps(np.array([0, 0, 1, 1]), np.ones(4, dtype=bool))
        built = build(history, steps, [("_step",)], lambda table: tmp_path / table, {})
    finally:
        history.close()
    import pyarrow.parquet as pq

    part = next(path for path in built.parts if path.parent.name == "metrics")
    with pq.ParquetFile(part) as file:
        table = file.read().to_pylist()
    assert [(r["metric"], r["step"], r["value"]) for r in table] == [
        ("a.b", 0, 1.0),
        ("a.b", 1, 4.0),
    ]


def test_a_key_too_long_for_comfort_survives(tmp_path: Path) -> None:
    key = "k" * 20_000 + "\U0001f600"
    root = tmp_path / "wh"
    ingest(root, write_json(tmp_path / "in", "long", [{"_step": 0, key: sys.maxsize}]))
    result = open_warehouse(root).sql("SELECT metric FROM metrics")
    assert result.rows() == [(key,)]


def test_very_many_names_that_differ_in_case_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a column of its own, and finds it without a try of all the others'."""
    tries: list[str] = []
    is_taken = ColumnNames._is_taken

    def counted(names: ColumnNames, lowered: str) -> bool:
        tries.append(lowered)
        return is_taken(names, lowered)

    monkeypatch.setattr(ColumnNames, "_is_taken", counted)
    letters = "abcdefghijkl"
    keys = [
        "".join(c.upper() if n >> at & 1 else c for at, c in enumerate(letters))
        for n in range(2 ** len(letters))
    ]
    names = ColumnNames()
    columns = [names.column((key,)) for key in keys]
    assert columns[:3] == ["abcdefghijkl", "Abcdefghijkl~2", "aBcdefghijkl~3"]
    assert len({column.lower() for column in columns}) == len(keys)
    assert len(tries) < 4 * len(keys)
