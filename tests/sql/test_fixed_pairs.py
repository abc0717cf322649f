"""Pairs fixed by hand in the views, on both engines: first, and nobody's rivals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sql.conftest import Ask, Tables


@pytest.fixture
def filled(tables: Tables) -> Tables:
    """Two orchestrators and two trainers of one name and time: ambiguous."""
    for run_id in ("o1", "o2", "t1", "t2"):
        role = "orchestrator" if run_id[0] == "o" else "trainer"
        facts = {"name": f"n-{role}", "started_at": 0.0, "ended_at": 300.0, "last_step": 29}
        tables.run(run_id, role, **facts)
        tables.steps(run_id, role, [10.0 * step for step in range(30)])
    return tables


def fix(tables: Tables, orchestrator: str, trainer: str) -> None:
    row = {"orchestrator_run_id": orchestrator, "trainer_run_id": trainer}
    tables.rows["stored_pairs"].append(row)


QUERY = (
    "SELECT orchestrator_run_id AS o, trainer_run_id AS t, score IS NULL AS fixed, evidence,"
    " orchestrator_role AS o_role, trainer_role AS t_role FROM run_pairs ORDER BY o, t"
)


def test_without_any_it_is_ambiguous(ask: Ask, filled: Tables) -> None:
    assert ask(filled, QUERY) == []
    assert ask(filled, "SELECT count(*) AS n FROM run_pair_candidates") == [{"n": 4}]


def test_one_fixed_leaves_the_other_two(ask: Ask, filled: Tables) -> None:
    fix(filled, "o1", "t2")
    first, second = ask(filled, QUERY)
    assert (first["o"], first["t"], first["fixed"]) == ("o1", "t2", True)
    assert first["evidence"] == "fixed by hand"
    assert (first["o_role"], first["t_role"]) == ("orchestrator", "trainer")
    assert (second["o"], second["t"], second["fixed"]) == ("o2", "t1", False)


def test_a_pair_whose_run_is_not_there_waits(ask: Ask, filled: Tables) -> None:
    fix(filled, "o1", "gone")
    assert ask(filled, QUERY) == []
    assert ask(filled, "SELECT count(*) AS n FROM run_pair_candidates") == [{"n": 4}]
    assert ask(filled, "SELECT trainer_run_id AS t FROM fixed_pairs") == [{"t": "gone"}]


def test_a_run_that_holds_both_sides(ask: Ask, tables: Tables) -> None:
    tables.run("s", "shared")
    tables.run("t", "trainer")
    assert [(row["o"], row["t"]) for row in ask(tables, QUERY)] == [("s", "s")]
    fix(tables, "s", "t")
    assert [(row["o"], row["t"], row["fixed"]) for row in ask(tables, QUERY)] == [("s", "t", True)]
