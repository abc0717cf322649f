"""What the loss, the entropy and the mismatch did meanwhile, and how fast it all went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dakota_wh.plot.chart import Chart, Panel
from dakota_wh.plot.naming import shown
from dakota_wh.plot.page.figure import Figure
from dakota_wh.plot.page.table import Table
from dakota_wh.plot.selection import UNITS
from dakota_wh.plot.series import Series
from dakota_wh.report.asking import Asking, Note
from dakota_wh.report.reward import SMOOTHING, STEP, doubted
from dakota_wh.report.scope import Scope
from dakota_wh.report.section import Section

_KINDS: Final = ("reward", "loss", "entropy", "kl", "grad_norm")
_SPEED: Final = ("throughput", "step_time")
_DYNAMICS: Final = {
    "run_id": "training",
    "quantity": "quantity",
    "metric": "metric",
    "samples": "samples",
    "first_mean": "mean, first tenth",
    "last_mean": "mean, last tenth",
    "difference": "difference",
    "drop_share": "share lost",
    "min": "least",
    "max": "greatest",
}
_CORRELATION: Final = {
    "run_id": "training",
    "kind": "kind",
    "metric": "metric",
    "n": "steps",
    "pearson": "r of the values",
    "n_diff": "changes",
    "pearson_diff": "r of the changes",
}
_STEP_TIME: Final = {
    "samples": "steps with a step time",
    "median": "median (s)",
    "p95": "95 % quantile (s)",
    "max": "longest (s)",
    "max_step": "longest at step",
    "total": "total (s)",
    "spikes": "spikes",
    "batch_wait_share": "waiting for batches (share)",
    "weights_wait_share": "waiting for weights (share)",
    "wall_median": "log to log, median (s)",
    "throughput_metric": "throughput is",
    "throughput_median": "throughput, median",
    "throughput_min": "throughput, least",
    "throughput_max": "throughput, greatest",
}


def training(asking: Asking, scope: Scope, unsure: Mapping[str, str]) -> Section:
    """Return the section that shows all sides of each training on one step axis."""
    figures = _stacked(asking, scope, "training_by_step", _KINDS, "training", unsure)
    tables: list[Table] = []
    if figures:
        tables = [
            asking.table("training_dynamics", "From the first tenth to the last", _DYNAMICS),
            asking.table(
                "correlation",
                "Correlation of the reward with the update made from it (the same step)",
                _CORRELATION,
                [
                    "two series that only share a trend correlate in their values and not in their "
                    "changes: believe the changes first"
                ],
            ),
        ]
    words = [
        "The orchestrator's step s and the trainer's step s belong together: update s is computed "
        "from the rewards of step s. A loss of a policy gradient may be negative, and lower is not "
        "better; in prime-rl the KL is the mismatch between the trainer and the engine that "
        "samples, not a distance from a reference model."
    ]
    if not figures:
        words = ["No loss, entropy or KL is known of these runs."]
    shown_tables = [table for table in tables if table.rows]
    return Section("training", "And the loss meanwhile?", words, blocks=[*figures, *shown_tables])


def speed(asking: Asking, scope: Scope, unsure: Mapping[str, str]) -> Section:
    """Return the section of throughput and step time."""
    figures = _stacked(asking, scope, "speed_by_step", _SPEED, "speed", unsure)
    table = asking.facts(
        "step_time",
        "Step times and throughput",
        _STEP_TIME,
        ["a spike is a step of more than 2 medians; throughput is in the metric's own unit"],
        beside={"total": _of_steps(asking), "spikes": _of_steps(asking)},
    )
    blocks: list[Figure | Table] = [*figures, *([table] if table.rows else [])]
    words = [] if blocks else ["No throughput or step time is known of these runs."]
    return Section("speed", "How fast did it go?", words, blocks=blocks)


def _of_steps(asking: Asking) -> Note:
    """Return what a sum over a run's steps is a sum of, where steps are missing."""
    known = {row["run_id"]: row for row in asking.rows("certificate")}

    def words(row: dict[str, Any]) -> str:
        run = known[row["run_id"]]
        there_were = (run["steps"] or 0) + run["gaps"]
        if row["samples"] < there_were:
            return f"in {row['samples']:,} of {there_were:,} steps, not in the whole run"
        return "" if run["completeness"] == "complete" else "so far as it is here"

    return words


def _stacked(
    asking: Asking,
    scope: Scope,
    name: str,
    kinds: Sequence[str],
    key: str,
    unsure: Mapping[str, str],
) -> list[Figure]:
    found = asking.series(name)
    kind_of = {
        (row["run_id"], row["metric"]): row["kind"]
        for row in asking.reading.query("main_metrics", runs=list(asking.runs)).dicts()
        if row["kind"] in kinds
    }
    figures = []
    for place, one in enumerate(scope.trainings):
        panels = []
        for kind in kinds:
            lines = [
                series
                for series in found
                if series.run_id in one.runs and kind_of.get((series.run_id, series.metric)) == kind
            ]
            panels += [_panel(kind, series, len(one.runs)) for series in lines]
        if panels:
            drawn = [line for panel in panels for line in panel.series]
            chart = Chart(one.name, STEP, panels, doubted(drawn, unsure))
            figures.append(Figure(f"{key}-{place}", chart, [asking.text(name)], SMOOTHING))
    return figures


def _panel(kind: str, series: Series, runs: int) -> Panel:
    title = (
        f"{shown(series.metric)} of {shown(series.run_id)}" if runs > 1 else shown(series.metric)
    )
    return Panel(title, UNITS[kind], [series.labelled(series.metric)])
