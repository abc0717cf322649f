"""Parts of the wide table: closed before they are heavy, and counted without being read."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.warehouse import history as history_module
from dakota_wh.warehouse.history import HistoryWriter, StoredHistory

CELLS = st.sampled_from([None, "1", "2.5", '"text"', "null", "true", str(2**53 + 1)])


def write(folder: Path, column: list[str | None], batch: int) -> list[Path]:
    writer = HistoryWriter(folder)
    for start in range(0, len(column), batch):
        cells: pa.Array[Any] = pa.array(column[start : start + batch], pa.string())
        writer.add(len(cells), {("k",): cells})
    writer.flush()
    return writer.written


def test_a_part_of_heavy_rows_is_closed_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "PART_BYTES", 250_000)
    texts = [json.dumps(f"{n}" + "x" * 100_000) for n in range(7)]
    written = write(tmp_path, [*texts], batch=1)
    with closing(StoredHistory(written)) as stored:
        parts = [array.to_pylist() for _, array in stored.texts(("k",))]
    assert [len(part) for part in parts] == [3, 3, 1]
    assert [text for part in parts for text in part] == texts


@settings(max_examples=40)
@given(
    column=st.lists(CELLS, min_size=1, max_size=12),
    batch=st.integers(1, 5),
    part_rows=st.integers(1, 6),
)
def test_values_are_counted(
    tmp_path_factory: pytest.TempPathFactory, column: list[str | None], batch: int, part_rows: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history_module, "PART_ROWS", part_rows)
        written = write(tmp_path_factory.mktemp("parts"), column, batch)
    with closing(StoredHistory(written)) as stored:
        assert stored.count([("k",)]) == sum(cell is not None for cell in column)
        assert stored.count([("k",), ("other",)]) == stored.count([("k",)])
        assert stored.count([("other",)]) == stored.count([]) == 0
