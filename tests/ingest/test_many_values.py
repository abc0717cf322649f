"""A run of more values than numbers are kept for: the views compute them, and say the same."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Action
from dakota_wh.warehouse import series_numbers
from tests.ingest.kit import Log, Row, land

#: 40 rows of two metrics.
ROWS: list[Row] = [
    {"step": n, "reward/mean": n * n % 13 / 4, "loss": 1 / (n + 1)} for n in range(40)
]


def is_kept(warehouse: Warehouse) -> bool:
    """Return whether numbers are kept, of all metrics or of none."""
    ((kept,),) = warehouse.sql("SELECT DISTINCT numbers IS NOT NULL FROM series_numbers").rows()
    return bool(kept)


def check_answers(warehouse: Warehouse, rows: list[Row]) -> None:
    stats = {row["metric"]: row for row in warehouse.query("metric_stats").dicts()}
    trends = {row["metric"]: row for row in warehouse.query("metric_trends").dicts()}
    assert set(stats) == set(trends) == {"reward/mean", "loss"}
    for metric in stats:
        values = [row[metric] for row in rows]
        half = len(values) // 2
        assert stats[metric]["samples"] == len(values)
        assert stats[metric]["mean"] == pytest.approx(statistics.fmean(values), rel=1e-12)
        assert stats[metric]["median"] == pytest.approx(statistics.median(values), rel=1e-12)
        assert stats[metric]["std"] == pytest.approx(statistics.stdev(values), rel=1e-12)
        assert (stats[metric]["initial"], stats[metric]["final"]) == (values[0], values[-1])
        for name, part in (("first", values[:half]), ("second", values[half:])):
            found = trends[metric][f"{name}_half_mean"]
            assert found == pytest.approx(statistics.fmean(part), rel=1e-12)


@pytest.mark.parametrize(
    ("most", "before", "after"), [(29, False, False), (79, True, False), (80, True, True)]
)
def test_it_keeps_none(
    warehouse: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    *,
    before: bool,
    after: bool,
) -> None:
    monkeypatch.setattr(series_numbers, "MOST", most)
    log = Log(tmp_path, "r").begin("r").log(*ROWS[:15])
    land(warehouse, log.write())
    assert is_kept(warehouse) == before
    check_answers(warehouse, ROWS[:15])
    assert land(warehouse, log.log(*ROWS[15:]).end().write()).action is Action.GREW
    assert is_kept(warehouse) == after
    check_answers(warehouse, ROWS)
    warehouse.rebuild()  # at once what came in two pieces
    assert is_kept(warehouse) == after
    check_answers(warehouse, ROWS)


@pytest.mark.parametrize(("most", "kept"), [(119, True), (80, True), (40, True), (39, False)])
def test_values_count_and_not_cells(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, *, kept: bool
) -> None:
    """Each metric in every second row: 40 values in 80 cells, which may be too many or not."""
    monkeypatch.setattr(series_numbers, "MOST", most)
    wanted = [("reward/mean", "loss")[row["step"] % 2] for row in ROWS]
    rows = [{"step": row["step"], name: row[name]} for row, name in zip(ROWS, wanted, strict=True)]
    land(warehouse, Log(tmp_path, "r").begin("r").log(*rows).end().write())
    assert is_kept(warehouse) == kept
    for metric in ("reward/mean", "loss"):
        values = [row[metric] for row in rows if metric in row]
        (told,) = warehouse.query("metric_stats", metric=metric).dicts()
        assert told["samples"] == len(values) == 20
        assert told["mean"] == pytest.approx(statistics.fmean(values), rel=1e-12)
        assert told["median"] == pytest.approx(statistics.median(values), rel=1e-12)
