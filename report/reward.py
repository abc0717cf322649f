"""Did the reward rise, when, and what of it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dakota_wh.plot.chart import MOST_LINES, Chart, Panel
from dakota_wh.plot.composing import MOST_PANELS, halves, milestones
from dakota_wh.plot.naming import shown
from dakota_wh.plot.page.figure import Figure
from dakota_wh.plot.series import Series
from dakota_wh.plot.smoothing import Smoothing
from dakota_wh.report.asking import Asking
from dakota_wh.report.section import Section

#: What is shown first; a reader can choose another.
SMOOTHING: Final = Smoothing("ma", 20)
STEP: Final = "training step"

_TREND: Final = {
    "run_id": "run",
    "metric": "metric",
    "verdict": "verdict",
    "first_half_mean": "mean, first half",
    "second_half_mean": "mean, second half",
    "improvement": "difference",
    "improvement_pct": "difference (%)",
    "samples": "samples",
}
_EVIDENCE: Final = {
    "run_id": "run",
    "metric": "metric",
    "half_difference_low": "difference, 95 % from",
    "half_difference_high": "95 % to",
    "support": "support",
    "effective_samples": "independent samples, about",
    "tail_state": "last quarter",
    "tail_first_mean": "mean of its first half",
    "tail_second_mean": "mean of its second half",
}
_MILESTONES: Final = {
    "run_id": "run",
    "metric": "metric",
    "milestone": "share of the gain (%)",
    "target": "value to reach",
    "step": "reached at step",
    "value": "value there",
    "robust_target": "smoothed value to reach",
    "robust_step": "smoothed: reached at step",
}
_COMPONENTS: Final = {
    "run_id": "run",
    "metric": "component",
    "weight": "implied weight",
    "contribution": "contribution to the gain",
    "share": "share of the gain",
    "state": "state",
    "dead": "always 0",
    "r2": "R² of the fit",
    "residual": "greatest residual",
    "assumed_weight_left": "weight left, if they sum to 1",
}


def reward(asking: Asking, unsure: Mapping[str, str]) -> Section:
    """Return the section of the main reward, with its halves and milestones.

    Where no run has a main reward, every metric that is called one stands for it.
    """
    title = "Did the reward rise?"
    found = asking.series("reward_by_step")
    if found:
        figures = _main_rewards(asking, found, unsure)
        words = [
            "Dashed: the means of the first and the second half of the samples. Diamonds: the "
            "first step with 25, 50, 75 and 90 % of the gain from the first value to the last."
        ]
    else:
        figures = _called_rewards(asking, unsure)
        words = ["No metric of these runs is known to be their reward."]
        words += ["Drawn are those whose name contains reward or score."] if figures else []
    tables = [
        asking.table("reward_trends", "Half split", _TREND),
        asking.table("reward_trends", "How sure is that, and does it go on?", _EVIDENCE),
        asking.table("reward_milestones", "Milestones", _MILESTONES),
    ]
    return Section("reward", title, words, blocks=[*figures, *(t for t in tables if t.rows)])


def _main_rewards(
    asking: Asking, found: Sequence[Series], unsure: Mapping[str, str]
) -> list[Figure]:
    text = asking.text("reward_by_step")
    marks = asking.rows("reward_milestones")
    figures = []
    if len(found) > 1:
        title = "Rewards together"
        together = [series.labelled(series.run_id) for series in found[:MOST_LINES]]
        chart = Chart(title, STEP, [Panel(title, "reward", together)], doubted(together, unsure))
        figures.append(Figure("rewards", chart, [text], SMOOTHING))
    return figures + [
        _figure(place, series, marks, [text, asking.text("reward_milestones")], unsure)
        for place, series in enumerate(found)
    ]


def _called_rewards(asking: Asking, unsure: Mapping[str, str]) -> list[Figure]:
    runs: dict[str, list[Series]] = {}
    for series in asking.series("reward_metrics_by_step"):
        runs.setdefault(series.run_id, []).append(series)
    figures = []
    for place, (run, lines) in enumerate(runs.items()):
        notes = doubted(lines[:1], unsure)
        more = len(lines) - MOST_PANELS
        if more > 0:
            notes.append(f"{more:,} more such metrics are not drawn: the SQL has them")
        panels = [
            Panel(shown(line.metric), "as logged", [line.labelled(line.metric)], halves(line))
            for line in lines[:MOST_PANELS]
        ]
        chart = Chart(f"Metrics of {shown(run)} that are called a reward", STEP, panels, notes)
        sql = [asking.text("reward_metrics_by_step")]
        figures.append(Figure(f"called-{place}", chart, sql, SMOOTHING))
    return figures


def _figure(
    place: int,
    series: Series,
    marks: list[dict[str, Any]],
    sql: list[str],
    unsure: Mapping[str, str],
) -> Figure:
    own = [m for m in marks if (m["run_id"], m["metric"]) == (series.run_id, series.metric)]
    title = f"Reward of {shown(series.run_id)}"
    line = series.labelled(series.metric)
    panel = Panel(title, "reward", [line], halves(series), milestones(series, own))
    return Figure(
        f"reward-{place}", Chart(title, STEP, [panel], doubted([series], unsure)), sql, SMOOTHING
    )


def doubted(lines: Sequence[Series], unsure: Mapping[str, str]) -> list[str]:
    """Return, for beneath a figure, which of its runs are not proved complete."""
    runs = dict.fromkeys(line.run_id for line in lines if line.run_id in unsure)
    return [f"{shown(run)} is not proved complete: see the top of the page" for run in runs]


def components(asking: Asking, unsure: Mapping[str, str]) -> Section:
    """Return the section of what the reward is made of."""
    weights = asking.rows("components")
    if not weights:
        words = ["No reward component is known of these runs."]
        return Section("components", "Which component did it?", words)
    size = {(w["run_id"], w["metric"]): abs(w["contribution"] or 0.0) for w in weights}
    runs: dict[str, list[Series]] = {}
    for series in asking.series("components_by_step"):
        runs.setdefault(series.run_id, []).append(series.labelled(series.metric))
    figures = []
    for place, (run, lines) in enumerate(runs.items()):
        notes = doubted(lines[:1], unsure)
        if len(lines) > MOST_LINES:
            lines.sort(key=lambda line: -size.get((line.run_id, line.metric), 0.0))
            notes.append(
                f"{len(lines) - MOST_LINES:,} components that contribute less are not drawn"
            )
        title = f"Components of the reward of {shown(run)}"
        chart = Chart(title, STEP, [Panel(title, "component", lines[:MOST_LINES])], notes)
        sql = [asking.text("components_by_step")]
        figures.append(Figure(f"components-{place}", chart, sql, SMOOTHING))
    evidence = list(dict.fromkeys(f"{w['metric']}: {w['evidence']}" for w in weights))
    table = asking.table(
        "components",
        "Weights that the values imply",
        _COMPONENTS,
        [shown(e, 200) for e in evidence],
    )
    words = [
        "Weights are found by least squares from the values; where the reward is no weighted sum "
        "of these components, or one never moved, its weight is undefined."
    ]
    return Section("components", "Which component did it?", words, blocks=[*figures, table])
