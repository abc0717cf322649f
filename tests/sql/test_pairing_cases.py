"""Situations as they happen, made by hand: the right pairs, or none and every candidate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.sql.test_pairs import CONFIG, Config, pairs, side

if TYPE_CHECKING:
    from tests.sql.conftest import Ask, Tables

O, T = "dakota-orchestrator", "dakota-trainer"  # noqa: E741 - a side each
LATER = 1000.0


def owners(tables: Tables) -> None:
    """Exports without names; one side has a config, the other side is sampled."""
    side(tables, "o1", length=60)
    side(tables, "t1", start=19.2, lag=-10, length=59, config=CONFIG)


def reruns(tables: Tables) -> None:
    """One name three times, one after the other."""
    for number in (1, 2, 3):
        start = number * 7200
        side(tables, f"o{number}", name=O, start=start, config=CONFIG)
        side(tables, f"t{number}", name=T, start=start + 20, lag=-15, config=CONFIG)


def rerun_without_its_own(tables: Tables) -> None:
    """Of two trainings under one name, an orchestrator of the one and a trainer of the other."""
    side(tables, "o1", name=O, config=CONFIG, run_group="g")
    side(tables, "t2", name=T, start=7200, config=CONFIG, run_group="g")


def resumed_chain(tables: Tables) -> None:
    """Each attempt is a new pair, which goes on with the steps; one overlaps a little."""
    for number, first in ((1, 0), (2, 40), (3, 75)):
        start = (number - 1) * LATER
        side(tables, f"o{number}", name=O, start=start, first=first, config=CONFIG)
        side(tables, f"t{number}", name=T, start=start + 2, lag=1, first=first, config=CONFIG)


def trainer_restarted(tables: Tables) -> None:
    """One orchestrator went on while its trainer was restarted: half of its steps in each."""
    side(tables, "o1", name=O, length=80, config=CONFIG)
    side(tables, "t1", name=T, start=2, lag=1, config=CONFIG)
    side(tables, "t2", name=T, start=402, lag=1, first=40, config=CONFIG)


def trainer_restarted_hours_later(tables: Tables) -> None:
    """Its first part alone would have enough points: the others began too late for any."""
    slow: dict[str, Any] = {"config": CONFIG, "pace": 300.0}
    side(tables, "o1", name=O, length=120, **slow)
    for number in (1, 2, 3):
        first = 40 * (number - 1)
        side(tables, f"t{number}", name=T, start=2 + 300.0 * first, lag=1, first=first, **slow)


def rerun_within_one_orchestrator(tables: Tables) -> None:
    """The second trainer began anew with step 0: it went on with nothing."""
    side(tables, "o1", name=O, length=80, config=CONFIG)
    side(tables, "t1", name=T, start=2, lag=1, length=30, config=CONFIG)
    side(tables, "t2", name=T, start=402, lag=1, config={"model.name": "other"})


def two_trainings_without_their_partners(tables: Tables) -> None:
    """They began together and look alike, but for their names, groups and folders."""
    ours: Config = {**CONFIG, "output_dir": "out/alpha"}
    theirs: Config = {**CONFIG, "output_dir": "out/beta"}
    side(tables, "o1", name="alpha-orchestrator", run_group="alpha", config=ours)
    side(tables, "t1", name="beta-trainer", start=4, run_group="beta", config=theirs)


def one_name_in_two_folders(tables: Tables) -> None:
    """Enough points even so: a person must say."""
    side(tables, "o1", name=O, config={**CONFIG, "output_dir": "out/alpha"})
    side(tables, "t1", name=T, start=4, config={**CONFIG, "output_dir": "out/beta"})


def three_trainers(tables: Tables) -> None:
    """All three began with the orchestrator and log after it."""
    side(tables, "o1", name=O, config=CONFIG)
    for number in (1, 2, 3):
        side(tables, f"t{number}", name=T, start=number, config=CONFIG)


def three_trainers_of_whom_two_log_first(tables: Tables) -> None:
    """Only one of them can have trained on these rewards."""
    side(tables, "o1", name=O, config=CONFIG)
    for number, lag in ((1, -4.0), (2, 3.0), (3, -9.0)):
        side(tables, f"t{number}", name=T, lag=lag, config=CONFIG)


def sweep(tables: Tables) -> None:
    """Four at once from one script: no names, but each has its folder."""
    for number in range(4):
        config: Config = {**CONFIG, "output_dir": f"outputs/{number}"}
        theirs: Config = {**CONFIG, "output_dir": f"outputs/{number}/run_default"}
        side(tables, f"o{number}", start=number, config=theirs)
        side(tables, f"t{number}", start=number, config=config)


@dataclass(frozen=True)
class Case:
    make: Callable[[Tables], None]
    pairs: list[tuple[str, str]]
    #: Of each candidate that is none: why.
    others: dict[tuple[str, str], str] = field(default_factory=dict)


AMBIGUOUS = "ambiguous: another candidate is less than 2 points below"
RESTARTED = "ambiguous: several trainers cover the orchestrator's steps one after the other"
CONTRADICTED = "ambiguous: what the two runs say contradicts"
APART = "the runs never ran at the same time"
FEW = "fewer than 5 points"
BETTER = "another candidate has or may have more points"
ITSELF = {n: (f"o{n}", f"t{n}") for n in range(4)}

CASES = {
    "the owner's pair": Case(owners, [("o1", "t1")]),
    "reruns of one name": Case(
        reruns,
        [ITSELF[1], ITSELF[2], ITSELF[3]],
        {(f"o{o}", f"t{t}"): APART for o in (1, 2, 3) for t in (1, 2, 3) if o != t},
    ),
    "a rerun without its own partner": Case(rerun_without_its_own, [], {("o1", "t2"): APART}),
    "a resumed chain": Case(
        resumed_chain,
        [ITSELF[1], ITSELF[2], ITSELF[3]],
        {(f"o{o}", f"t{t}"): APART for o in (1, 2, 3) for t in (1, 2, 3) if o != t},
    ),
    "a trainer that was restarted": Case(
        trainer_restarted, [], {("o1", "t1"): RESTARTED, ("o1", "t2"): RESTARTED}
    ),
    "a trainer that was restarted hours later": Case(
        trainer_restarted_hours_later, [], {("o1", f"t{n}"): RESTARTED for n in (1, 2, 3)}
    ),
    "a trainer that began anew": Case(
        rerun_within_one_orchestrator, [("o1", "t1")], {("o1", "t2"): BETTER}
    ),
    "two trainings without their partners": Case(
        two_trainings_without_their_partners, [], {("o1", "t1"): FEW}
    ),
    "one name in two folders": Case(one_name_in_two_folders, [], {("o1", "t1"): CONTRADICTED}),
    "three trainers to one orchestrator": Case(
        three_trainers, [], {("o1", f"t{n}"): AMBIGUOUS for n in (1, 2, 3)}
    ),
    "three trainers of whom two log first": Case(
        three_trainers_of_whom_two_log_first,
        [("o1", "t2")],
        {("o1", "t1"): BETTER, ("o1", "t3"): BETTER},
    ),
    "a sweep": Case(
        sweep,
        [ITSELF[n] for n in range(4)],
        {(f"o{o}", f"t{t}"): BETTER for o in range(4) for t in range(4) if o != t},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_pairing(ask: Ask, tables: Tables, case: Case) -> None:
    case.make(tables)
    assert pairs(ask, tables) == case.pairs
    rows = ask(
        tables,
        "SELECT orchestrator_run_id AS o, trainer_run_id AS t, decision, accepted"
        " FROM run_pair_candidates",
    )
    assert {(row["o"], row["t"]) for row in rows if row["accepted"]} == {*case.pairs}
    found = {(row["o"], row["t"]): row["decision"] for row in rows if not row["accepted"]}
    assert found == case.others
