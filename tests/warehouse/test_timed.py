"""Every number is by step or by time: in the metrics of a step, or in a row of its own."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.warehouse.history import HistoryWriter, StoredHistory
from dakota_wh.warehouse.metrics import OwnAxis, RowSteps, build
from dakota_wh.warehouse.timed import write_timed

KEYS = ("a", "b", "c")

#: A log row: its step or none, its step on another key's axis or none, and what it logs.
logged = st.tuples(
    st.none() | st.integers(-3, 3),
    st.none() | st.integers(0, 5),
    st.dictionaries(st.sampled_from(KEYS), st.floats(allow_subnormal=False)),
)


def axis(found: list[int | None]) -> RowSteps:
    known = np.array([step is not None for step in found], dtype=bool)
    return RowSteps(np.array([step or 0 for step in found], dtype=np.int64), known)


def rows_of(path: Path | None) -> list[dict[str, Any]]:
    return [] if path is None else pq.ParquetFile(path).read().to_pylist()


@settings(max_examples=25)
@given(st.lists(logged, min_size=1, max_size=12), st.integers(0, 100))
def test_no_number_is_lost_and_none_is_twice(rows: list[Any], first_row: int) -> None:
    """``c`` is counted by another key; of a step logged twice the last number counts."""
    main, other = axis([row[0] for row in rows]), axis([row[1] for row in rows])
    own = {"c": OwnAxis("c/step", other)}
    columns: dict[tuple[str, ...], Any] = {
        (key,): pa.array([row[2].get(key) for row in rows], pa.float64()) for key in KEYS
    }
    columns["_timestamp",] = pa.array([10.0 + at for at in range(len(rows))])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = HistoryWriter(folder / "history")
        writer.add(len(rows), columns)
        writer.flush()
        with closing(StoredHistory(writer.written)) as history:
            built = build(history, main, [("step",)], lambda table: folder / table, {}, own)
            path = write_timed(history, main, [("step",)], folder / "timed", own, first_row)
        by_step = {
            (row["metric"], row["step"]): row["value"]
            for part in built.parts
            if part.parent.name == "metrics"
            for row in rows_of(part)
        }
        by_time = rows_of(path)
    stepped: dict[tuple[str, int], float] = {}
    timed = []
    for at, (step, count, values) in enumerate(rows):
        for key, value in sorted(values.items()):
            place = count if key == "c" else step
            if place is None:
                timed.append((key, at + first_row, 10.0 + at, None, value))
            else:
                stepped[key, place] = value
    assert repr(sorted(by_step.items())) == repr(sorted(stepped.items()))
    found = [
        (row["metric"], row["log_row"], row["timestamp"], row["runtime"], row["value"])
        for row in by_time
    ]
    assert repr(found) == repr(sorted(timed, key=lambda row: row[:2]))
    assert built.unstepped_rows == sum(row[0] is None and row[1] is None for row in rows)
