"""Which metrics of which runs a chart shows: those of a preset, or those that patterns name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dakota_wh.errors import NothingFound
from dakota_wh.plot.naming import shown
from dakota_wh.plot.reading import Reading

#: What a chart can run along.
AXES: Final = ("step", "time", "tokens")

#: The presets, each with what it shows.
PRESETS: Final = {
    "rewards": "the reward of each run",
    "components": "what the reward is made of, a panel a run",
    "milestones": "the reward, its halves, and when it got 25, 50, 75 and 90 % of its gain",
    "loss": "the loss",
    "kl": "the KL divergence; of prime-rl the mismatch between trainer and sampler",
    "entropy": "the entropy",
    "throughput": "throughput and step time",
}

#: The kinds of metric (view main_metrics) that a preset is made of.
_KINDS: Final = {
    "rewards": ("reward",),
    "milestones": ("reward",),
    "loss": ("loss",),
    "kl": ("kl",),
    "entropy": ("entropy",),
    "throughput": ("throughput", "step_time"),
}

#: What the vertical axis says, where the unit is known.
UNITS: Final = {
    "reward": "reward",
    "reward_component": "component",
    "loss": "loss",
    "kl": "KL",
    "entropy": "entropy",
    "grad_norm": "gradient norm",
    "throughput": "throughput",
    "step_time": "step time (s)",
}
_TITLES: Final = {"kl": "KL", "step_time": "Step time", "throughput": "Throughput"}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A panel to be: its words, and its lines as (run, metric, label)."""

    title: str
    unit: str
    lines: tuple[tuple[str, str, str], ...]


def by_preset(reading: Reading, runs: Sequence[str], preset: str) -> tuple[list[Wanted], list[str]]:
    """Return the panels of a preset, and what must be said of them.

    A run without such a metric whose partner (view run_pairs) has it is stood in for by that.

    Raises:
        NothingFound: no run has such a metric.
    """
    if preset == "components":
        return _components(reading, runs)
    rows, notes = _with_partners(reading, runs, _KINDS[preset])
    panels: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        # different KL divergences are not comparable, and throughput has no common unit
        apart = row["metric"] if row["kind"] in ("kl", "throughput") else ""
        panels.setdefault((row["kind"], apart), []).append(row)
    wanted = []
    for kind in _KINDS[preset]:
        for (of_kind, _), found in panels.items():
            if of_kind == kind:
                title = _TITLES.get(kind, kind.capitalize())
                wanted.append(Wanted(_of_one(title, found), UNITS[kind], _lines(found)))
    if not wanted:
        raise NothingFound(
            f"No {' or '.join(k.replace('_', ' ') for k in _KINDS[preset])} is known of "
            f"{', '.join(shown(run) for run in runs)}.",
            hint="Name a metric: --metric PATTERN; `dakota-wh query series` lists them.",
        )
    return wanted, notes


def by_patterns(reading: Reading, runs: Sequence[str], patterns: Sequence[str]) -> list[Wanted]:
    """Return a panel for each metric that a pattern matches; the runs that log it are its lines.

    Raises:
        NothingFound: a pattern matches nothing.
    """
    lines: dict[str, list[Row]] = {}
    for pattern in patterns:
        rows = reading.query("series", runs=runs, metric=pattern).dicts()
        if not rows:
            raise NothingFound(
                f"No metric of {', '.join(shown(run) for run in runs)} is like {shown(pattern)!r}.",
                hint="Quote patterns: --metric 'reward/*'; `dakota-wh query series` lists all.",
            )
        for row in rows:
            same = lines.setdefault(row["metric"], [])
            if row["run_id"] not in {other["run_id"] for other in same}:
                same.append(row)
    return [
        Wanted(_of_one(shown(metric), rows), "as logged", _lines(rows))
        for metric, rows in lines.items()
    ]


def partners(reading: Reading, runs: Sequence[str]) -> dict[str, str]:
    """Return the partner of each run that has one other than itself."""
    sides = ("orchestrator_run_id", "trainer_run_id")
    found: dict[str, str] = {}
    for pair in reading.query("run_pairs", runs=runs).dicts():
        orchestrator, trainer = (pair[side] for side in sides)
        if orchestrator != trainer:
            found |= {orchestrator: trainer, trainer: orchestrator}
    return {run: other for run, other in found.items() if run in runs}


def _components(reading: Reading, runs: Sequence[str]) -> tuple[list[Wanted], list[str]]:
    known = partners(reading, runs)
    notes = []
    wanted = []
    for run in runs:
        rows = _of_kind(reading, run)
        if not rows and run in known and known[run] not in runs:
            rows = _of_kind(reading, known[run])
            if rows:
                notes.append(_stands_in(run, known[run], "reward component"))
        if rows:
            title = f"Reward components of {shown(rows[0]['run_id'])}"
            lines = tuple((r["run_id"], r["metric"], r["metric"]) for r in rows)
            wanted.append(Wanted(title, UNITS["reward_component"], lines))
    if not wanted:
        raise NothingFound(
            f"No reward component is known of {', '.join(shown(run) for run in runs)}.",
            hint="Name the metrics: --metric PATTERN; `dakota-wh query series` lists them.",
        )
    return wanted, notes


def _of_kind(reading: Reading, run: str) -> list[Row]:
    rows = reading.query("series", runs=[run]).dicts()
    return [row for row in rows if row["kind"] == "reward_component"]


def _with_partners(
    reading: Reading, runs: Sequence[str], kinds: Sequence[str]
) -> tuple[list[Row], list[str]]:
    known = partners(reading, runs)
    asked = list(dict.fromkeys([*runs, *known.values()]))
    rows = [r for r in reading.query("main_metrics", runs=asked).dicts() if r["kind"] in kinds]
    own = {row["run_id"] for row in rows}
    notes = []
    chosen = list(runs)
    for run in runs:
        other = known.get(run)
        if other and run not in own and other in own and other not in chosen:
            chosen.append(other)
            notes.append(_stands_in(run, other, " or ".join(kinds).replace("_", " ")))
    return [row for row in rows if row["run_id"] in chosen], notes


def _stands_in(run: str, other: str, what: str) -> str:
    return f"{shown(run)} logs no {what}; its partner {shown(other)} does"


def _of_one(title: str, rows: Sequence[Row]) -> str:
    """Return a panel's title, with the run where its lines do not name several."""
    runs = {row["run_id"] for row in rows}
    return f"{title} of {shown(rows[0]['run_id'])}" if len(runs) == 1 else title


def _lines(rows: Sequence[Row]) -> tuple[tuple[str, str, str], ...]:
    runs = {row["run_id"] for row in rows}
    metrics = {row["metric"] for row in rows}
    lines = []
    for row in rows:
        if len(metrics) == 1 and len(runs) > 1:
            label = row["run_id"]
        elif len(runs) == 1:
            label = row["metric"]
        else:
            label = f"{row['run_id']} {row['metric']}"
        lines.append((row["run_id"], row["metric"], label))
    return tuple(lines)
