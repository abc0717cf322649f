"""What runs along: the training step, the time since a run's start, or the tokens so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from dakota_wh.errors import NothingFound
from dakota_wh.plot.naming import shown
from dakota_wh.plot.reading import Reading, filled
from dakota_wh.plot.selection import partners
from dakota_wh.plot.series import Series, series_of

_PACKAGE: Final = "dakota_wh.plot"
#: Time is shown in the largest unit of which the axis holds at least two.
_TIME_UNITS: Final = (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))
#: The kinds of metric that count tokens, the better first, and the SELECT for each.
_COUNTS: Final = {
    "total_tokens": "series_by_total_tokens.sql",
    "step_tokens": "series_by_step_tokens.sql",
}


def along(
    reading: Reading, axis: str, runs: Sequence[str], metrics: Sequence[str]
) -> tuple[str, list[Series], list[str]]:
    """Return the axis' title, the series of all these metrics of these runs, and what to say.

    Raises:
        NothingFound: of no run are the times or the tokens known.
    """
    if axis == "step":
        text = filled(_PACKAGE, "series_by_step.sql", runs=runs, metrics=metrics)
        return "training step", series_of(reading.sql(text)), []
    if axis == "time":
        text = filled(_PACKAGE, "series_by_time.sql", runs=runs, metrics=metrics)
        return _in_time_units(series_of(reading.sql(text)), runs)
    return _by_tokens(reading, runs, metrics)


def _in_time_units(found: list[Series], runs: Sequence[str]) -> tuple[str, list[Series], list[str]]:
    timed = {series.run_id for series in found}
    notes = [f"{shown(run)} has no times, and is left out" for run in runs if run not in timed]
    if not found:
        raise NothingFound(
            f"The steps of {', '.join(shown(run) for run in runs)} have no times.",
            hint="Draw along the steps: --x step",
        )
    most = max((float(s.x.max()) for s in found if len(s)), default=0.0)
    name, seconds = next((u for u in _TIME_UNITS if most >= 2 * u[1]), _TIME_UNITS[-1])
    scaled = [replace(series, x=series.x / seconds) for series in found]
    return f"time since the run's start ({name})", scaled, notes


def _by_tokens(
    reading: Reading, runs: Sequence[str], metrics: Sequence[str]
) -> tuple[str, list[Series], list[str]]:
    known = partners(reading, runs)
    counts = _token_counts(reading, list(dict.fromkeys([*runs, *known.values()])))
    found: list[Series] = []
    notes: list[str] = []
    for run in runs:
        count = counts.get(run) or counts.get(known.get(run, ""))
        if count is None:
            notes.append(f"{shown(run)} logs no count of tokens, and is left out")
            continue
        if count["run_id"] != run:
            notes.append(f"tokens of {shown(run)} are those of its partner {count['run_id']}")
        text = filled(
            _PACKAGE,
            _COUNTS[count["kind"]],
            run=run,
            metrics=metrics,
            token_run=count["run_id"],
            token_metric=count["metric"],
        )
        found += series_of(reading.sql(text))
    if not found:
        raise NothingFound(
            f"No count of tokens is known of {', '.join(shown(run) for run in runs)}.",
            hint="Draw along the steps: --x step",
        )
    return "tokens so far", found, notes


def _token_counts(reading: Reading, runs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the metric of each run that counts its tokens: the total before the sum of steps."""
    rows = [r for r in reading.query("series", runs=runs).dicts() if r["kind"] in _COUNTS]
    rows.sort(key=lambda row: (list(_COUNTS).index(row["kind"]), row["kind_rank"]))
    best: dict[str, dict[str, Any]] = {}
    for row in rows:
        best.setdefault(row["run_id"], row)
    return best
