"""What a rule of ``sql/checks`` finds: its rows as sentences, numbers and queries."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from dakota_wh.errors import BadQuery
from dakota_wh.sql.rules import Check
from dakota_wh.warehouse import gate
from dakota_wh.warehouse.connection import what_mends
from dakota_wh.warehouse.quoting import literal

#: Columns that are no numbers of a finding; ``words`` is a part of its sentence.
_OWN: Final = ("run_id", "severity", "metric", "words")


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


def ask(
    connection: duckdb.DuckDBPyConnection,
    rule: Check,
    thresholds: Mapping[str, float | str],
    **more: str,
) -> Iterator[Finding]:
    """Yield what the rule finds; the severity is empty where a row is no finding.

    Args:
        connection: with the views that the rule reads.
        rule: the rule.
        thresholds: its parameters, which a finding tells.
        more: what else its SELECT takes, and nobody needs to be told.

    Raises:
        BadQuery: the rule fails.
    """
    try:
        answer = connection.execute(rule.sql, {**thresholds, **more})
    except (duckdb.IOException, duckdb.InterruptException):
        raise  # a file vanished under the reader: the caller tries again; or the time is up
    except duckdb.Error as error:
        raise BadQuery(
            f"The rule {rule.name} failed: {gate.message(error)}", hint=what_mends(error)
        ) from error
    names = [column[0] for column in answer.description or ()]
    for row in answer.fetchall():
        yield _finding(rule, dict(zip(names, row, strict=True)), thresholds)


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
