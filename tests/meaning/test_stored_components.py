"""The view reward_components, over what an ingest, a growth and a rebuild stored."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.ingest import components
from dakota_wh.ingest.landed import Action
from dakota_wh.sql import views
from dakota_wh.warehouse.connection import connect
from tests.ingest.kit import Log, Row, land, parts, tree, without_table

WEIGHTS = {"metrics/a": 0.6, "metrics/b": -0.2}


def rows(first: int, last: int) -> list[Row]:
    """Log rows whose reward is a weighted sum; the last component is always 0."""
    random = np.random.default_rng(7).uniform(0, 1, (200, 2))
    found = []
    for step in range(first, last):
        a, b = (float(x) for x in random[step])
        reward = WEIGHTS["metrics/a"] * a + WEIGHTS["metrics/b"] * b
        more = {"metrics/a": a, "metrics/b": b, "metrics/dead": 0, "progress/ckpt_step": step}
        found.append({"step": step, "reward/mean": reward, **more})
    return found


def answer(warehouse: Warehouse) -> list[Row]:
    return warehouse.query("reward_components").dicts()


def weights(warehouse: Warehouse) -> dict[str, float | None]:
    return {row["metric"]: row["weight"] for row in answer(warehouse)}


def test_the_owners_reward(owners: Warehouse, data: Path) -> None:
    reference = json.loads((data / "reference_results.json").read_text())["ledger_reconciliation"]
    found = {row["metric"]: row for row in answer(owners)}
    wanted = dict(reference["ols_weights"])
    wanted.pop("intercept")
    assert {n: r["weight"] for n, r in found.items() if r["weight"] is not None} == pytest.approx(
        wanted, rel=1e-9
    )
    contributions = {name: row["contribution"] for name, row in found.items()}
    expected = reference["contribution_to_half_improvement"]
    assert contributions == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert sum(row["share"] for row in found.values()) == pytest.approx(1.0, rel=1e-9)
    for name, row in found.items():
        dead = name in ("metrics/exact_match_reward", "metrics/pattern_reward")
        assert row["dead"] == dead
        assert row["state"] == ("never moved" if dead else "weighted")
        left = row["assumed_weight_left"]
        assert left == (pytest.approx(reference["dead_weight"], rel=1e-9) if dead else None)
        assert row["residual"] < 1e-12
        assert row["r2"] == pytest.approx(1.0, abs=1e-12)


def test_a_trainer_has_none(owners: Warehouse) -> None:
    assert len(owners.query("reward_components", runs=["7nikv4vp"])) == 0


def test_growing_equals_at_once(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").log(*rows(0, 15))
    land(warehouse, log.write())
    assert weights(warehouse) == pytest.approx({**WEIGHTS, "metrics/dead": None})
    land(warehouse, log.log(*rows(15, 60)).write())
    log.log(*rows(60, 120)).end()
    assert land(warehouse, log.write()).action is Action.GREW
    at_once = api.open(tmp_path / "at once")
    land(at_once, log.path)
    assert answer(warehouse) == answer(at_once)
    assert {row["samples"] for row in answer(warehouse)} == {120}
    land(warehouse, log.path)  # sweeps what the growth superseded
    before = tree(warehouse.path)
    assert land(warehouse, log.path).action is Action.UNCHANGED
    assert tree(warehouse.path) == before


def test_rebuild_and_another_role(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").log(*rows(0, 60)).end()
    land(warehouse, log.write())
    before = answer(warehouse)
    warehouse.rebuild()
    assert answer(warehouse) == before
    land(warehouse, log.path, role="single")
    assert answer(warehouse) == [{**row, "role": "single"} for row in before]
    warehouse.remove("r")
    assert answer(warehouse) == []
    assert parts(warehouse, "components", "r") == []


def test_a_new_method_is_taken_up_by_the_next_ingest(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(tmp_path, "r").begin("r").log(*rows(0, 60)).end()
    land(warehouse, log.write())
    monkeypatch.setattr(components, "METHOD", 99)
    assert land(warehouse, log.path).action is Action.STORED
    assert {row["method"] for row in answer(warehouse)} == {99}
    assert land(warehouse, log.path).action is Action.UNCHANGED


def test_a_run_without_components_has_no_file(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").log(*({"reward/mean": i} for i in range(30))).end()
    land(warehouse, log.write())
    assert parts(warehouse, "components", "r") == []
    assert answer(warehouse) == []


def older(warehouse: Warehouse, tmp_path: Path) -> Path:
    """Make the warehouse what one was before it had the two folders; return its log."""
    log = Log(tmp_path, "r").begin("r").log(*rows(0, 60)).end()
    land(warehouse, log.write())
    for table in ("components", "pairs"):
        without_table(warehouse, table)
    (warehouse.path / "warehouse.duckdb").unlink()
    return log.path


def test_an_older_warehouse_opens(warehouse: Warehouse, tmp_path: Path) -> None:
    path = older(warehouse, tmp_path)
    names = [view.relation for view in views.all_views()]
    with connect(warehouse.path, names) as connection:  # as where nothing can be written
        for name, count in (("reward_components", 0), ("fixed_pairs", 0), ("reward_stats", 4)):
            found = connection.execute(f"SELECT count(*) FROM {name}_v1").fetchall()
            assert found == [(count,)], name
        described = connection.execute("DESCRIBE reward_components_v1").fetchall()
    assert [(row[0], row[1]) for row in described] == [
        (column.name, column.type) for column in views.find_view("reward_components").columns
    ]
    assert not (warehouse.path / "components").exists()
    assert answer(warehouse) == []
    assert len(warehouse.query("run_pairs")) == 0
    with duckdb.connect(str(warehouse.path / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM reward_components").fetchall() == [(0,)]
    shell = Path(sys.executable).with_name("duckdb")
    done = subprocess.run(
        [shell, "-readonly", warehouse.path / "warehouse.duckdb", "-csv", "-noheader"],
        input="SELECT count(*) FROM reward_components JOIN fixed_pairs ON true;",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "0"
    warehouse.rebuild()
    assert weights(warehouse) == pytest.approx({**WEIGHTS, "metrics/dead": None})
    assert land(warehouse, path).action is Action.UNCHANGED
