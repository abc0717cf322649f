"""What is odd about the stored runs: the rules of ``sql/checks`` asked over the views."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from dakota_wh.errors import BadQuery, NothingFound
from dakota_wh.sql import rules as registry
from dakota_wh.sql.rules import Check
from dakota_wh.warehouse import catalogue, gate
from dakota_wh.warehouse.connection import check_is_warehouse, connect, retrying
from dakota_wh.warehouse.layout import stored_run_ids
from dakota_wh.warehouse.query import known_runs
from dakota_wh.warehouse.quoting import literal
from dakota_wh.warehouse.relations import mentioned

_OWN: Final = ("run_id", "severity", "metric")
#: Views that take long, and that many rules read.
_ASKED_OFTEN: Final = ("metric_health_v1", "training_dynamics_v1")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found: a fact with its numbers, and no verdict on the research."""

    #: None where it is about all runs together.
    run_id: str | None
    #: info, warning or error.
    severity: str
    #: The rule's name.
    check: str
    metric: str | None
    #: A sentence for a person.
    what: str
    numbers: Mapping[str, Any]
    #: A SELECT that shows it: ``dakota-wh sql "…"``.
    evidence: str


def check(
    root: Path,
    runs: Sequence[str] = (),
    *,
    require_nonzero: Sequence[str] = (),
    thresholds: Mapping[str, float] | None = None,
    timeout: float | None = None,
) -> list[Finding]:
    """Ask every rule; return what was found, the most severe first.

    Args:
        root: the warehouse's folder.
        runs: only findings about these; all runs where none is named.
        require_nonzero: metrics, by name or glob, that some run must log and none only as 0.
        thresholds: other values than the defaults, by ``rule.parameter``.
        timeout: seconds after which it is stopped.

    Raises:
        NothingFound: the warehouse holds no run.
        NoSuchRun, UsageProblem: a run or a threshold that does not exist.
        BadQuery: it takes too long.
    """
    values = registry.thresholds(thresholds or {})
    check_is_warehouse(root)
    if not stored_run_ids(root):
        raise NothingFound("There is no run to check.", hint="Ingest one: dakota-wh ingest …")
    known_runs(root, runs)
    catalogue.refresh(root)
    found = retrying(lambda: list(_ask_all(root, require_nonzero, values, timeout)))
    wanted = [f for f in found if not runs or f.run_id in (*runs, None)]
    wanted += _not_logged(wanted, require_nonzero)
    findings = [finding for finding in wanted if finding.severity]
    return sorted(findings, key=_order)


def _order(finding: Finding) -> tuple[int, str, str, str]:
    rank = registry.SEVERITIES.index(finding.severity)
    return -rank, finding.run_id or "", finding.check, finding.metric or ""


def _ask_all(
    root: Path,
    required: Sequence[str],
    values: Mapping[str, Mapping[str, float | str]],
    timeout: float | None,
) -> Iterator[Finding]:
    rules = registry.all_checks()
    with (
        connect(root, mentioned(registry.relations_of(rules))) as connection,
        gate.time_limit(connection, timeout),
    ):
        for name in _ASKED_OFTEN:  # computed once; a temporary table goes before a view
            connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {name}")
        for rule in rules:
            given = dict(values[rule.name])
            if rule.name != registry.REQUIRED:
                yield from _ask(connection, rule, given)
                continue
            for metric in dict.fromkeys(required):
                yield from _ask(connection, rule, {**given, "required": metric})


def _ask(
    connection: duckdb.DuckDBPyConnection, rule: Check, values: Mapping[str, float | str]
) -> Iterator[Finding]:
    try:
        answer = connection.execute(rule.sql, dict(values))
    except (duckdb.IOException, duckdb.InterruptException):
        raise  # a file vanished under the reader: the caller tries again; or the time is up
    except duckdb.Error as error:
        raise BadQuery(f"The rule {rule.name} failed: {gate.message(error)}") from error
    names = [column[0] for column in answer.description or ()]
    for row in answer.fetchall():
        yield _finding(rule, dict(zip(names, row, strict=True)), values)


def _finding(rule: Check, row: Mapping[str, Any], values: Mapping[str, float | str]) -> Finding:
    numbers = {name: value for name, value in row.items() if name not in _OWN}
    return Finding(
        run_id=row["run_id"],
        severity=row["severity"] or "",
        check=rule.name,
        metric=row["metric"],
        what=rule.says.format_map({name: _shown(value) for name, value in row.items()}),
        numbers={**numbers, "thresholds": dict(values)} if values else numbers,
        evidence=rule.evidence.format_map({name: _in_sql(value) for name, value in row.items()}),
    )


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "unknown" if value is None else str(value)


def _in_sql(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float) and not math.isfinite(value):
        return f"CAST('{value}' AS DOUBLE)"
    return str(value) if isinstance(value, int | float) else literal(str(value))


def _not_logged(found: Iterable[Finding], required: Sequence[str]) -> Iterator[Finding]:
    """Yield an error for each required metric that none of the runs logs."""
    asked = {
        str(finding.numbers["thresholds"]["required"])
        for finding in found
        if finding.check == registry.REQUIRED
    }
    for metric in dict.fromkeys(required):
        if metric not in asked:
            yield Finding(
                run_id=None,
                severity="error",
                check=registry.REQUIRED,
                metric=metric,
                what=f"{metric} is required, and no run logs it",
                numbers={},
                evidence=f"SELECT run_id, metric FROM series WHERE metric GLOB {literal(metric)}",
            )
