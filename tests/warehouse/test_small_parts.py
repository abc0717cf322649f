"""Small parts that become one: the same rows, and what is large or few stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.warehouse import small_parts
from dakota_wh.warehouse.history import HistoryWriter, part_path
from dakota_wh.warehouse.metrics import METRICS
from dakota_wh.warehouse.parquet import write_table

CELLS = st.sampled_from([None, "1", "-0", "2.5", "NaN", '"text"', "null", "true", str(2**53 + 1)])
ROWS = st.lists(st.tuples(CELLS, CELLS, st.integers(0, 2)), min_size=2, max_size=14)
KEYS = (("a",), ("x", "y"))


def written(folder: Path, rows: list[tuple[Any, ...]], first: int = 0) -> list[Path]:
    """Write rows of the two keys and their segments as one part."""
    writer = HistoryWriter(folder, first)
    for *cells, segment in rows:
        there = {
            key: pa.array([cell], pa.string())
            for key, cell in zip(KEYS, cells, strict=True)
            if cell is not None
        }
        writer.add(1, there, segment)
    writer.flush()
    return writer.written


@settings(max_examples=60)
@given(rows=ROWS, size=st.integers(1, 3))
def test_joined_they_are_what_one_ingest_would_have_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]], size: int
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    before = [
        path
        for start in range(0, len(rows), size)
        for path in written(folder / "many", rows[start : start + size], start + 5)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_parts, "MANY", 1)
        assert small_parts.join("history", before, folder / "new") == before
    (new,) = (folder / "new").iterdir()
    (whole,) = written(folder / "whole", rows, 5)
    assert new.name.split("-")[1] == whole.name.split("-")[1]
    found, wanted = (pq.ParquetFile(path).read().drop_columns(["_part"]) for path in (new, whole))
    assert found.schema.equals(wanted.schema, check_metadata=True)
    assert found.equals(wanted) or repr(found.to_pylist()) == repr(wanted.to_pylist())


def long_part(folder: Path, metrics: dict[str, list[int]]) -> Path:
    names = [name for name in sorted(metrics) for _ in metrics[name]]
    steps = [step for name in sorted(metrics) for step in metrics[name]]
    part = 2 * len([*folder.glob("*")]) + 1
    columns = [names, steps, steps, [step / 2 for step in steps], [part] * len(steps)]
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, METRICS, strict=True)], METRICS)
    path = part_path(folder, min(steps), part)
    write_table(path, table)
    return path


def test_long_tables_stay_sorted_by_metric_and_step(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    parts = [long_part(folder, {"b": [n], "é": [n], "a": [n] * (n % 2)}) for n in range(-3, 13)]
    assert small_parts.join("metrics", parts, tmp_path / "new") == parts
    (new,) = (tmp_path / "new").iterdir()
    assert new.name.startswith(f"part-{-3:010d}-")
    rows = pq.ParquetFile(new).read().to_pylist()
    wanted = [("a", n) for n in range(-3, 13) if n % 2] + [
        (name, n) for name in "bé" for n in range(-3, 13)
    ]
    assert [(row["metric"], row["step"]) for row in rows] == wanted
    assert all(row["value"] == row["step"] / 2 and row["ord"] == row["step"] for row in rows)
    assert {row["_part"] for row in rows} == {int(new.stem.split("-")[-1], 16)}


def test_what_is_large_or_few_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, new = tmp_path / "metrics", tmp_path / "new"
    large = long_part(folder, {"a": np.random.default_rng(1).permutation(10**6)[:90_000].tolist()})
    small = [long_part(folder, {"a": [2 * 10**6 + n]}) for n in range(small_parts.MANY)]
    monkeypatch.setattr(small_parts, "LARGE", large.stat().st_size)
    assert small_parts.join("metrics", [large, *small[1:]], new) == []
    assert small_parts.join("metrics", [*small, large], new) == []
    assert not new.exists()
    assert small_parts.join("metrics", [large, *small], new) == small
    monkeypatch.setattr(small_parts, "LARGE", large.stat().st_size + 1)
    monkeypatch.setattr(small_parts, "_ROWS", 90_000 + small_parts.MANY - 1)
    assert small_parts.join("metrics", [large, *small], new) == small
    monkeypatch.setattr(small_parts, "_ROWS", 90_000 + small_parts.MANY)
    assert small_parts.join("metrics", [large, *small], new) == [large, *small]
