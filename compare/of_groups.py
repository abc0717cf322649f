"""How groups of seeds differ: each training is one score, and the seeds are the sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from dakota_wh.compare.alignment import Span
from dakota_wh.compare.records import GroupDifference, GroupValue
from dakota_wh.compare.seeds import Estimate, Resampling, iqm, iqms, probability_higher, welch
from dakota_wh.compare.subjects import Subject, Subjects
from dakota_wh.compare.verdicts import (
    IDENTICAL,
    NO_COMMON_RANGE,
    NO_VALUE,
    TOO_FEW_SEEDS,
    in_words,
    side_of_zero,
)
from dakota_wh.compare.windows import Aligned

#: Which intervals exclude 0, by (bootstrap, t).
_SUPPORT: Mapping[tuple[bool, bool], str] = {
    (True, True): "both",
    (True, False): "bootstrap only",
    (False, True): "t only",
    (False, False): "neither",
}


class _Group:
    """The scores of one group in one metric and window, divided by ``scale``."""

    def __init__(
        self, aligned: Aligned, subject: Subject, span: Span | None, resampling: Resampling
    ) -> None:
        self.name = subject.name
        found = [aligned.score(t.training_id, span)[0] for t in subject.trainings]
        self.scores = np.array([score for score in found if score is not None], dtype=np.float64)
        self.missing = len(found) - self.scores.size
        self.seeds = int(self.scores.size)
        self.draws = resampling.draws(max(self.seeds, 1), aligned.quantity.name, subject.name)

    def iqms(self, scale: float) -> np.ndarray:
        """Return the bootstrap's interquartile means."""
        return iqms((self.scores / scale)[self.draws])


def group_rows(
    aligned: Aligned, subjects: Subjects, resampling: Resampling
) -> Iterator[GroupValue | GroupDifference]:
    """Yield the rows of one quantity: each group's value, and its difference from the baseline."""
    for window, span in aligned.windows():
        groups = [_Group(aligned, subject, span, resampling) for subject in subjects.all]
        logged = {
            subject.name
            for subject in subjects.all
            if any(t.training_id in aligned.quantity.logged for t in subject.trainings)
        }
        for group in groups:
            if group.name in logged:
                yield _value(aligned, group, window, span, resampling)
        if groups[0].name in logged:
            for group in groups[1:]:
                if group.name in logged:
                    yield _difference(aligned, group, groups[0], window, span, resampling)


def _value(
    aligned: Aligned, group: _Group, window: str, span: Span | None, resampling: Resampling
) -> GroupValue:
    scores, count = group.scores, group.seeds
    scale = _scale(scores)
    middle = Estimate(iqm(scores / scale)) if count else None
    if middle is not None and count > 1:
        middle = resampling.interval(middle.value, group.iqms(scale))
    return GroupValue(
        metric=aligned.quantity.name,
        kind=aligned.quantity.kind,
        window=window,
        group=group.name,
        seeds=count,
        missing=group.missing,
        mean=float((scores / scale).mean()) * scale if count else None,
        std=float((scores / scale).std(ddof=1)) * scale if count > 1 else None,
        iqm=_times(middle.value if middle else None, scale),
        low=_times(middle.low if middle else None, scale),
        high=_times(middle.high if middle else None, scale),
        min=float(scores.min()) if count else None,
        max=float(scores.max()) if count else None,
        begins=None if span is None else span.low,
        ends=None if span is None else span.high,
    )


def _difference(
    aligned: Aligned,
    group: _Group,
    baseline: _Group,
    window: str,
    span: Span | None,
    resampling: Resampling,
) -> GroupDifference:
    quantity = aligned.quantity
    scale = _scale(np.concatenate([group.scores, baseline.scores]))
    here, there = group.scores / scale, baseline.scores / scale
    middle = mean = chance = None
    verdict = NO_COMMON_RANGE if span is None and len(aligned.curves) > 1 else NO_VALUE
    support = None
    if here.size and there.size:
        middle = Estimate(iqm(here) - iqm(there))
        mean = welch(here, there, resampling.confidence)
        chance = probability_higher(here, there, resampling, group.draws, baseline.draws)
        verdict = TOO_FEW_SEEDS
        if min(here.size, there.size) > 1:
            drawn = group.iqms(scale) - baseline.iqms(scale)
            middle = resampling.interval(middle.value, drawn)
            sides = (side_of_zero(middle.low, middle.high), side_of_zero(mean.low, mean.high))
            support = _SUPPORT[sides[0] != 0, sides[1] != 0]
            verdict = in_words(sides[0] if sides[0] == sides[1] else 0, quantity.better)
            if {*here.tolist()} == {*there.tolist()} and len({*here.tolist()}) == 1:
                verdict = IDENTICAL
    return GroupDifference(
        metric=quantity.name,
        kind=quantity.kind,
        window=window,
        group=group.name,
        baseline=baseline.name,
        iqm=_times(iqm(here) if here.size else None, scale),
        baseline_iqm=_times(iqm(there) if there.size else None, scale),
        difference=_times(middle.value if middle else None, scale),
        low=_times(middle.low if middle else None, scale),
        high=_times(middle.high if middle else None, scale),
        verdict=verdict,
        support=support,
        mean_difference=_times(mean.value if mean else None, scale),
        mean_low=_times(mean.low if mean else None, scale),
        mean_high=_times(mean.high if mean else None, scale),
        probability_higher=chance.value if chance else None,
        probability_low=chance.low if chance else None,
        probability_high=chance.high if chance else None,
        seeds=group.seeds,
        baseline_seeds=baseline.seeds,
        begins=None if span is None else span.low,
        ends=None if span is None else span.high,
        better=quantity.better,
    )


def _scale(scores: np.ndarray) -> float:
    """Return what to divide by, so that no sum or square leaves the range of doubles.

    A power of two, so that nothing is rounded.
    """
    largest = float(np.abs(scores).max()) if scores.size else 0.0
    return float(2.0 ** np.floor(np.log2(largest))) if largest > 0.0 else 1.0


def _times(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale
