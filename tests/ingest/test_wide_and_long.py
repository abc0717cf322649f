"""Runs with very many keys, and runs with very many rows."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq

from dakota_wh.api import Warehouse
from tests.ingest.kit import land, parts, write_csv

KEYS, ROWS = 2000, 200
LONG = 200_000


def test_two_thousand_keys(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [
        {f"layer{key}/weight.norm": key + row / 8 for key in range(KEYS)} for row in range(ROWS)
    ]
    landed = land(warehouse, write_csv(tmp_path, "wide", rows))
    assert landed.rows == ROWS
    assert len(warehouse.query("metrics")) == KEYS * ROWS
    assert len(warehouse.query("training_trends")) == KEYS
    history = warehouse.query("history", limit=3)
    assert len(history.columns) == KEYS + 5
    (total,) = warehouse.sql('SELECT sum("layer1999/weight.norm") FROM history').rows()
    assert total == (1999.0 * ROWS + sum(range(ROWS)) / 8,)
    assert len(parts(warehouse, "history", "wide")) == 1


def test_two_hundred_thousand_rows(warehouse: Warehouse, tmp_path: Path) -> None:
    """Parts are bounded, so that neither writing nor reading holds a run in memory."""
    path = tmp_path / "long_history.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["_step", *(f"k{n}" for n in range(10))])
        writer.writerows([n, *(n / (k + 2) for k in range(10))] for n in range(LONG))
    landed = land(warehouse, path)
    assert landed.rows == LONG
    counts = [pq.read_metadata(part).num_rows for part in parts(warehouse, "history", "long")]
    assert sum(counts) == LONG
    assert len(counts) in (2, 3, 4)
    assert max(counts) < 2 * 65_536
    answers = warehouse.query("training_stats").dicts()
    assert [row["samples"] for row in answers] == [LONG] * 10
    assert {row["metric"]: row["final"] for row in answers}["k8"] == (LONG - 1) / 10
    steps = warehouse.sql("SELECT min(step), max(step), count(*) FROM steps").rows()
    assert steps == [(0, LONG - 1, LONG)]
