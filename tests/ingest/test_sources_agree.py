"""The same run from its log and from exports of it: the same tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from dakota_wh import api, demo
from dakota_wh.api import Warehouse
from tests.ingest.kit import COMPUTED, assert_same, assert_same_answers, stored_run, tables

RUNS = sorted(demo.RUN_IDS.values())
FACTS = (
    *("role", "name", "project", "state", "created_at", "rows", "steps", "first_step"),
    *("last_step", "completeness", "expected_rows", "step_key", "started_at", "ended_at"),
)
SAME = ("history", "metrics", "series", "steps", "summary", "config")


@pytest.fixture(scope="module")
def from_log(demo_logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = api.open(tmp_path_factory.mktemp("log") / "warehouse")
    warehouse.ingest(demo_logs)
    return warehouse


def nested(warehouse: Warehouse, view: str, run_id: str) -> dict[str, Any]:
    """Return a summary or config as W&B's service gives it."""
    tree: dict[str, Any] = {}
    for row in warehouse.query(view, runs=[run_id]).dicts():
        *path, last = json.loads(row["path"])
        inner = tree
        for key in path:
            inner = inner.setdefault(key, {})
        inner[last] = row["text"] if row["type"] == "string" else json.loads(row["text"])
    return tree


def logged(warehouse: Warehouse, run_id: str) -> Any:
    """Return the history as an Arrow table of the logged keys."""
    return warehouse.query("history", runs=[run_id]).arrow().drop_columns(["run_id", "role"])


def frame(warehouse: Warehouse, run_id: str) -> pd.DataFrame:
    """Return the history as a frame in which a missing cell is None and NaN is a float."""
    table = logged(warehouse, run_id)
    cells = {name: pd.Series(table[name].to_pylist(), dtype=object) for name in table.column_names}
    return pd.DataFrame(cells)


def info(warehouse: Warehouse, run_id: str) -> dict[str, Any]:
    row = stored_run(warehouse, run_id)
    return {
        "name": row["name"],
        "project": row["project"],
        "state": row["state"],
        "created_at": row["created_at"].isoformat(),
    }


def write_files(warehouse: Warehouse, folder: Path, run_id: str) -> None:
    """Write what lies beside a history of CSV or Parquet."""
    for kind in ("summary", "config"):
        path = folder / f"{run_id}_{kind}.json"
        path.write_text(json.dumps(nested(warehouse, kind, run_id)), encoding="utf-8")
    metadata = folder / f"{run_id}_metadata.json"
    metadata.write_text(json.dumps(info(warehouse, run_id)), encoding="utf-8")


def as_csv(warehouse: Warehouse, folder: Path, run_id: str) -> None:
    cells = frame(warehouse, run_id).map(lambda v: "NaN" if v != v else v)
    cells.to_csv(folder / f"{run_id}_history.csv", index=False, na_rep="")
    write_files(warehouse, folder, run_id)


def as_json(warehouse: Warehouse, folder: Path, run_id: str) -> None:
    rows = frame(warehouse, run_id).to_dict("records")
    whole = {
        "run_info": {"id": run_id, **info(warehouse, run_id)},
        "config": nested(warehouse, "config", run_id),
        "summary": nested(warehouse, "summary", run_id),
        "history": [{k: v for k, v in row.items() if v is not None} for row in rows],
    }
    (folder / f"{run_id}.json").write_text(json.dumps(whole), encoding="utf-8")


def as_parquet(warehouse: Warehouse, folder: Path, run_id: str) -> None:
    pq.write_table(logged(warehouse, run_id), folder / f"{run_id}_history.parquet")
    write_files(warehouse, folder, run_id)


@pytest.mark.parametrize("write", [as_csv, as_json, as_parquet])
def test_exports_of_a_log_give_its_tables(
    warehouse: Warehouse,
    from_log: Warehouse,
    tmp_path: Path,
    write: Callable[[Warehouse, Path, str], None],
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    for run_id in RUNS:
        write(from_log, folder, run_id)
    landed = warehouse.ingest(folder)
    assert [(one.run_id, one.error) for one in landed] == [(run_id, None) for run_id in RUNS]
    assert [one.completeness for one in landed] == ["complete", "complete"]
    assert warehouse.sql("SELECT count(*) FROM metrics WHERE isnan(value)").rows() == [(15,)]
    assert_same(tables(warehouse, SAME), tables(from_log, SAME))
    assert_same_answers(warehouse, from_log, COMPUTED)
    for run_id in RUNS:
        one, other = stored_run(warehouse, run_id), stored_run(from_log, run_id)
        assert {key: one[key] for key in FACTS} == {key: other[key] for key in FACTS}
