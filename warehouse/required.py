"""Metrics that a training must log, and not only as 0: a gate for training scripts.

A run and its partner are one training: it is enough that one of the two logs the metric.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import duckdb

from dakota_wh.errors import UsageProblem
from dakota_wh.sql import rules
from dakota_wh.sql.rules import Check
from dakota_wh.warehouse.findings import Finding, ask
from dakota_wh.warehouse.quoting import literal
from dakota_wh.warehouse.wildcards import like


def refuse_empty(required: Iterable[str]) -> None:
    """Raise unless each of the metrics has a name.

    Raises:
        UsageProblem: one has none.
    """
    if any(not metric for metric in required):
        raise UsageProblem(
            "A required metric needs a name.", hint="For example: --require-nonzero reward/mean"
        )


def ask_required(
    connection: duckdb.DuckDBPyConnection,
    rule: Check,
    required: Sequence[str],
    runs: Sequence[str],
) -> Iterator[Finding]:
    """Yield what is missing or 0 of the required metrics, by name or pattern.

    Args:
        connection: with the views that the rule reads, and trainings.
        rule: the one that is asked about each required metric.
        required: names, or patterns with ``*`` and ``?``; an equal name goes before a pattern.
        runs: the training of each must log all of them; where none is named, some training must.
    """
    rows = connection.execute("SELECT run_id, training FROM trainings_v1").fetchall()
    training_of: dict[str, str] = dict(rows)
    wanted = {training_of[run]: run for run in reversed(runs)}
    for metric in dict.fromkeys(required):
        found = [
            finding
            for finding in ask(connection, rule, {"required": metric}, like=like(metric))
            if not runs or finding.numbers["training"] in wanted
        ]
        yield from found
        there = {finding.numbers["training"] for finding in found}
        if runs:
            for training, run in wanted.items():
                if training not in there:
                    yield _not_logged(metric, run, training_of)
        elif not found:
            yield _not_logged(metric, None, training_of)


def _not_logged(metric: str, run: str | None, training_of: Mapping[str, str]) -> Finding:
    which = f"metric LIKE {literal(like(metric))} ESCAPE '!'"
    if run is None:
        who = "no run logs it"
    else:
        members = sorted(r for r, training in training_of.items() if training == training_of[run])
        which += f" AND run_id IN ({', '.join(literal(member) for member in members)})"
        partners = [member for member in members if member != run]
        who = f"neither {run} nor its partner {partners[0]} logs it" if partners else ""
        who = who or f"{run} does not log it"
    return Finding(
        run_id=run,
        severity="error",
        check=rules.REQUIRED,
        metric=metric,
        what=f"{metric} is required, and {who}",
        numbers={},
        evidence=f"SELECT run_id, metric FROM series WHERE {which}",
    )
