"""What a page holds of a long line: every value, or bands that claim nothing between them."""

from __future__ import annotations

from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.plot.chart import Chart, Panel
from dakota_wh.plot.page.figure import Figure
from dakota_wh.plot.page.lines import BANDS, band_bounds, page_lines
from dakota_wh.plot.series import Series
from dakota_wh.plot.smoothing import Smoothing

COUNT = 5000


def spiked() -> Panel:
    """Return a line of 5,000 values below 1.1 with one of 100, and a hole of three steps."""
    steps = np.delete(np.arange(COUNT + 3, dtype=np.float64), [2000, 2001, 2002])
    values = np.sin(steps / 7) + 0.05
    values[3210] = 100.0
    return Panel("Reward", "reward", [Series("run", "reward", steps, steps, values)])


def test_a_page_holds_every_value_of_a_long_line() -> None:
    panel = spiked()
    [line] = page_lines(panel, [Smoothing("ma", 20)], whole=True)
    packed = line["packed"]
    x, y = (np.frombuffer(b64decode(packed[name]), "<f8") for name in ("x", "y"))
    assert x.tolist() == panel.series[0].x.tolist()
    assert y.tolist() == panel.series[0].values.tolist()
    assert packed["cuts"] == [2000]
    expected = pd.Series(y).rolling(20, min_periods=1).mean()
    smooth = np.frombuffer(b64decode(packed["m0"]), "<f4")
    assert smooth.tolist() == pytest.approx(expected.tolist(), rel=1e-6, abs=1e-6)


def test_places_at_a_stride_are_two_numbers() -> None:
    steps = np.arange(5.0, 5.0 + 2 * COUNT, 2.0)
    [line] = page_lines(Panel("r", "r", [Series("run", "r", steps, steps, steps)]), [], whole=True)
    assert line["packed"]["x"] == [5.0, 2.0]


def test_bands_hold_every_value_between_their_ends() -> None:
    panel = spiked()
    [line] = page_lines(panel, [Smoothing("ma", 20)], whole=False)
    bands = line["bands"]
    series = panel.series[0]
    covered = set()
    for x, x2, n, low, high in zip(*(bands[k] for k in ("x", "x2", "n", "lo", "hi")), strict=True):
        within = (series.x >= x) & (series.x <= x2)
        values = series.values[within]
        assert (len(values), values.min(), values.max()) == (n, low, high)
        covered |= set(series.x[within].tolist())
    assert covered == set(series.x.tolist())
    # bands touch, so that what rises is not drawn as stairs in the air; but not across the hole
    touching = [end == start for end, start in zip(bands["x2"], bands["x"][1:], strict=False)]
    assert touching.count(False) == 1
    assert bands["x2"][touching.index(False)] == 1999


@given(st.integers(2, 4000), st.sets(st.integers(1, 3999), max_size=5), st.integers(4, 700))
def test_bands_are_few_and_cover_all(count: int, cuts: set[int], most: int) -> None:
    pieces = np.zeros(count, dtype=np.int64)
    for cut in cuts:
        pieces[cut:] += 1
    bounds = band_bounds(pieces, most)
    assert len(bounds) <= most + len(cuts)
    reached = -1
    for start, end in bounds.tolist():
        assert start in (reached, reached + 1)
        assert end >= start
        assert pieces[start] == pieces[end]
        reached = end
    assert reached == count - 1


def test_what_a_figure_says_of_a_long_line_is_what_it_holds() -> None:
    figure = Figure("f", Chart("Reward", "training step", [spiked()]))
    assert figure.long_values == COUNT
    assert any(
        "zoomed in to 1,200 or fewer, by every value" in s for s in figure.remarks(whole=True)
    )
    [said] = [s for s in figure.remarks(whole=False) if "bands" in s]
    assert f"of up to {-(-COUNT // BANDS)} values" in said
    assert "zooming in does not show them" in said
