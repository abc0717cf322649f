"""The trainings of a warehouse: a pair of runs, or a run by itself, with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dakota_wh.errors import NoSuchRun, NothingFound
from dakota_wh.warehouse.snapshot import Snapshot

_MOST_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a training, with its row of ``runs``."""

    run_id: str
    #: orchestrator, trainer or both.
    side: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Training:
    """A training: two runs that are a pair, or one run."""

    #: The orchestrator's run in a pair, else the run.
    training_id: str
    runs: tuple[Run, ...]

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The ids of its runs."""
        return tuple(run.run_id for run in self.runs)

    def described(self) -> str:
        """Return the training as a person would name it: ``a`` or ``a with its trainer b``."""
        named, *others = sorted(self.runs, key=lambda run: run.run_id != self.training_id)
        return " with ".join(
            [named.run_id, *(f"its {other.side} {other.run_id}" for other in others)]
        )


@dataclass(frozen=True, slots=True)
class Trainings:
    """All trainings of a warehouse."""

    by_run: Mapping[str, Training]

    @classmethod
    def read(cls, snapshot: Snapshot) -> Trainings:
        """Read them from the views ``runs`` and ``trainings``.

        Raises:
            NothingFound: the warehouse holds no run.
        """
        facts = {row["run_id"]: row for row in snapshot.rows("runs")}
        if not facts:
            raise NothingFound("There is no run to compare.", hint="Ingest one: dakota-wh ingest …")
        members: dict[str, list[Run]] = {}
        for row in snapshot.rows("trainings"):
            run = Run(row["run_id"], row["side"], facts[row["run_id"]])
            members.setdefault(row["training"], []).append(run)
        found = {}
        for name, runs in members.items():
            training = Training(name, tuple(sorted(runs, key=lambda run: run.side)))
            found.update({run.run_id: training for run in runs})
        return cls(found)

    def of(self, run_ids: Sequence[str]) -> list[Training]:
        """Return the training of each run.

        Raises:
            NoSuchRun: the warehouse has no such run.
        """
        for run_id in run_ids:
            if run_id not in self.by_run:
                there = sorted(self.by_run)
                more = f" and {len(there) - _MOST_NAMED} more" if there[_MOST_NAMED:] else ""
                raise NoSuchRun(
                    f"The warehouse has no run {run_id}.",
                    hint=f"It has: {', '.join(there[:_MOST_NAMED])}{more}",
                )
        return [self.by_run[run_id] for run_id in run_ids]

    def all(self) -> list[Training]:
        """Return each training once, by id."""
        unique = {training.training_id: training for training in self.by_run.values()}
        return [unique[name] for name in sorted(unique)]
