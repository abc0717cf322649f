"""The rows of a comparison, table by table. Every number that is undefined is None.

``metric`` is what is compared: a kind such as ``reward``, or a metric's own name. ``window`` is
``last``, the last part of the common range, or ``all`` of it; ``begins`` and ``ends`` are its ends
on the axis (steps, tokens, or seconds). A difference is the run's or the group's value less the
baseline's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunDifference:
    """How a run differs from the baseline in one metric over one window."""

    metric: str
    kind: str | None
    window: str
    run: str
    baseline: str
    #: Means over the places at which both are known.
    value: float | None
    baseline_value: float | None
    difference: float | None
    low: float | None
    high: float | None
    #: better, worse, higher, lower, not distinguishable, identical, or why it cannot be said.
    verdict: str
    #: difference / |baseline_value| * 100; None where that is 0.
    difference_pct: float | None
    #: Places at which both are known.
    points: int
    #: Points / longest correlation time: as good as so many independent ones, or somewhat better.
    effective_points: float | None
    batches: int | None
    #: How places were found: steps (both logged them) or parts (means over equal parts).
    matched: str | None
    begins: float | None
    ends: float | None
    run_metric: str
    baseline_metric: str
    #: Which way is good: high, low, or None where neither is by itself.
    better: str | None


@dataclass(frozen=True, slots=True)
class GroupDifference:
    """How a group of seeds differs from the baseline in one metric over one window."""

    metric: str
    kind: str | None
    window: str
    group: str
    baseline: str
    #: Interquartile means over seeds.
    iqm: float | None
    baseline_iqm: float | None
    #: Of the interquartile means, with its bootstrap interval.
    difference: float | None
    low: float | None
    high: float | None
    #: As in RunDifference; it takes both intervals to say more than not distinguishable.
    verdict: str
    #: Which intervals exclude 0: both, bootstrap only, t only, neither; None without intervals.
    support: str | None
    #: Of the means, with Welch's t interval.
    mean_difference: float | None
    mean_low: float | None
    mean_high: float | None
    #: That a seed of the group is above one of the baseline, a tie counting one half.
    probability_higher: float | None
    probability_low: float | None
    probability_high: float | None
    seeds: int
    baseline_seeds: int
    begins: float | None
    ends: float | None
    better: str | None


@dataclass(frozen=True, slots=True)
class GroupValue:
    """What the seeds of one group reach in one metric over one window."""

    metric: str
    kind: str | None
    window: str
    group: str
    #: Trainings with a value, and those of the group without one.
    seeds: int
    missing: int
    mean: float | None
    std: float | None
    iqm: float | None
    low: float | None
    high: float | None
    min: float | None
    max: float | None
    begins: float | None
    ends: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """What one training reaches in one metric over one window: the mean of its values there."""

    metric: str
    kind: str | None
    window: str
    subject: str
    training: str
    run_id: str
    logged_as: str
    score: float | None
    points: int
    #: Values of the whole metric that are NaN or Infinity, and are left out.
    nonfinite: int


@dataclass(frozen=True, slots=True)
class CurvePart:
    """A subject's value in one part of the common range: where along the way it differs."""

    metric: str
    kind: str | None
    part: int
    begins: float
    ends: float
    subject: str
    #: Trainings with a point in the part.
    seeds: int
    #: The mean of a run's points; over seeds, the interquartile mean of these means.
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class SettingDifference:
    """A key of the config that the subjects do not agree on, and what one of them has there."""

    key: str
    subject: str
    #: The distinct values among its trainings, separated by commas; None where none has the key.
    value: str | None


@dataclass(frozen=True, slots=True)
class Member:
    """A run that takes part."""

    subject: str
    training: str
    run_id: str
    role: str
    side: str
    name: str | None
    first_step: int | None
    last_step: int | None
    rows: int | None
    expected_rows: int | None
    completeness: str
    evidence: str | None
    #: Steps missing between the first and the last, by the run's own stride.
    gaps: int
    duplicate_steps: int | None
