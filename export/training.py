"""Which two runs are one training: those that are named, else those that are paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dakota_wh.errors import NothingFound, UsageProblem
from dakota_wh.warehouse.query import query_view

_MOST: Final = 5
_A: Final = {"orchestrator": "an orchestrator", "trainer": "a trainer"}


@dataclass(frozen=True, slots=True)
class Training:
    """The run with the rewards and the run with the losses; one of them may be unknown.

    Both are the same run where one run logs everything.
    """

    orchestrator: str | None
    trainer: str | None
    #: Why these two.
    evidence: str
    #: What speaks against them, as sentences.
    doubts: tuple[str, ...] = ()


def the_training(root: Path, orchestrator: str | None, trainer: str | None) -> Training:
    """Return the pair that is meant; what is not named is taken from ``run_pairs``.

    Raises:
        NothingFound: the warehouse has no runs.
        UsageProblem: it has several trainings, and none was named.
        NoSuchRun: a named run is not stored.
    """
    if orchestrator is not None and trainer is not None:
        return _as_named(root, orchestrator, trainer)
    named = orchestrator or trainer
    found = [p for p in _pairs(root, named) if _fits(p, orchestrator, trainer)]
    if len(found) == 1:
        pair = found[0]
        return Training(
            pair["orchestrator_run_id"], pair["trainer_run_id"], f"run_pairs: {pair['evidence']}"
        )
    if named is not None:
        return Training(orchestrator, trainer, f"run_pairs has no pair of {named}")
    if found:
        raise _several(found)
    return _only_run(root)


def training_named(root: Path, runs: Sequence[str]) -> Training:
    """Return the training of one run, or of two: the orchestrator, then the trainer.

    Raises:
        NoSuchRun: one of them is not stored.
        UsageProblem: there are more, or the two cannot be one training.
    """
    if len(runs) == 1:
        return training_of(root, runs[0])
    if len(runs) != 2:
        raise UsageProblem(
            f"The curves are those of one training, but {len(runs)} runs were named.",
            hint="Name its orchestrator, its trainer, or both.",
        )
    roles = {row["run_id"]: row["role"] for row in query_view(root, "runs", runs=runs).dicts()}
    _check_roles(runs, roles)
    if roles[runs[0]] == "trainer" or roles[runs[1]] == "orchestrator":
        return _as_named(root, runs[1], runs[0])
    return _as_named(root, runs[0], runs[1])


def _check_roles(runs: Sequence[str], roles: Mapping[str, str]) -> None:
    """Raise unless one of two runs may be the orchestrator and the other its trainer."""
    hint = (
        f"Name one, and its partner is found: dakota-wh export {runs[0]} --curves. Where a role is "
        "wrong: dakota-wh ingest … --role ROLE"
    )
    whole = [run for run in runs if roles[run] in ("single", "shared")]
    if whole and runs[0] != runs[1]:
        raise UsageProblem(
            f"{whole[0]} is a training by itself (role {roles[whole[0]]}); two runs were named.",
            hint=hint,
        )
    for role in ("orchestrator", "trainer"):
        if roles[runs[0]] == roles[runs[1]] == role:
            raise UsageProblem(
                f"{runs[0]} and {runs[1]} are no training: each is {_A[role]}.", hint=hint
            )


def _as_named(root: Path, orchestrator: str, trainer: str) -> Training:
    """Return the two, with what run_pairs says against them."""
    pairs = [p for one in dict.fromkeys((orchestrator, trainer)) for p in _pairs(root, one)]
    told = dict.fromkeys(
        f"run_pairs has {p['orchestrator_run_id']} with {p['trainer_run_id']}, not {orchestrator} "
        f"with {trainer}: {p['evidence']}"
        for p in pairs
        if {p["orchestrator_run_id"], p["trainer_run_id"]} != {orchestrator, trainer}
    )
    return Training(orchestrator, trainer, "as named", tuple(told))


def training_of(root: Path, run_id: str) -> Training:
    """Return the training that a run is one side of, or both.

    Raises:
        NoSuchRun: it is not stored.
    """
    pairs = _pairs(root, run_id)
    if len(pairs) == 1:
        pair = pairs[0]
        return Training(
            pair["orchestrator_run_id"], pair["trainer_run_id"], f"run_pairs: {pair['evidence']}"
        )
    run = query_view(root, "runs", runs=[run_id]).dicts()[0]
    alone = f"run_pairs has no pair of {run_id}"
    if run["role"] == "trainer":
        return Training(None, run_id, alone)
    return Training(run_id, None, alone)


def _pairs(root: Path, named: str | None) -> list[dict[str, Any]]:
    return query_view(root, "run_pairs", runs=[named] if named else []).dicts()


def _fits(pair: dict[str, Any], orchestrator: str | None, trainer: str | None) -> bool:
    sides = (("orchestrator_run_id", orchestrator), ("trainer_run_id", trainer))
    return all(wanted is None or pair[side] == wanted for side, wanted in sides)


def _several(pairs: list[dict[str, Any]]) -> UsageProblem:
    shown = "; ".join(
        f"--orchestrator-run {p['orchestrator_run_id']} --trainer-run {p['trainer_run_id']}"
        for p in pairs[:_MOST]
    )
    more = f"; and {len(pairs) - _MOST} more (dakota-wh query run_pairs)" if pairs[_MOST:] else ""
    return UsageProblem(
        f"The warehouse has {len(pairs)} trainings: which one?", hint=f"One of: {shown}{more}"
    )


def _only_run(root: Path) -> Training:
    runs = query_view(root, "runs").dicts()
    if not runs:
        raise NothingFound(
            "No data available: the warehouse has no runs.",
            hint="Fetch the two: dakota-wh analyze --orchestrator-run E/P/ID --trainer-run E/P/ID",
        )
    if len(runs) == 1:
        return training_of(root, runs[0]["run_id"])
    candidates = query_view(root, "run_pair_candidates").dicts()
    near = "; ".join(
        f"--orchestrator-run {c['orchestrator_run_id']} --trainer-run {c['trainer_run_id']}"
        for c in candidates[:_MOST]
    )
    names = ", ".join(f"{run['run_id']} ({run['role']})" for run in runs[:8])
    raise UsageProblem(
        f"No two of the warehouse's runs are surely one training: {names}"
        f"{' …' if runs[8:] else ''}.",
        hint=f"Candidates: {near}" if near else "Name them: --orchestrator-run ID --trainer-run ID",
    )
