"""Which runs a report is about: those asked for, and their partners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dakota_wh.errors import UsageProblem
from dakota_wh.plot.chart import MOST_LINES
from dakota_wh.plot.naming import shown
from dakota_wh.plot.reading import Reading

_MOST: Final = MOST_LINES


@dataclass(frozen=True, slots=True)
class Training:
    """A pair, or one run by itself."""

    runs: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called on paper."""
        return " with ".join(shown(run) for run in self.runs)


@dataclass(frozen=True, slots=True)
class Scope:
    """The trainings of a report, and why runs are in it that nobody named."""

    trainings: tuple[Training, ...]
    included: tuple[str, ...]

    @property
    def runs(self) -> list[str]:
        """Every run, orchestrators before their trainers."""
        return [run for training in self.trainings for run in training.runs]


def scope(reading: Reading, runs: Sequence[str]) -> Scope:
    """Return the scope of a report on some runs.

    Raises:
        NoSuchRun: a run is not here.
        UsageProblem: no run, or more trainings than colours can tell apart.
    """
    if not runs:
        raise UsageProblem("A report is about runs.", hint="Name one: dakota-wh report RUN -o FILE")
    asked = list(dict.fromkeys(runs))
    pair_of: dict[str, tuple[str, ...]] = {}
    why: dict[str, str | None] = {}
    for pair in reading.query("run_pairs", runs=asked).dicts():
        two = tuple(dict.fromkeys((pair["orchestrator_run_id"], pair["trainer_run_id"])))
        pair_of |= dict.fromkeys(two, two)
        why |= dict.fromkeys(two, pair["evidence"])
    groups = list(dict.fromkeys(pair_of.get(run, (run,)) for run in asked))
    if len(groups) > _MOST:
        raise UsageProblem(
            f"A report holds at most {_MOST} trainings, and these are {len(groups)}.",
            hint="Name fewer runs; `dakota-wh query run_comparison` has all.",
        )
    included = [
        f"{shown(run)} is included: it is the other half of the same training "
        f"({shown(why[run] or 'fixed by hand', 400)})."
        for group in groups
        for run in group
        if run not in asked
    ]
    return Scope(tuple(Training(group) for group in groups), tuple(included))
