"""No values, one value, or values at the end of DOUBLE: all are drawn, or it is said why not."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dakota_wh.plot.chart import Chart, Panel, remarks
from dakota_wh.plot.composing import halves
from dakota_wh.plot.page.figure import Figure
from dakota_wh.plot.plot import Plot
from dakota_wh.plot.series import Series
from dakota_wh.plot.smoothing import Smoothing

LARGEST = 1.7976931348623157e308


def chart(values: list[float]) -> Chart:
    steps = np.arange(len(values), dtype=np.float64)
    line = Series("run", "reward", steps, steps, np.array(values, dtype=np.float64))
    return Chart("Odd", "training step", [Panel("Odd", "reward", [line], halves(line))])


@settings(max_examples=60)
@example([math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, -0.0, 1.0])
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40))
def test_any_values_are_drawn_and_written(values: list[float]) -> None:
    odd = chart(values)
    for smoothing in (None, Smoothing("ma", 5)):
        text = Plot(odd, smoothing).text()
        assert ("no finite value" in text) == (not any(map(math.isfinite, values)))
        data = Figure("odd", odd, smoothing=smoothing).data()
        json.dumps(data, allow_nan=False)
        drawn = data["panels"][0]["lines"][0]["y"]
        assert drawn == [value for value in values if math.isfinite(value)]


@pytest.mark.parametrize(
    "values",
    [[math.nan] * 12, [1.0], [5e-324, 0.0] * 8, [LARGEST, -LARGEST] * 8, [0.25] * 20, [-LARGEST]],
)
def test_odd_values_are_pictures_too(values: list[float]) -> None:
    drawn = Plot(chart(values), Smoothing("ema", 0.6))
    assert "<svg" in drawn.svg()
    assert drawn.html().startswith("<!DOCTYPE html>")


def test_what_an_axis_cannot_reach_is_drawn_at_its_edge_and_said() -> None:
    odd = chart([1e308, -1e308] * 8)
    assert "reward: 16 values beyond 8e+307 in size, drawn at the edge" in remarks(odd)
    text = Plot(odd).text(width=80)
    assert "16 values, −1e+308 to 1e+308, last −1e+308" in text
    for row in (text.splitlines()[1], text.splitlines()[14]):
        assert any("\u2800" < dot <= "\u28ff" for dot in row)


def test_one_value_is_one() -> None:
    assert "reward: 1 value, 1 to 1, last 1" in Plot(chart([1.0])).text()


def test_a_half_at_the_end_of_double_has_a_mean() -> None:
    [first, second] = halves(chart([LARGEST] * 20).panels[0].series[0])
    assert first.value == second.value == pytest.approx(LARGEST)
