"""What is odd about the stored runs: the rules of ``sql/checks`` asked over the views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb

from dakota_wh.errors import BadQuery, NothingFound
from dakota_wh.sql import rules as registry
from dakota_wh.warehouse import catalogue, gate
from dakota_wh.warehouse.connection import (
    GIVE_MEMORY,
    check_is_warehouse,
    connect,
    retrying,
    unreadable,
)
from dakota_wh.warehouse.findings import Finding, ask
from dakota_wh.warehouse.layout import stored_run_ids
from dakota_wh.warehouse.query import known_runs
from dakota_wh.warehouse.quoting import literal
from dakota_wh.warehouse.relations import mentioned
from dakota_wh.warehouse.required import ask_required, refuse_empty

#: Views that take long, and that many rules read.
_ASKED_OFTEN: Final = ("metric_health_v1", "training_dynamics_v1")
#: The rules that say what the reward did meanwhile, of trainings in which something fell.
_OF_WHAT_FELL: Final = ("entropy_collapse", "length_collapse")


def check(
    root: Path,
    runs: Sequence[str] = (),
    *,
    require_nonzero: Sequence[str] = (),
    thresholds: Mapping[str, float] | None = None,
    timeout: float | None = None,
    memory_limit: str | None = None,
) -> list[Finding]:
    """Ask every rule; return what was found, the most severe first.

    Args:
        root: the warehouse's folder.
        runs: only findings about these; all runs where none is named.
        require_nonzero: metrics, by name or by a pattern with ``*`` and ``?``, that the training of
            each of the runs must log, and not only as 0; where no run is named, some training must.
        thresholds: other values than the defaults, by ``rule.parameter``.
        timeout: seconds after which it is stopped.
        memory_limit: as DuckDB writes sizes, ``2GB``.

    Raises:
        NotAWarehouse: there is none, or a file of it cannot be read.
        NothingFound: the warehouse holds no run.
        NoSuchRun: a run that does not exist.
        UsageProblem: a threshold that does not exist or cannot be so, a required metric that has
            no name.
        BadQuery: it takes too long or too much memory.
    """
    values = registry.thresholds(thresholds or {})
    refuse_empty(require_nonzero)
    check_is_warehouse(root)
    if not stored_run_ids(root):
        raise NothingFound("There is no run to check.", hint="Ingest one: dakota-wh ingest …")
    known_runs(root, runs)
    catalogue.refresh(root)
    limits = timeout, memory_limit
    try:
        found = retrying(lambda: list(_ask_all(root, runs, require_nonzero, values, *limits)))
    except duckdb.InterruptException:
        raise
    except duckdb.OutOfMemoryException as error:
        raise BadQuery(
            f"The check failed: {gate.message(error)}",
            hint=GIVE_MEMORY,
        ) from error
    except duckdb.Error as error:
        raise unreadable(root, error) from error
    return sorted((finding for finding in found if finding.severity), key=_order)


def _order(finding: Finding) -> tuple[int, str, str, str]:
    rank = registry.SEVERITIES.index(finding.severity)
    return -rank, finding.run_id or "", finding.check, finding.metric or ""


def _ask_all(
    root: Path,
    runs: Sequence[str],
    required: Sequence[str],
    values: Mapping[str, Mapping[str, float | str]],
    timeout: float | None,
    memory_limit: str | None,
) -> Iterator[Finding]:
    rules = registry.all_checks()
    with (
        connect(
            root, mentioned(registry.relations_of(rules)), memory_limit=memory_limit
        ) as connection,
        gate.time_limit(connection, timeout),
    ):
        for name in _ASKED_OFTEN:  # computed once; a temporary table goes before a view
            connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {name}")
        _evidence_of_what_fell(connection, values)
        for rule in rules:
            if rule.name == registry.REQUIRED:
                yield from ask_required(connection, rule, required, runs)
                continue
            for finding in ask(connection, rule, values[rule.name]):
                if not runs or finding.run_id in (*runs, None):
                    yield finding


def _evidence_of_what_fell(
    connection: duckdb.DuckDBPyConnection, values: Mapping[str, Mapping[str, float | str]]
) -> None:
    # The dearest view of all: of these runs only, once for both rules.
    fell = connection.execute(
        "SELECT DISTINCT orchestrator_run_id FROM training_dynamics_v1"
        " WHERE orchestrator_run_id IS NOT NULL AND drop_share >= ?",
        [min(values[rule]["least_drop"] for rule in _OF_WHAT_FELL)],
    ).fetchall()
    connection.execute(
        "CREATE TEMP TABLE trend_evidence_v1 AS SELECT * FROM trend_evidence_v1 WHERE run_id IN ("
        + ", ".join(literal(run) for (run,) in fell or [("",)])
        + ")"
    )
