"""A view that is asked about one run reads the metrics of that run, not of all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from dakota_wh.sql import views

if TYPE_CHECKING:
    from tests.sql.conftest import Tables

RUNS = ("first", "second", "third")


@pytest.fixture(scope="module")
def filed(
    new_tables: type[Tables], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The views over metrics in a file per run, everything else in tables."""
    folder = tmp_path_factory.mktemp("metrics")
    tables = new_tables()
    for run in RUNS:
        tables.run(run, "single", duplicate_steps=0)
        tables.steps(run, "single", [float(i) for i in range(60)])
        for kind in ("reward", "loss", "step_time", "throughput"):
            values = [i % 7 + i / 8 for i in range(60)]
            tables.metric(run, kind, values, role="single", kind=kind, kind_rank=1)
        tables.metric(run, "eval", dict.fromkeys(range(0, 60, 9), 1.0), role="single")
        tables.metric(run, "time/wait_for_batch", [1.0] * 60, role="single")
    with duckdb.connect() as connection:
        for statement in tables.sql():
            connection.execute(statement)
        connection.execute(
            f"COPY stored_metrics TO '{folder}' (FORMAT parquet, PARTITION_BY (role, run_id))"
        )
        connection.execute("DROP TABLE stored_metrics")
        connection.execute(
            "CREATE VIEW stored_metrics AS SELECT run_id, role, metric, step, ord, value"
            f" FROM read_parquet('{folder}/*/*/*.parquet', hive_partitioning = true,"
            " hive_types_autocast = false)"
        )
        registry = views.registry()
        for name in registry.closure():
            if name in registry.views:
                connection.execute(f"CREATE VIEW {name} AS {registry.views[name].sql}")
        yield connection


def scans(operators: Any) -> Iterator[dict[str, Any]]:
    for operator in operators:
        yield operator.get("extra_info", {})
        yield from scans(operator.get("children", []))


def files_read(connection: duckdb.DuckDBPyConnection, query: str) -> list[int]:
    """How many Parquet files each scan of a query read."""
    ((_, plan),) = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}").fetchall()
    found = [info for info in scans(json.loads(plan)["operator"]) if "Total Files Read" in info]
    return [int(info["Total Files Read"]) for info in found]


def about_one_run() -> list[str]:
    """The views of rows about a run that read metrics; to compare runs takes those of all."""
    registry = views.registry()
    return [
        name
        for name, view in registry.views.items()
        if {"run_id", "role"} <= {column.name for column in view.columns}
        and "metrics_v1" in registry.closure([name])
        and name != "run_comparison_v1"
    ]


@pytest.mark.parametrize("relation", about_one_run())
def test_a_filter_by_run_reaches_the_files(filed: duckdb.DuckDBPyConnection, relation: str) -> None:
    # A join's filter, which DuckDB makes while it runs, may spare a scan files: how many is a
    # matter of which thread comes first.
    everything = files_read(filed, f"FROM {relation}")
    assert max(everything) == len(RUNS), "the test sees the scans"
    one = files_read(filed, f"FROM {relation} WHERE run_id = 'second'")
    assert set(one) == {1}
    whole = filed.execute(f"FROM {relation} WHERE run_id = 'second' ORDER BY ALL").fetchall()
    filtered = [row for row in filed.execute(f"FROM {relation} ORDER BY ALL").fetchall()
                if "second" in row]  # fmt: skip
    assert whole == filtered
    assert whole
