"""What a reader of a comparison must know beside its numbers, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dakota_wh.compare.records import GroupDifference, RunDifference
from dakota_wh.compare.subjects import Subject, Subjects
from dakota_wh.compare.windows import Aligned

#: A range cut by more than this share of what the others have is told.
_CUT: Final = 0.05
#: Fewer seeds than this make a bootstrap interval too narrow to take at its word.
FEW_SEEDS: Final = 10
_MOST_NAMED: Final = 6
_UNITS: Final[Mapping[str, str]] = {"step": "step", "tokens": "token", "time": "second"}


def cautions(
    subjects: Subjects,
    aligned: Sequence[Aligned],
    missing: Mapping[str, int],
    differences: Sequence[RunDifference] | Sequence[GroupDifference],
    axis: str,
    confidence: float,
) -> list[str]:
    """Return the sentences, what bears on every number first.

    ``missing`` has, by run, how many steps its own stride promises that are not there.
    """
    return [
        *_about_seeds(subjects),
        *_about_runs(subjects, missing),
        *_left_out(subjects),
        *_about_metrics(subjects, aligned),
        *_about_ranges(aligned, axis),
        *_first_steps(subjects, axis),
        *_about_values(subjects, aligned, axis),
        *_disagreeing(differences),
        *_by_chance(differences, confidence),
    ]


def _about_seeds(subjects: Subjects) -> Iterator[str]:
    if not subjects.grouped:
        yield (
            "Each is one run of its kind: a difference may be that of two seeds. The intervals say "
            "how well these runs' own curves are told apart, not which method is better; compare "
            "groups of seeds for that (A=RUN,RUN,… B=RUN,RUN,…)."
        )
        return
    fewest = min(len(subject.trainings) for subject in subjects.all)
    if 1 < fewest < FEW_SEEDS:
        yield (
            f"With {fewest} seeds in a group a bootstrap interval is narrower than it says; the "
            "verdict therefore asks for Welch's t interval as well."
        )
    alone = [subject.name for subject in subjects.all if len(subject.trainings) == 1]
    if alone:
        yield f"One seed says nothing about the spread of its method: {_list(alone)}."


def _about_runs(subjects: Subjects, missing: Mapping[str, int]) -> Iterator[str]:
    for training in subjects.trainings:
        if len(training.runs) == 2:
            yield f"{training.described()} is one training."
        for run in training.runs:
            facts = run.facts
            if facts["completeness"] != "complete":
                yield f"{run.run_id} is {facts['completeness']}: {facts['evidence']}."
            repeated = facts["duplicate_steps"]
            for count, what in ((missing.get(run.run_id), "missing"), (repeated, "repeated")):
                if count:
                    yield f"{run.run_id} has {count:,} {what} step{'' if count == 1 else 's'}."


def _left_out(subjects: Subjects) -> Iterator[str]:
    if subjects.left_out:
        names = [training.training_id for training in subjects.left_out]
        yield f"In no group: {_list(names)}."


def _about_metrics(subjects: Subjects, aligned: Sequence[Aligned]) -> Iterator[str]:
    lacking: dict[tuple[str, ...], list[str]] = {}
    for one in aligned:
        without = tuple(s.name for s in subjects.all if not _has(one, s))
        if without:
            lacking.setdefault(without, []).append(one.quantity.name)
        names = {logged.metric for logged in one.quantity.logged.values()}
        if len(names) > 1:
            yield (
                f"{one.quantity.name} is {_list(sorted(names), ' or ')}, as each run logs it: look "
                "whether they measure the same."
            )
    for who, metrics in lacking.items():
        yield f"Not logged by {_list(who)}: {_list(metrics)}."
    for subject in subjects.all:
        some = [a.quantity.name for a in aligned if _has(a, subject) and not _all_have(a, subject)]
        if some:
            yield f"Only some seeds of {subject.name} log {_list(some)}."


def _has(aligned: Aligned, subject: Subject) -> bool:
    return any(t.training_id in aligned.quantity.logged for t in subject.trainings)


def _all_have(aligned: Aligned, subject: Subject) -> bool:
    return all(t.training_id in aligned.quantity.logged for t in subject.trainings)


def _about_ranges(aligned: Sequence[Aligned], axis: str) -> Iterator[str]:
    """Yield who ends the common range before the others end, and who begins it late."""
    told: dict[tuple[str, str], list[str]] = {}
    for one in aligned:
        if one.span is None or len(one.curves) < 2:
            continue
        ends = {name: float(curve.position[-1]) for name, curve in one.curves.items()}
        begins = {name: float(curve.position[0]) for name, curve in one.curves.items()}
        whole = max(ends.values()) - min(begins.values())
        for name, at, cut, word in (
            (min(ends, key=lambda n: ends[n]), one.span.high, max(ends.values()), "ends"),
            (max(begins, key=lambda n: begins[n]), one.span.low, min(begins.values()), "begins"),
        ):
            if abs(cut - at) > _CUT * whole:
                key = (word, f"{name} {word} at {_UNITS[axis]} {at:,.6g}, another at {cut:,.6g}")
                told.setdefault(key, []).append(one.quantity.name)
    for (_, what), metrics in told.items():
        yield f"{what}: compared is what all have ({_list(metrics)})."


def _first_steps(subjects: Subjects, axis: str) -> Iterator[str]:
    firsts: dict[int, list[str]] = {}
    for training in subjects.trainings:
        for run in training.runs:
            firsts.setdefault(run.facts["first_step"], []).append(run.run_id)
    if axis == "step" and 0 in firsts and 1 in firsts:
        yield (
            f"Steps count from 0 in {_list(firsts[0])} and from 1 in {_list(firsts[1])}; they are "
            "aligned as logged, so that one may be a step ahead."
        )


def _about_values(subjects: Subjects, aligned: Sequence[Aligned], axis: str) -> Iterator[str]:
    for training in subjects.trainings:
        left_out = {
            one.quantity.name: one.left_out.get(training.training_id, (0, 0)) for one in aligned
        }
        for place, why in ((0, "NaN or infinite"), (1, f"without a place in {axis}")):
            counts = {name: both[place] for name, both in left_out.items() if both[place]}
            total = sum(counts.values())
            if total:
                values = "value" if total == 1 else "values"
                yield (
                    f"{training.training_id}: {total:,} {values} {why} and left out "
                    f"({_list(list(counts))})."
                )


def _disagreeing(
    differences: Sequence[RunDifference] | Sequence[GroupDifference],
) -> Iterator[str]:
    rows = [row for row in differences if isinstance(row, GroupDifference)]
    half = [f"{r.metric} ({r.window})" for r in rows if r.support in ("bootstrap only", "t only")]
    if half:
        yield (
            "Only one of the two intervals excludes 0, which is not distinguishable here: "
            f"{_list(half)}."
        )


def _by_chance(
    differences: Sequence[RunDifference] | Sequence[GroupDifference], confidence: float
) -> Iterator[str]:
    # Two constants differ or not: there is no chance in that.
    intervals = sum(row.low is not None and row.low != row.high for row in differences)
    if intervals > 1:
        yield (
            f"{intervals} intervals at {confidence * 100:g} %: about "
            f"{intervals * (1.0 - confidence):.2g} of them exclude 0 by chance alone."
        )


def _list(names: Sequence[str], last: str = ", ") -> str:
    shown = list(names[:_MOST_NAMED])
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return last.join(shown)
