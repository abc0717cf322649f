"""How single trainings differ: the mean of their paired difference, and its interval."""

from __future__ import annotations

from collections.abc import Iterator

from dakota_wh.compare.alignment import Span, matched
from dakota_wh.compare.batch_means import LEAST_EFFECTIVE, mean_interval
from dakota_wh.compare.records import RunDifference
from dakota_wh.compare.subjects import Subject, Subjects
from dakota_wh.compare.verdicts import (
    IDENTICAL,
    NO_COMMON_RANGE,
    NO_VALUE,
    TOO_CORRELATED,
    TOO_FEW_POINTS,
    in_words,
    side_of_zero,
)
from dakota_wh.compare.windows import Aligned, mean


def run_differences(
    aligned: Aligned, subjects: Subjects, axis: str, confidence: float
) -> Iterator[RunDifference]:
    """Yield the rows of one quantity: each run against the baseline, in both windows."""
    if subjects.baseline.trainings[0].training_id not in aligned.quantity.logged:
        return
    for subject in subjects.all[1:]:
        if subject.trainings[0].training_id in aligned.quantity.logged:
            for window, span in aligned.windows():
                pair = (subject, subjects.baseline)
                yield _difference(aligned, pair, axis, confidence, window, span)


def _difference(
    aligned: Aligned,
    pair: tuple[Subject, Subject],
    axis: str,
    confidence: float,
    window: str,
    span: Span | None,
) -> RunDifference:
    quantity = aligned.quantity
    subject, baseline = pair
    one, two = subject.trainings[0].training_id, baseline.trainings[0].training_id
    curve, other = aligned.curves.get(one), aligned.curves.get(two)
    places = (
        None
        if curve is None or other is None or span is None
        else matched(curve, other, span, axis)
    )
    value = base = difference = low = high = effective = batches = None
    points = 0
    verdict = NO_VALUE if curve is None or other is None else NO_COMMON_RANGE
    if places is not None:
        value, base = mean(places.value), mean(places.baseline)
        # Halved, so that the difference of two large values is not infinite.
        halves = mean_interval(places.value / 2.0 - places.baseline / 2.0, confidence)
        difference, points = 2.0 * halves.mean, halves.points
        low = None if halves.low is None else 2.0 * halves.low
        high = None if halves.high is None else 2.0 * halves.high
        effective, batches = halves.effective, halves.batches
        verdict = in_words(side_of_zero(low, high), quantity.better)
        if low is None:
            verdict = TOO_FEW_POINTS if points < LEAST_EFFECTIVE else TOO_CORRELATED
        elif (places.value == places.baseline).all():
            verdict = IDENTICAL
    return RunDifference(
        metric=quantity.name,
        kind=quantity.kind,
        window=window,
        run=subject.name,
        baseline=baseline.name,
        value=value,
        baseline_value=base,
        difference=difference,
        low=low,
        high=high,
        verdict=verdict,
        difference_pct=difference / abs(base) * 100.0 if difference is not None and base else None,
        points=points,
        effective_points=effective,
        batches=batches,
        matched=None if places is None else places.by,
        begins=None if span is None else span.low,
        ends=None if span is None else span.high,
        run_metric=quantity.logged[one].metric,
        baseline_metric=quantity.logged[two].metric,
        better=quantity.better,
    )
