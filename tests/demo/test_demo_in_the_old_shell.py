"""The demo's warehouse, asked by the real shell of the older DuckDB."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from dakota_wh import demo
from dakota_wh.api import Warehouse
from dakota_wh.api import open as open_warehouse
from dakota_wh.sql.views import all_views

SHELL = Path(sys.executable).with_name("duckdb")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("demo")
    warehouse = open_warehouse(folder / "warehouse")
    landed = warehouse.ingest(demo.unpack(folder))
    assert {one.completeness for one in landed} == {"complete"}
    return warehouse


def asked(warehouse: Warehouse, sql: str) -> list[dict[str, str]]:
    catalogue = warehouse.path / "warehouse.duckdb"
    done = subprocess.run(
        [SHELL, "-readonly", "-csv", catalogue],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return list(csv.DictReader(done.stdout.splitlines()))


def test_every_view_answers_as_it_does_here(warehouse: Warehouse) -> None:
    names = [name for view in all_views() for name in (view.name, view.relation)]
    counts = " UNION ALL ".join(f"SELECT '{n}' AS name, count(*) AS n FROM {n}" for n in names)
    found = {row["name"]: int(row["n"]) for row in asked(warehouse, f"{counts};")}
    here = {name: len(warehouse.query(name)) for name in names}
    assert found == here
    assert here["reward_trends"] == 6
    assert here["run_pairs"] == 1
    assert here["reward_loss_by_step"] == 240


def test_what_was_planted_is_found(warehouse: Warehouse) -> None:
    """See demo/README.md: the NaN at one step of the trainer, and the dead component."""
    (nan,) = asked(warehouse, "SELECT count(*) AS n FROM metrics WHERE isnan(value);")
    assert int(nan["n"]) == 15
    dead = asked(warehouse, "SELECT metric FROM reward_components WHERE dead;")
    assert dead == [{"metric": "metrics/exact_match_reward"}]
