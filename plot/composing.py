"""From runs and wishes to a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dakota_wh.errors import NothingFound, UsageProblem
from dakota_wh.plot.axis import along
from dakota_wh.plot.chart import MOST_LINES, Chart, Level, Panel, Point
from dakota_wh.plot.naming import number, shown
from dakota_wh.plot.reading import Reading, filled
from dakota_wh.plot.selection import AXES, PRESETS, Wanted, by_patterns, by_preset
from dakota_wh.plot.series import Series

#: Panels that one chart holds.
MOST_PANELS: Final = 12


def compose(
    reading: Reading,
    runs: Sequence[str],
    *,
    metrics: Sequence[str] = (),
    preset: str | None = None,
    x: str = "step",
) -> Chart:
    """Return the chart of some runs.

    Args:
        reading: the warehouse.
        runs: the runs; all that are here where none is named.
        metrics: patterns of metrics, a panel each metric.
        preset: a name of ``PRESETS``; ``rewards`` where there are no patterns either.
        x: ``step``, ``time`` or ``tokens``.

    Raises:
        UsageProblem: both metrics and a preset, or a name that does not exist.
        NoSuchRun, NothingFound: a run is not here, or nothing is there to draw.
    """
    if metrics and preset:
        raise UsageProblem("A preset has its own metrics.", hint="Give --metric or --preset.")
    if x not in AXES:
        raise UsageProblem(f"There is no axis {x!r}.", hint=f"Axes: {', '.join(AXES)}")
    if preset is not None and preset not in PRESETS:
        raise UsageProblem(f"There is no preset {preset!r}.", hint=f"Presets: {', '.join(PRESETS)}")
    runs = list(dict.fromkeys(runs)) or _all_runs(reading)
    notes: list[str] = []
    if metrics:
        wanted = by_patterns(reading, runs, metrics)
    else:
        wanted, notes = by_preset(reading, runs, preset or "rewards")
    wanted, limits = _limited(wanted)
    title, panels, said = _panels(reading, wanted, x)
    notes += [*limits, *said, *_doubts(reading, panels)]
    if preset == "milestones":
        panels = [_with_milestones(reading, panel) for panel in panels]
    if not any(panel.series for panel in panels):
        raise NothingFound("There is no value to draw.", hint="Other runs or metrics have some.")
    name = panels[0].title if len(panels) == 1 else (preset or "metrics").capitalize()
    return Chart(name, title, panels, notes)


def _all_runs(reading: Reading) -> list[str]:
    runs = [str(row["run_id"]) for row in reading.query("runs").dicts()]
    if not runs:
        raise NothingFound("There is no run to draw.", hint="Ingest one: dakota-wh ingest …")
    return runs


def _limited(wanted: Sequence[Wanted]) -> tuple[list[Wanted], list[str]]:
    notes = []
    if len(wanted) > MOST_PANELS:
        notes.append(f"{len(wanted):,} panels, the first {MOST_PANELS} are drawn: name fewer")
    kept = []
    for panel in wanted[:MOST_PANELS]:
        more = len(panel.lines) - MOST_LINES
        if more > 0:
            notes.append(f"{panel.title}: {more:,} more lines are not drawn (at most {MOST_LINES})")
        kept.append(Wanted(panel.title, panel.unit, panel.lines[:MOST_LINES]))
    return kept, notes


def _panels(
    reading: Reading, wanted: Sequence[Wanted], x: str
) -> tuple[str, list[Panel], list[str]]:
    lines = [line for panel in wanted for line in panel.lines]
    runs = list(dict.fromkeys(run for run, _, _ in lines))
    metrics = list(dict.fromkeys(metric for _, metric, _ in lines))
    title, found, notes = along(reading, x, runs, metrics)
    series = {(one.run_id, one.metric): one for one in found}
    panels = []
    for panel in wanted:
        drawn = [
            series[run, metric].labelled(label)
            for run, metric, label in panel.lines
            if (run, metric) in series
        ]
        panels.append(Panel(panel.title, panel.unit, drawn))
    return title, panels, notes


def _doubts(reading: Reading, panels: Sequence[Panel]) -> list[str]:
    """Return why a run's data may not be all there is."""
    runs = list(dict.fromkeys(series.run_id for panel in panels for series in panel.series))
    if not runs:
        return []
    return [
        f"{shown(row['run_id'])} is {row['completeness']}: {shown(row['evidence'] or '', 200)}"
        for row in reading.query("runs", runs=runs).dicts()
        if row["completeness"] != "complete"
    ]


def _with_milestones(reading: Reading, panel: Panel) -> Panel:
    levels: list[Level] = []
    points: list[Point] = []
    for line, series in enumerate(panel.series):
        levels += halves(series, line, named=len(panel.series) > 1)
        text = filled("dakota_wh.plot", "milestones.sql", run=series.run_id, metric=series.metric)
        rows = reading.sql(text).dicts()
        points += milestones(series, rows, line, named=len(panel.series) > 1)
    return Panel(panel.title, panel.unit, panel.series, levels, points)


def halves(series: Series, line: int = 0, *, named: bool = False) -> list[Level]:
    """Return the means of the two halves of the finite values, as reward_trends splits them.

    Args:
        series: the line.
        line: its position in the panel.
        named: whether to say whose they are.
    """
    drawn = series.drawable
    count = len(drawn)
    if count <= 10:
        return []
    middle = count // 2
    levels = []
    for name, part in (("first half", slice(0, middle)), ("second half", slice(middle, count))):
        x, values = drawn.x[part], drawn.values[part]
        mean = float((values / len(values)).sum())  # no sum leaves DOUBLE's range
        label = f"{_whose(series, named)}mean of the {name}: {number(mean)}"
        levels.append(Level(float(x[0]), float(x[-1]), mean, label, line))
    return levels


def milestones(
    series: Series, rows: Sequence[dict[str, object]], line: int = 0, *, named: bool = False
) -> list[Point]:
    """Return the marks of the rows of reward_milestones that were reached; see ``halves``."""
    where = {int(step): i for i, step in enumerate(series.steps.tolist())}
    points = []
    for row in rows:
        step, milestone = row["step"], row["milestone"]
        if not isinstance(step, int) or step not in where:
            continue
        i = where[step]
        label = f"{_whose(series, named)}{milestone} % of the gain at step {step}"
        x, y = float(series.x[i]), float(series.values[i])
        points.append(Point(x, y, label, f"{milestone} %", line))
    return points


def _whose(series: Series, named: bool) -> str:
    return f"{shown(series.label or series.run_id)}: " if named else ""
