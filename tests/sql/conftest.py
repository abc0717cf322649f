"""Tables made by hand under the views, asked in DuckDB 2.0 and in the 1.5 shell."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dakota_wh.sql import views

Row = dict[str, Any]
Ask = Callable[["Tables", str], list[Row]]

SCHEMAS = {
    "stored_runs": "run_id VARCHAR, role VARCHAR, entity VARCHAR, project VARCHAR, name VARCHAR,"
    " run_group VARCHAR, job_type VARCHAR, notes VARCHAR, tags VARCHAR, sweep_id VARCHAR,"
    " url VARCHAR, state VARCHAR, created_at TIMESTAMP, source VARCHAR, source_name VARCHAR,"
    " rows BIGINT, steps BIGINT, first_step BIGINT, last_step BIGINT, expected_rows BIGINT,"
    " completeness VARCHAR, evidence VARCHAR, sampled VARCHAR, gaps BIGINT, duplicate_steps BIGINT,"
    " collapsed_rows BIGINT, unstepped_rows BIGINT, lost_records BIGINT, step_key VARCHAR,"
    " step_evidence VARCHAR, role_evidence VARCHAR, segments BIGINT, started_at DOUBLE,"
    " ended_at DOUBLE, lossy VARCHAR, warnings VARCHAR, ingested_at TIMESTAMP, dakota_wh VARCHAR,"
    " generation BIGINT",
    "stored_history": 'run_id VARCHAR, role VARCHAR, _step BIGINT, "reward/mean" DOUBLE,'
    ' "reward/mean::json" VARCHAR, _row BIGINT, _part BIGINT, _segment BIGINT',
    "stored_metrics": "run_id VARCHAR, role VARCHAR, metric VARCHAR, step BIGINT, ord BIGINT,"
    " value DOUBLE",
    "stored_series": "run_id VARCHAR, role VARCHAR, metric VARCHAR, writer VARCHAR, kind VARCHAR,"
    " kind_rank BIGINT, samples BIGINT, nonfinite BIGINT, first_step BIGINT, last_step BIGINT,"
    " axis VARCHAR, sign BIGINT DEFAULT 1, not_numbers BIGINT, numbers BIGINT, mean DOUBLE,"
    " median DOUBLE, std DOUBLE, min DOUBLE, max DOUBLE, initial DOUBLE, final DOUBLE,"
    " initial_step BIGINT, final_step BIGINT, first_half_mean DOUBLE, second_half_mean DOUBLE,"
    " improvement DOUBLE, improvement_pct DOUBLE, high_values BIGINT",
    "stored_components": "run_id VARCHAR, role VARCHAR, metric VARCHAR, weight DOUBLE,"
    " contribution DOUBLE, share DOUBLE, dead BOOLEAN, r2 DOUBLE, residual DOUBLE,"
    " reward_metric VARCHAR, state VARCHAR, evidence VARCHAR, assumed_weight_left DOUBLE,"
    " intercept DOUBLE, r2_of_changes DOUBLE, samples BIGINT, method BIGINT",
    "stored_pairs": "orchestrator_run_id VARCHAR, trainer_run_id VARCHAR, fixed_at TIMESTAMP",
    "stored_steps": "run_id VARCHAR, role VARCHAR, step BIGINT, timestamp DOUBLE, runtime DOUBLE,"
    " log_rows BIGINT, first_timestamp DOUBLE",
    "stored_timed": "run_id VARCHAR, role VARCHAR, metric VARCHAR, timestamp DOUBLE,"
    " runtime DOUBLE, value DOUBLE, log_row BIGINT",
    "stored_summary": "run_id VARCHAR, role VARCHAR, key VARCHAR, value DOUBLE, text VARCHAR,"
    " type VARCHAR, path VARCHAR",
    "stored_config": "run_id VARCHAR, role VARCHAR, key VARCHAR, value DOUBLE, text VARCHAR,"
    " type VARCHAR, path VARCHAR",
    "stored_streams": "run_id VARCHAR, role VARCHAR, stream VARCHAR, state VARCHAR, rows BIGINT,"
    " sampled VARCHAR, evidence VARCHAR, source VARCHAR, source_name VARCHAR, fetched_at TIMESTAMP",
    "stored_system": "run_id VARCHAR, role VARCHAR, metric VARCHAR, label VARCHAR,"
    " timestamp DOUBLE, runtime DOUBLE, value DOUBLE, text VARCHAR, sampled BOOLEAN",
    "stored_files": "run_id VARCHAR, role VARCHAR, kind VARCHAR, name VARCHAR, type VARCHAR,"
    " version BIGINT, size BIGINT, digest VARCHAR, relation VARCHAR, files BIGINT,"
    " aliases VARCHAR, changed_at TIMESTAMP",
    "stored_tables": "run_id VARCHAR, role VARCHAR, key VARCHAR, step BIGINT, rows BIGINT,"
    " columns BIGINT, path VARCHAR, sha256 VARCHAR, state VARCHAR, why VARCHAR, kind VARCHAR,"
    " log_mode VARCHAR, logged_rows BIGINT, logged_columns BIGINT, size BIGINT, log_step BIGINT,"
    " content BIGINT",
    "stored_table_rows": "run_id VARCHAR, role VARCHAR, row_number BIGINT, content BIGINT,"
    " _part BIGINT",
}


def literal(value: object) -> str:
    """A value in SQL, exact to the last bit."""
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"'{value!r}'::DOUBLE"
    if isinstance(value, bool | int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


@dataclass
class Tables:
    """The stored relations, row by row."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in SCHEMAS})

    def run(self, run_id: str, role: str, **facts: object) -> None:
        self.rows["stored_runs"].append({"run_id": run_id, "role": role, **facts})

    def metric(
        self,
        run_id: str,
        metric: str,
        values: Sequence[float | None] | Mapping[int, float],
        *,
        role: str = "orchestrator",
        writer: str | None = None,
        kind: str | None = None,
        kind_rank: int | None = None,
    ) -> None:
        """A metric by step (``None``: not logged), with the series row that belongs to it."""
        steps = values.items() if isinstance(values, Mapping) else enumerate(values)
        logged = [(step, float(value)) for step, value in steps if value is not None]
        samples = 0
        key = {"run_id": run_id, "role": role, "metric": metric}
        for step, value in logged:
            finite = math.isfinite(value)
            row = {**key, "step": step, "ord": samples if finite else None, "value": value}
            self.rows["stored_metrics"].append(row)
            samples += finite
        self.rows["stored_series"].append(
            {
                **key,
                "writer": writer,
                "kind": kind,
                "kind_rank": kind_rank,
                "samples": samples,
                "nonfinite": len(logged) - samples,
                "first_step": logged[0][0] if logged else None,
                "last_step": logged[-1][0] if logged else None,
            }
        )

    def steps(self, run_id: str, role: str, times: Iterable[float], first: int = 0) -> None:
        for step, time in enumerate(times, first):
            row = {"run_id": run_id, "role": role, "step": step, "timestamp": time, "log_rows": 1}
            self.rows["stored_steps"].append(row)

    def setting(self, run_id: str, role: str, key: str, value: str | float | None) -> None:
        """A config key; ``None`` is a logged null."""
        self.rows["stored_config"].append({"run_id": run_id, "role": role, **fact(key, value)})

    def summary(self, run_id: str, role: str, key: str, value: str | float) -> None:
        self.rows["stored_summary"].append({"run_id": run_id, "role": role, **fact(key, value)})

    def sql(self) -> list[str]:
        """The statements that make the tables and fill them."""
        statements = [f"CREATE TABLE {name} ({schema})" for name, schema in SCHEMAS.items()]
        return statements + self.inserts()

    def inserts(self) -> list[str]:
        return [
            f"INSERT INTO {name} ({', '.join(columns)}) VALUES {', '.join(values)}"
            for name, rows in self.rows.items()
            for columns, values in grouped(rows).items()
        ]


