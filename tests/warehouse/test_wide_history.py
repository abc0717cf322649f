"""A history of very many columns: where nothing is joined, no order of joins is looked for."""

from __future__ import annotations

import pytest

from dakota_wh.api import Warehouse
from dakota_wh.api import open as open_warehouse
from tests.warehouse.kit import constant_run, ingest, write_csv


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse of one run of 600 keys, ``k7`` being 7 times the step, and a narrow one."""
    folder = tmp_path_factory.mktemp("wide")
    steps = range(4)
    columns = {"_step": steps} | {f"k{i}": [i * step for step in steps] for i in range(600)}
    wide = write_csv(folder / "made", "wide0001", columns)
    ingest(folder / "warehouse", wide, constant_run(folder / "made", "narrow01", 1.0))
    return open_warehouse(folder / "warehouse")


def test_history_joins_itself_and_the_runs(warehouse: Warehouse) -> None:
    asked = """
        SELECT runs.run_id, early.k3, late.k599
        FROM history AS late, runs, history AS early
        WHERE early.run_id = runs.run_id AND late.run_id = runs.run_id
          AND late._step = early._step + 2 AND early.k3 IS NOT NULL
        ORDER BY early._step
    """
    expected = [("wide0001", 3 * step, 599 * (step + 2)) for step in range(2)]
    assert warehouse.sql(asked).rows() == expected
    other_way = asked.replace("history AS late, runs, history AS early",
                              "history AS early, history AS late, runs")  # fmt: skip
    assert warehouse.sql(other_way).rows() == expected


def test_one_column_is_what_was_logged(warehouse: Warehouse) -> None:
    text = "SELECT _step, k7 FROM history WHERE run_id = 'wide0001' ORDER BY _step"
    assert warehouse.sql(text).rows() == [(step, 7 * step) for step in range(4)]


@pytest.mark.parametrize(
    ("asked", "goes_without"),
    [
        ("FROM history LIMIT 1", True),
        ("from History AS h WHERE _step IN (1, 2, 3) LIMIT 1", True),
        ("FROM metrics LIMIT 1", False),
        ("FROM history, range(2) LIMIT 1", False),
        ("FROM history JOIN history AS other USING (_step) LIMIT 1", False),
        ("FROM (SELECT * FROM history) AS h LIMIT 1", False),
        ("FROM history WHERE _step IN (SELECT max(_step) FROM history) LIMIT 1", False),
        ("FROM history WHERE _step IN (FROM range(2)) LIMIT 1", False),
    ],
)
def test_only_what_joins_nothing_goes_without(
    warehouse: Warehouse, asked: str, *, goes_without: bool
) -> None:
    text = f"SELECT current_setting('disabled_optimizers') {asked}"
    assert warehouse.sql(text).rows() == [("join_order" if goes_without else "",)]
