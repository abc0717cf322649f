"""A key of W&B in a table, a file's name or a system metric of a local log is stored nowhere."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Action
from tests.ingest.kit import land

from .logs import HandMade, table_json

KEY = "wandbKEY0123456789abcdef0123456789abcdef0123"


def test_a_key_in_a_stream(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's own files stay as they were, and a table is known by the SHA-256 that it has."""
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    run = HandMade(tmp_path / "wandb" / "run-x-hand")
    run.stats(1, {f"gpu.{KEY}": "0.5", "host": f'"of {KEY}"'})
    cells = [[f"env: {KEY}", 1, 2], ["calm", 3, 4]]
    table = run.table(table_json(["prompt", f"of {KEY}", "of ***"], cells))
    run.row({"samples": table})
    run.end()
    run.write()
    (run.folder / "files" / f"{KEY}.txt").write_text("x")
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    land(warehouse, run.folder, streams=("system", "files", "tables"))
    read = [pq.read_table(path, partitioning=None) for path in warehouse.path.rglob("*.parquet")]
    assert not [one for one in read if KEY in f"{one.schema} {one.to_pylist()}"]
    rows = warehouse.sql(
        'SELECT "prompt::json", "of ***", "of ****" FROM table_rows ORDER BY 2'
    ).rows()
    assert rows == [('"env: ***"', 1, 2), ('"calm"', 3, 4)]
    assert "***.txt" in {row["name"] for row in warehouse.query("files").dicts()}
    assert {path: path.read_bytes() for path in before} == before
    again = land(warehouse, run.folder, streams=("system", "files", "tables"))
    assert again.action is Action.UNCHANGED