def fact(key: str, value: str | float | None) -> Row:
    if value is None:
        return {"key": key, "text": "null", "type": "null"}
    if isinstance(value, str):
        return {"key": key, "text": value, "type": "string"}
    return {"key": key, "value": float(value), "text": str(value), "type": "number"}


def grouped(rows: Iterable[Row]) -> dict[tuple[str, ...], list[str]]:
    """Rows as SQL tuples, by the columns that they fill."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        columns = tuple(f'"{column}"' for column in row)
        text = "(" + ", ".join(map(literal, row.values())) + ")"
        groups.setdefault(columns, []).append(text)
    return groups


def view_statements(query: str = "") -> list[str]:
    """Views over the stored relations, and each newest version under its plain name.

    All of them, or only those that a query mentions and what these read.
    """
    registry = views.registry()
    wanted = {*re.findall(r"\w+", query)} or {*registry.views, *registry.aliases}
    plain = {name: relation for name, relation in registry.aliases.items() if name in wanted}
    relations = [name for name in registry.views if name in wanted or name in plain.values()]
    created = [name for name in registry.closure(relations) if name in registry.views]
    return [
        *(f"CREATE VIEW {name} AS {registry.views[name].sql}" for name in created),
        *(f"CREATE VIEW {name} AS FROM {relation}" for name, relation in plain.items()),
    ]


def laid(tables: Tables) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB 2.0 with the tables and the views on top."""
    connection = duckdb.connect()
    for statement in [*tables.sql(), *view_statements()]:
        connection.execute(statement)
    return connection


def fetch(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    result = connection.execute(query)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@pytest.fixture(params=["duckdb 2", "shell 1.5"])
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    """Answers a query over tables: in this process's DuckDB, then in the older real shell."""
    if request.param == "duckdb 2":
        again: Ask = request.getfixturevalue("ask_again")
        return again

    def ask_shell(tables: Tables, query: str) -> list[Row]:
        answer = tmp_path / "answer.parquet"
        script = [*tables.sql(), *view_statements(query), f"COPY ({query}) TO '{answer}'"]
        shell = Path(sys.executable).with_name("duckdb")
        done = subprocess.run(
            [str(shell), "-bail", "-init", "/dev/null"],
            input=";\n".join([*script, ""]),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert answer.exists(), done.stderr
        with duckdb.connect() as connection:
            return fetch(connection, f"FROM read_parquet('{answer}')")

    return ask_shell


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture(scope="session")
def ask_again() -> Iterator[Ask]:
    """As ``ask``, over one connection that is emptied each time: for many small questions."""
    with laid(Tables()) as connection:

        def answer(tables: Tables, query: str) -> list[Row]:
            for statement in [*(f"DELETE FROM {name}" for name in SCHEMAS), *tables.inserts()]:
                connection.execute(statement)
            return fetch(connection, query)

        yield answer


@pytest.fixture(scope="session")
def new_tables() -> type[Tables]:
    return Tables
