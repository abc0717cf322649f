"""The long table against pandas: last value of a step, ord over the finite ones, in any chunks."""

from __future__ import annotations

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dakota_wh.warehouse import history as history_module
from dakota_wh.warehouse import metrics as metrics_module
from dakota_wh.warehouse.column_names import KeyPath, printed
from dakota_wh.warehouse.history import HistoryWriter, StoredHistory
from dakota_wh.warehouse.metrics import Built, RowSteps, build
from dakota_wh.warehouse.step_rows import STEPS as STEP_COLUMNS

KEYS: list[KeyPath] = [("loss",), ("Loss",), ("a", "b"), ("a.b",), ("flag",), ("late",)]
STEPS = [*range(-3, 4), 2**53 + 1, -(2**63), 2**63 - 1]

numbers = (
    st.integers(-3, 3).map(str)
    | st.sampled_from(["NaN", "Infinity", "-Infinity", "-0.0", "0.5", "1e308", "9007199254740993"])
    | st.sampled_from(["null", '"text"', "[1]", '"NaN"', "1e400"])
)
flags = st.sampled_from(["true", "false"])
Row = dict[KeyPath, str]


@st.composite
def log_rows(draw: st.DrawFn) -> list[tuple[int | None, Row]]:
    """Log rows with steps that repeat, go back, are negative, or are not there."""
    rows = []
    for _ in range(draw(st.integers(1, 25))):
        step = draw(st.none() | st.sampled_from(STEPS))
        keys = draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=4))
        rows.append((step, {k: draw(flags if k == ("flag",) else numbers) for k in keys}))
    return rows


def expected(rows: list[tuple[int | None, Row]]) -> pd.DataFrame:
    """Return metric, step, value by pandas, from the logged tokens."""
    found = []
    for position, (step, row) in enumerate(rows):
        for key, token in row.items():
            value = json.loads(token)
            number = isinstance(value, int | float)
            if step is not None and number and token != "1e400":
                found.append((printed(key), step, position, KEYS.index(key), float(value)))
    frame = pd.DataFrame(found, columns=["metric", "step", "position", "key", "value"])
    frame["step"] = frame["step"].astype("int64")
    # Of two keys of one row that print alike, the one that sorts last counts.
    frame = frame.sort_values(["metric", "step", "position", "key"], kind="stable")
    return frame.drop_duplicates(["metric", "step"], keep="last")[["metric", "step", "value"]]


def stored(
    rows: list[tuple[int | None, Row]], folder: Path, part_rows: int, chunk_rows: int, batch: int
) -> tuple[Built, pd.DataFrame, pd.DataFrame]:
    with (
        patch.object(history_module, "PART_ROWS", part_rows),
        patch.object(metrics_module, "CHUNK_ROWS", chunk_rows),
        patch.object(metrics_module, "_JOINED", 2),
    ):
        writer = HistoryWriter(folder / "history")
        for start in range(0, len(rows), batch):
            some = [row for _, row in rows[start : start + batch]]
            keys = {key for row in some for key in row}
            columns = {k: pa.array([row.get(k) for row in some], pa.string()) for k in keys}
            writer.add(len(some), columns)
        writer.flush()
        known = np.array([step is not None for step, _ in rows])
        values = np.array([0 if step is None else step for step, _ in rows], dtype=np.int64)
        history = StoredHistory(writer.written)
        try:
            assert history.rows == len(rows)
            steps = RowSteps(values, known)
            built = build(history, steps, [("_step",)], lambda table: folder / table, {})
        finally:
            history.close()
    tables = []
    for name, schema in (("metrics", metrics_module.METRICS), ("steps", STEP_COLUMNS)):
        found: list[Any] = [schema.empty_table()]
        for path in built.parts:
            if path.parent.name == name:
                with pq.ParquetFile(path) as file:
                    found.append(file.read())
        tables.append(pa.concat_tables(found).to_pandas())
    return built, tables[0], tables[1]


@given(log_rows(), st.sampled_from([1, 3, 100]), st.sampled_from([1, 4, 10**6]), st.integers(1, 9))
@settings(max_examples=40)
@example([(1, {("a", "b"): "1"}), (1, {("a.b",): "2"}), (1, {("a", "b"): "3"})], 1, 1, 1)
@example([(1, {("flag",): "true"}), (1, {("late",): "NaN"}), (1, {("late",): "null"})], 100, 1, 3)
def test_metrics_are_what_pandas_makes(
    rows: list[tuple[int | None, Row]], part_rows: int, chunk_rows: int, batch: int
) -> None:
    # Whether a key that logged a flag is one of flags throughout is a part's own affair, so the
    # comparison keeps flags under a key that logs nothing else.
    with TemporaryDirectory() as folder:
        built, frame, steps = stored(rows, Path(folder), part_rows, chunk_rows, batch)
    want = expected(rows)
    got = frame[["metric", "step", "value"]]
    assert got[["metric", "step"]].values.tolist() == want[["metric", "step"]].values.tolist()
    np.testing.assert_array_equal(got["value"].to_numpy(), want["value"].to_numpy())
    signs = [np.signbit(some["value"].to_numpy(dtype=float)).tolist() for some in (got, want)]
    assert signs[0] == signs[1] or want["value"].isna().any()
    for metric, some in frame.groupby("metric"):
        finite = [math.isfinite(value) for value in some["value"]]
        places = iter(range(sum(finite)))
        ords = [next(places) if ok else None for ok in finite]
        assert [None if pd.isna(o) else int(o) for o in some["ord"]] == ords
        series = built.series[str(metric)]
        assert (series.samples, series.nonfinite) == (sum(finite), len(finite) - sum(finite))
        assert series.first_step == some["step"].iloc[0]
        assert series.last_step == some["step"].iloc[-1]
    assert set(built.series) == set(frame["metric"])
    counted = pd.Series([s for s, _ in rows if s is not None], dtype="int64").value_counts()
    assert dict(zip(steps["step"], steps["log_rows"], strict=True)) == counted.to_dict()
    assert steps["step"].is_monotonic_increasing
    assert built.unstepped_rows == sum(step is None for step, _ in rows)
    assert built.collapsed_rows == len(rows) - built.unstepped_rows - len(counted)
    assert built.steps == len(counted)
    repeated = {
        step
        for key in {printed(k) for _, row in rows for k in row}
        for step, times in pd.Series(
            [s for s, row in rows if s is not None and _logs_number(row, key)], dtype="int64"
        )
        .value_counts()
        .items()
        if times > 1
    }
    assert built.duplicate_steps == len(repeated)


def _logs_number(row: Row, metric: str) -> bool:
    tokens = [token for key, token in row.items() if printed(key) == metric]
    return any(isinstance(json.loads(t), int | float) and t != "1e400" for t in tokens)
