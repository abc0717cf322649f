"""Charts hold what the views hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dakota_wh.api import Warehouse
from dakota_wh.errors import NoSuchRun, NothingFound, UsageProblem
from dakota_wh.plot.chart import Chart, Panel, remarks, thinning
from dakota_wh.plot.composing import compose
from dakota_wh.plot.points import points
from dakota_wh.plot.selection import PRESETS
from dakota_wh.plot.series import Series
from dakota_wh.plot.smoothing import Smoothing


def test_a_line_is_the_metric_as_the_view_has_it(warehouse: Warehouse) -> None:
    [panel] = compose(warehouse, ["demoorch"], metrics=["reward/mean"]).panels
    [line] = panel.series
    expected = warehouse.sql(
        "SELECT step, value FROM metrics WHERE metric = 'reward/mean' ORDER BY step"
    ).rows()
    assert list(zip(line.steps, line.values, strict=True)) == expected


def test_a_panel_is_a_metric_and_its_lines_are_runs(warehouse: Warehouse) -> None:
    chart = compose(warehouse, [], metrics=["time/step", "loss/mean"])
    lines = {p.title: [s.label for s in p.series] for p in chart.panels}
    assert lines == {
        "time/step": ["demoorch", "demotrnr"],
        "loss/mean of demotrnr": ["loss/mean"],
    }


@pytest.mark.parametrize("preset", [*PRESETS])
def test_every_preset_draws_the_demo(warehouse: Warehouse, preset: str) -> None:
    chart = compose(warehouse, [], preset=preset)
    assert chart.values >= 240
    assert all(panel.unit for panel in chart.panels)


def test_a_partner_stands_in_and_is_named(warehouse: Warehouse) -> None:
    chart = compose(warehouse, ["demoorch"], preset="loss")
    assert [s.run_id for s in chart.panels[0].series] == ["demotrnr"]
    assert "demoorch logs no loss; its partner demotrnr does" in chart.notes


def test_milestones_are_those_of_the_view(owner: Warehouse) -> None:
    [panel] = compose(owner, ["29hn8w98"], preset="milestones").panels
    assert [point.x for point in panel.points] == [49, 71, 109, 160]  # the owner's own numbers
    [trend] = owner.query("reward_trends", metric="reward/mean").dicts()
    assert [level.value for level in panel.levels] == pytest.approx(
        [trend["first_half_mean"], trend["second_half_mean"]], rel=1e-9
    )
    assert [(level.start, level.end) for level in panel.levels] == [(0, 499), (500, 999)]


def test_time_is_that_of_the_steps(warehouse: Warehouse) -> None:
    chart = compose(warehouse, ["demotrnr"], metrics=["loss/mean"], x="time")
    line = chart.panels[0].series[0]
    runtimes = warehouse.sql(
        "SELECT runtime FROM steps WHERE run_id = 'demotrnr' ORDER BY step"
    ).rows()
    unit = {"(s)": 1, "(min)": 60, "(h)": 3600}[chart.x_title.rpartition(" ")[2]]
    assert (line.x * unit).tolist() == pytest.approx([runtime for (runtime,) in runtimes])


def test_tokens_of_a_trainer_are_its_orchestrators(owner: Warehouse) -> None:
    chart = compose(owner, ["7nikv4vp"], metrics=["loss/mean"], x="tokens")
    line = chart.panels[0].series[0]
    total = dict(
        owner.sql("SELECT step, value FROM metrics WHERE metric = 'progress/total_tokens'").rows()
    )
    assert line.x.tolist() == [total[step] for step in line.steps]
    assert "tokens of 7nikv4vp are those of its partner 29hn8w98" in chart.notes


def test_a_run_that_is_not_complete_is_named(owner: Warehouse) -> None:
    said = remarks(compose(owner, ["7nikv4vp"], preset="loss"))
    assert any(line.startswith("7nikv4vp is sampled: 500 rows") for line in said)


def test_nan_is_said(warehouse: Warehouse) -> None:
    [(metric, count)] = warehouse.sql(
        "SELECT metric, nonfinite FROM series WHERE nonfinite > 0 ORDER BY metric LIMIT 1"
    ).rows()
    assert count == 1
    said = remarks(compose(warehouse, [], metrics=[metric]))
    assert f"{metric}: 1 value is NaN or infinite, and not drawn" in said


def test_holes_are_said(tmp_path: Path) -> None:
    steps = [*range(20), *range(23, 60), *range(70, 90)]
    rows = [f"{step},{step / 100}" for step in steps]
    (tmp_path / "holes_history.csv").write_text("\n".join(["_step,reward", *rows]) + "\n")
    opened = Warehouse(tmp_path / "warehouse")
    opened.ingest(tmp_path / "holes_history.csv")
    assert "reward: 2 gaps, left open" in remarks(compose(opened, ["holes"], metrics=["reward"]))


def test_a_line_that_runs_on_across_missing_steps_says_so(owner: Warehouse) -> None:
    said = remarks(compose(owner, ["7nikv4vp"], preset="loss"))
    # the export has 500 of the steps 0 to 998, and none from 432 to 440
    assert (
        "loss/mean of 7nikv4vp: 500 of 999 steps have a value, up to 9 in a row have none; the "
        "line runs on across them"
    ) in said


def test_milestones_of_several_runs_say_whose_they_are(two_rewards: Warehouse) -> None:
    chart = compose(two_rewards, ["one", "two"], preset="milestones")
    [panel] = chart.panels
    whose = [(level.line, level.label.split(":")[0]) for level in panel.levels]
    assert whose == [(0, "one"), (0, "one"), (1, "two"), (1, "two")]
    marks = [(point.line, point.label.split(":")[0]) for point in panel.points]
    assert set(marks) == {(0, "one"), (1, "two")}


def test_a_chart_of_one_run_names_it(warehouse: Warehouse) -> None:
    assert compose(warehouse, ["demoorch"]).title == "Reward of demoorch"
    assert compose(warehouse, ["demotrnr"], metrics=["loss/mean"]).title == "loss/mean of demotrnr"
    assert compose(warehouse, [], metrics=["time/step"]).title == "time/step"


def test_what_does_not_fit_is_said(warehouse: Warehouse) -> None:
    chart = compose(warehouse, [], metrics=["*"])
    assert len(chart.panels) == 12
    assert any("the first 12 are drawn" in note for note in chart.notes)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"runs": ["nobody"]}, NoSuchRun),
        ({"runs": [], "metrics": ["nothing/*"]}, NothingFound),
        ({"runs": [], "metrics": ["*"], "preset": "loss"}, UsageProblem),
        ({"runs": [], "preset": "lozz"}, UsageProblem),
        ({"runs": [], "x": "epoch"}, UsageProblem),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    warehouse: Warehouse, call: dict[str, list[str]], error: type[Exception]
) -> None:
    runs = call.pop("runs")
    with pytest.raises(error):
        compose(warehouse, runs, **call)  # type: ignore[arg-type]
    call["runs"] = runs


def test_thinning_is_said_and_no_spike_is_lost() -> None:
    steps = np.arange(5000, dtype=np.float64)
    values = np.sin(steps / 300)
    values[3210] = 40.0
    line = Series("run", "reward", steps, steps, values)
    panel = Panel("Reward", "reward", [line])
    said = thinning(Chart("Reward", "training step", [panel]))
    assert any("more than 1,200 values (up to 5,000)" in one for one in said)
    [columns] = points(panel, [Smoothing("ma", 20)])
    assert len(columns["x"]) <= 1200
    assert columns["y"][columns["x"].index(3210)] == 40.0
    expected = pd.Series(values).rolling(20, min_periods=1).mean()
    assert columns["m0"] == pytest.approx(expected[columns["x"]].tolist(), rel=1e-5, abs=1e-9)
