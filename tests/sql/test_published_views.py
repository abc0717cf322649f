"""What every published view must keep: its documented columns, and the portable subset of SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.optimizer.scope import traverse_scope

from dakota_wh.spark import portable
from dakota_wh.sql import lock, views

if TYPE_CHECKING:
    from tests.sql.conftest import Ask, Tables

VIEWS = {view.relation: view for view in views.all_views()}
every_view = pytest.mark.parametrize("relation", VIEWS)

CONTRACT = {
    "runs": "run_id role entity project name state created_at source rows first_step last_step"
    " expected_rows completeness ingested_at",
    "history": "run_id role",
    "metrics": "run_id role metric step ord value",
    "steps": "run_id role step timestamp runtime log_rows",
    "summary": "run_id role key value text",
    "config": "run_id role key value text",
    "reward_stats": "run_id role metric samples mean median std min max final nonfinite",
    "reward_trends": "run_id role metric samples first_half_mean second_half_mean improvement"
    " improvement_pct",
    "training_stats": "run_id role metric samples mean median std min max final nonfinite",
    "training_trends": "run_id role metric samples first_half_mean second_half_mean improvement"
    " improvement_pct",
    "reward_components": "run_id role metric weight contribution share dead r2 residual",
    "run_pairs": "orchestrator_run_id trainer_run_id score evidence",
    "reward_loss_by_step": "orchestrator_run_id trainer_run_id step reward loss entropy kl"
    " grad_norm",
    "reward_loss_by_policy": "orchestrator_run_id trainer_run_id step reward loss entropy kl"
    " grad_norm policy_step",
    "reward_loss_correlation": "orchestrator_run_id trainer_run_id lag metric n pearson"
    " pearson_diff",
    "reward_milestones": "run_id role metric milestone target step value",
    "metric_health": "run_id role metric samples constant dead saturated nonfinite gaps duplicates",
}


def parsed(relation: str) -> exp.Expression:
    tree = sqlglot.parse_one(VIEWS[relation].sql, read="duckdb")
    assert isinstance(tree, exp.Expression)
    return tree


@every_view
def test_documented_columns_are_the_columns(ask: Ask, tables: Tables, relation: str) -> None:
    query = f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{relation}'"
    rows = ask(tables, f"{query} ORDER BY column_index")
    found = [(row["column_name"], row["data_type"]) for row in rows]
    view = VIEWS[relation]
    documented = [(column.name, column.type) for column in view.columns]
    assert (found[: len(documented)] if view.rest else found) == documented
    assert all(column.description for column in view.columns)


def test_history_has_the_logged_keys_and_no_bookkeeping(ask: Ask, tables: Tables) -> None:
    tables.rows["stored_history"].append({"run_id": "r", "role": "single", "reward/mean": 0.5})
    (row,) = ask(tables, "FROM history")
    assert list(row) == ["run_id", "role", "_step", "reward/mean", "reward/mean::json"]


def test_the_contract_comes_first() -> None:
    for name, columns in CONTRACT.items():
        wanted = columns.split()
        view = views.find_view(name, 1)
        assert [column.name for column in view.columns][: len(wanted)] == wanted, name


@every_view
def test_only_the_portable_subset(relation: str) -> None:
    """What is known to answer alike on DuckDB 2.0, on the 1.5 shell and, carried over, on Spark."""
    portable.check(parsed(relation), relation)


@every_view
def test_columns_are_named(relation: str) -> None:
    """A star only over what the same file names, in count(*), and where data gives columns."""
    tree = parsed(relation)
    local = {cte.alias for cte in tree.find_all(exp.CTE)}
    for star in tree.find_all(exp.Star):
        if isinstance(star.parent, exp.Count) or relation in ("history_v1", "table_rows_v1"):
            continue
        select = star.find_ancestor(exp.Select)
        assert select is not None
        read = [*select.find_all(exp.Table, bfs=True)]
        assert {table.name for table in read} <= local, star.parent
        assert select is not tree


@every_view
def test_it_becomes_spark_sql(relation: str) -> None:
    sql = sqlglot.transpile(
        VIEWS[relation].sql, read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE
    )
    assert len(sql) == 1
    assert sqlglot.parse_one(sql[0], read="spark")
    assert "APPROX" not in sql[0].upper()


@every_view
def test_dependencies_are_the_tables_that_it_reads(relation: str) -> None:
    read = {
        source.name
        for scope in traverse_scope(parsed(relation))
        for source in scope.sources.values()
        if isinstance(source, exp.Table)
    }
    assert views.dependencies(VIEWS[relation]) == sorted(read)
    if any(name.startswith("stored_") for name in read):
        # The rows of logged tables lie apart from the keys and steps that they were logged under.
        stored = {"stored_tables", "stored_table_rows"} if relation == "table_rows_v1" else set()
        assert len(read - stored) == (not stored), "only a base view reads what is stored"


def test_every_view_is_locked() -> None:
    registry = views.registry()
    assert lock.problems(lock.read(), lock.current(registry)) == {}


def test_no_view_has_a_semicolon_or_a_later_comment_that_hides_code() -> None:
    for view in VIEWS.values():
        assert ";" not in view.sql.replace("'; '", ""), view.relation  # the evidence's separator
        assert not view.sql.splitlines()[-1].startswith("--"), view.relation
