"""What is set side by side: each a training, or each a group of seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from dakota_wh.compare.trainings import Training, Trainings
from dakota_wh.errors import NothingFound, UsageProblem


@dataclass(frozen=True, slots=True)
class Subject:
    """One side of the comparison, by the name that a person gave it."""

    name: str
    trainings: tuple[Training, ...]


@dataclass(frozen=True, slots=True)
class Subjects:
    """Two or more subjects; the first is the baseline."""

    all: tuple[Subject, ...]
    #: Whether each is a group of seeds, and not one training.
    grouped: bool
    #: Trainings that were asked for and are in no group.
    left_out: tuple[Training, ...] = ()

    @property
    def baseline(self) -> Subject:
        """What the others are compared with."""
        return self.all[0]

    @property
    def trainings(self) -> list[Training]:
        """Every training, once."""
        return [training for subject in self.all for training in subject.trainings]

    def with_baseline(self, name: str | None) -> Subjects:
        """Return the same with the named subject first.

        Raises:
            UsageProblem: none is called so.
        """
        if name is None:
            return self
        named = [s for s in self.all if s.name == name]
        if not named:
            raise UsageProblem(
                f"The baseline {name!r} is none of what is compared.",
                hint=f"Give one of: {', '.join(s.name for s in self.all)}",
            )
        others = (s for s in self.all if s.name != name)
        return Subjects((named[0], *others), self.grouped, self.left_out)


def named(trainings: Trainings, words: Sequence[str]) -> Subjects:
    """Return the subjects that words name: runs, or groups like ``A=run1,run2``.

    A run whose own id holds a ``=`` is that run. Among groups, a run is a group of one seed.

    Raises:
        UsageProblem: fewer than two subjects, a group without a run, or something named twice.
        NoSuchRun: a run that is not there.
    """
    grouped = any(_is_group(trainings, word) for word in words)
    subjects = []
    for word in words:
        name, runs = word, [word]
        if _is_group(trainings, word):
            name, _, members = word.partition("=")
            runs = [run.strip() for run in members.split(",") if run.strip()]
            if not name or not runs:
                raise UsageProblem(f"{word!r} is no group.", hint="Write it as NAME=RUN,RUN,…")
        members_of = {t.training_id: t for t in trainings.of(runs)}
        subjects.append(Subject(name, tuple(members_of.values())))
    _check(subjects)
    return Subjects(tuple(subjects), grouped)


def _is_group(trainings: Trainings, word: str) -> bool:
    return "=" in word and word not in trainings.by_run


def _check(subjects: Sequence[Subject]) -> None:
    if len(subjects) < 2:
        refuse_fewer_than_two()
    names = Counter(subject.name for subject in subjects)
    name, count = names.most_common(1)[0]
    if count > 1:
        raise UsageProblem(f"{name} is named twice.", hint="Name what to compare it with.")
    homes: dict[str, Subject] = {}
    for subject in subjects:
        for training in subject.trainings:
            other = homes.setdefault(training.training_id, subject)
            if other is not subject:
                raise UsageProblem(_same(training, other, subject), hint="Name another training.")


def _same(training: Training, one: Subject, two: Subject) -> str:
    if len(training.runs) == 2 and {one.name, two.name} == set(training.run_ids):
        return f"{one.name} and {two.name} are one training, orchestrator and trainer."
    return f"The training {training.described()} is in both {one.name} and {two.name}."


def refuse_fewer_than_two() -> NoReturn:
    """Raise because there is nothing to compare with.

    Raises:
        UsageProblem: always.
    """
    raise UsageProblem(
        "Name two runs or more.",
        hint="dakota-wh compare RUN RUN, or groups of seeds: A=RUN,RUN B=RUN,RUN",
    )


def from_groups(
    groups: Sequence[tuple[str, Sequence[Training]]], asked: Sequence[Training], what: str
) -> Subjects:
    """Return subjects of groups that were found by something the runs have in common.

    ``asked`` are all trainings that could have been in one, ``what`` names what they share.

    Raises:
        NothingFound: there are fewer than two groups.
    """
    subjects = tuple(Subject(name, tuple(members)) for name, members in groups)
    if len(subjects) < 2:
        found = f"one group, {subjects[0].name}" if subjects else "no group"
        raise NothingFound(
            f"By {what} the runs make {found}: there is nothing to compare.",
            hint="Name groups yourself: dakota-wh compare A=RUN,RUN B=RUN,RUN",
        )
    inside = {t.training_id for subject in subjects for t in subject.trainings}
    left_out = tuple(t for t in asked if t.training_id not in inside)
    return Subjects(subjects, grouped=True, left_out=left_out)
