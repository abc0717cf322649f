"""The edge rules of the statistics, on runs that went through an ingest."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from dakota_wh.api import Warehouse
from tests.ingest.kit import Log, Row, land, numbered, write_csv, write_json

Values = Sequence[float | None]
NAN, INF = math.nan, math.inf


def stats_and_trend(warehouse: Warehouse, path: Path) -> tuple[Row, Row | None]:
    land(warehouse, path)
    (stats,) = warehouse.query("reward_stats").dicts()
    trends = warehouse.query("reward_trends").dicts()
    assert len(trends) <= 1
    return stats, trends[0] if trends else None


def test_ten_samples_have_no_trend(warehouse: Warehouse, tmp_path: Path) -> None:
    stats, trend = stats_and_trend(warehouse, write_csv(tmp_path, "r", numbered(range(10))))
    assert trend is None
    assert (stats["samples"], stats["mean"], stats["median"], stats["final"]) == (10, 4.5, 4.5, 9)


@pytest.mark.parametrize(
    ("values", "first", "second", "pct"),
    [
        pytest.param(range(11), 2.0, 7.5, 275.0, id="11 samples are 5 and 6"),
        pytest.param([0.0] * 5 + [1.0] * 6, 0.0, 1.0, None, id="first half 0"),
        pytest.param([-1.0] * 6 + [1.0] * 6, -1.0, 1.0, 200.0, id="negative first half"),
        pytest.param(
            [1, None, 2, 3, 4, 5, 6, None, 7, 8, 9, 10, 11],
            3.0,
            8.5,
            550 / 3,
            id="nulls are dropped before counting",
        ),
        pytest.param([-2.0] * 6 + [-4.0] * 6, -2.0, -4.0, -100.0, id="falls below zero"),
        pytest.param(
            [NAN, 0, 1, INF, 2, 3, 4, -INF, 5, 6, 7, 8, 9, 10, NAN],
            2.0,
            7.5,
            275.0,
            id="what is not finite does not count",
        ),
    ],
)
def test_halves(
    warehouse: Warehouse,
    tmp_path: Path,
    values: Values,
    first: float,
    second: float,
    pct: float | None,
) -> None:
    _, trend = stats_and_trend(warehouse, write_csv(tmp_path, "r", numbered(values)))
    assert trend is not None
    assert trend["first_half_mean"] == pytest.approx(first, rel=1e-12)
    assert trend["second_half_mean"] == pytest.approx(second, rel=1e-12)
    assert trend["improvement"] == pytest.approx(second - first, rel=1e-12)
    if pct is None:
        assert trend["improvement_pct"] is None
    else:
        assert trend["improvement_pct"] == pytest.approx(pct, rel=1e-12)


def test_nulls_do_not_make_up_the_number(warehouse: Warehouse, tmp_path: Path) -> None:
    values: Values = [1, None, 2, 3, 4, 5, 6, None, 7, 8, 9, 10]
    stats, trend = stats_and_trend(warehouse, write_csv(tmp_path, "r", numbered(values)))
    assert (stats["samples"], trend) == (10, None)


def test_one_sample_has_no_deviation(warehouse: Warehouse, tmp_path: Path) -> None:
    stats, trend = stats_and_trend(warehouse, write_csv(tmp_path, "r", numbered([3.5])))
    wanted = {"samples": 1, "mean": 3.5, "median": 3.5, "std": None, "min": 3.5, "max": 3.5}
    assert stats | wanted == stats
    assert (stats["initial"], stats["final"], stats["nonfinite"], trend) == (3.5, 3.5, 0, None)


MIXED: Values = [1.0, NAN, None, INF, 2.0, -INF, NAN, 3.0]


def write_log(folder: Path, rows: list[Row]) -> Path:
    return Log(folder, "r").begin("r").log(*rows).end().write()


def write_export(folder: Path, rows: list[Row]) -> Path:
    return write_json(folder, "r", rows)


def write_history(folder: Path, rows: list[Row]) -> Path:
    return write_csv(folder, "r", rows)


@pytest.mark.parametrize("write", [write_log, write_export, write_history])
def test_what_is_not_finite_is_counted_and_left_out(
    warehouse: Warehouse, tmp_path: Path, write: object
) -> None:
    assert callable(write)
    stats, _ = stats_and_trend(warehouse, write(tmp_path, numbered(MIXED)))
    wanted = {"samples": 3, "nonfinite": 4, "mean": 2.0, "median": 2.0, "std": 1.0}
    assert stats | wanted == stats
    assert (stats["min"], stats["max"], stats["initial"], stats["final"]) == (1, 3, 1, 3)
    assert (stats["first_step"], stats["last_step"]) == (0, 7)
    metrics = warehouse.query("metrics").rows()
    assert [repr(row[-1]) for row in metrics] == [repr(v) for v in MIXED if v is not None]
    assert [row[-2] for row in metrics] == [0, None, None, 1, None, None, 2]
    history = warehouse.sql('SELECT "reward/mean" AS r FROM history ORDER BY _step').rows()
    assert [repr(value) for (value,) in history] == [repr(value) for value in MIXED]


@pytest.mark.usefixtures("with_catalogue")
@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([1.0, NAN, None, 2.0], {"isnan({})": 1, "{} > 100": 1, "{} = 'nan'": 1, "{} < 2": 1}),
        (MIXED, {"isnan({})": 2, "{} > 100": 3, "{} = 'inf'": 1, "{} < -100": 1}),
    ],
)
def test_what_is_not_finite_can_be_asked_for(
    warehouse: Warehouse, tmp_path: Path, values: Values, wanted: dict[str, int]
) -> None:
    """No reader may skip a file by a minimum and maximum that leave out NaN."""
    stats_and_trend(warehouse, write_csv(tmp_path, "r", numbered(values)))
    key = '"reward/mean"'
    shell = [str(Path(sys.executable).with_name("duckdb")), "-readonly", "-csv", "-noheader"]
    for condition, count in wanted.items():
        for relation, column in (("metrics", "value"), ("history", key)):
            query = f"SELECT count(*) FROM {relation} WHERE {condition.format(column)}"
            assert warehouse.sql(query).rows() == [(count,)], query
            command = [*shell, str(warehouse.path / "warehouse.duckdb"), query]
            assert subprocess.check_output(command, text=True).strip() == str(count), query
    (largest,) = warehouse.sql(f"SELECT max({key}) FROM history").rows()[0]
    assert math.isnan(largest)


def test_a_metric_that_was_never_finite_has_a_row(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write_csv(tmp_path, "r", numbered([NAN, INF, -INF] * 5))
    stats, trend = stats_and_trend(warehouse, path)
    assert (stats["samples"], stats["nonfinite"], trend) == (0, 15, None)
    names = ("mean", "median", "std", "min", "max", "final", "initial", "first_step", "last_step")
    assert {stats[name] for name in names} == {None}


def test_the_order_is_that_of_the_steps(warehouse: Warehouse, tmp_path: Path) -> None:
    """Rows that lie in the file in another order than their steps give the same answers."""
    rows = [{"_step": step, "reward/mean": float(step)} for step in range(20)]
    stats, trend = stats_and_trend(warehouse, write_csv(tmp_path, "r", rows[::-1]))
    assert (stats["initial"], stats["final"]) == (0.0, 19.0)
    assert trend is not None
    assert (trend["first_half_mean"], trend["second_half_mean"]) == (4.5, 14.5)


def test_a_run_without_rows_is_stored(warehouse: Warehouse, tmp_path: Path) -> None:
    landed = land(warehouse, write_csv(tmp_path, "r", []))
    assert (landed.rows, landed.completeness) == (0, "unknown")
    assert len(warehouse.query("reward_stats")) == len(warehouse.query("history")) == 0
    (row,) = warehouse.query("runs").dicts()
    assert (row["rows"], row["first_step"], row["last_step"]) == (0, None, None)


@pytest.mark.parametrize("name", ["Reward", "my SCORE", "a/reward_std", "scoreboard", "Ærewardø"])
def test_reward_metrics_by_name(warehouse: Warehouse, tmp_path: Path, name: str) -> None:
    land(warehouse, write_csv(tmp_path, "r", [{name: 1.0, "los": 2.0, "re-ward": 3.0}]))
    assert [row["metric"] for row in warehouse.query("reward_stats").dicts()] == [name]
    others = {row["metric"] for row in warehouse.query("training_stats").dicts()}
    assert others == {"los", "re-ward"}
