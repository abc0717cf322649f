"""The demo's charts as text, SVG and PNG, and what the command line says about them."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from dakota_wh import cli
from dakota_wh.api import Warehouse
from dakota_wh.plot import libraries
from dakota_wh.plot.chart import Chart, Panel, Point
from dakota_wh.plot.plot import Plot
from dakota_wh.plot.series import Series
from dakota_wh.plot.spec import layers
from dakota_wh.plot.theme import PAPER

GOLDEN = Path(__file__).parent / "demo_milestones.txt"


def called(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    """Call the command line in this process."""
    capsys.readouterr()
    code = cli.run([str(arg) for arg in args])
    out, err = capsys.readouterr()
    return code, out, err


def words_of(drawn: Plot, between: str = " ") -> str:
    """Return what stands in a picture, as SVG."""
    root = ElementTree.fromstring(drawn.svg())  # noqa: S314 - our own
    return between.join(root.itertext())


def wide(line: str) -> int:
    """Return how many columns a line takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def test_the_demo_without_colour_at_80_columns(warehouse: Warehouse) -> None:
    text = warehouse.plot("demoorch", preset="milestones", smooth="ma:20").text()
    assert text == GOLDEN.read_text(encoding="utf-8")
    assert max(map(wide, text.splitlines())) <= 80


@pytest.mark.parametrize("width", [16, 20, 40, 60, 80, 160])
def test_no_line_is_wider_than_asked(warehouse: Warehouse, width: int) -> None:
    for preset in ("components", "throughput"):
        text = warehouse.plot([], preset=preset).text(width=width)
        assert max(map(wide, text.splitlines())) <= width


@pytest.mark.parametrize("width", [16, 20, 33, 40, 58])
def test_a_narrow_terminal_says_the_same_numbers(two_rewards: Warehouse, width: int) -> None:
    for preset in ("rewards", "milestones"):
        drawn = two_rewards.plot(["one", "two"], preset=preset)
        whole = " ".join(drawn.text(width=160).split("reward of")[-1].split())
        facts = re.findall(r"\d+ values, .*? last \S+|of the .*? half: \S+|at step \d+: \S+", whole)
        assert len(facts) == (2 if preset == "rewards" else 2 + 4 + 8)
        narrow = " ".join(drawn.text(width=width).split())
        assert [fact for fact in facts if fact not in narrow] == []


def test_a_label_of_an_axis_is_never_cut() -> None:
    steps = np.arange(12, dtype=np.float64)
    line = Series("run", "m", steps, steps, 123456.0 + steps / 1000)
    text = Plot(Chart("m", "training step", [Panel("m", "as logged", [line])])).text()
    labels = [row.split(" ┤")[0].strip() for row in text.splitlines() if " ┤" in row]
    assert labels == ["123,456.010", "123,456.005", "123,456.000"]


def test_without_colour_there_is_no_escape_and_with_it_there_is(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = warehouse.plot([], metric="time/step", smooth="ema:0.6")
    assert "\x1b" not in drawn.text()
    assert drawn.text(ascii_only=True).isascii()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")  # else plotille wants a terminal
    assert "\x1b[38;5;" in drawn.text(colour=True)
    monkeypatch.setenv("FORCE_COLOR", "0")
    assert drawn.text(colour=True) == drawn.text()


def test_lines_on_each_other_are_both_seen(warehouse: Warehouse) -> None:
    # exact_match and pattern are both 0 at first: each has its letter on the ground
    text = warehouse.plot("demoorch", preset="components").text()
    ground = next(line for line in text.splitlines() if line.strip().startswith("0 ┤"))
    letters = {
        line.split()[0]
        for line in text.splitlines()
        if "exact_match" in line or "pattern_reward" in line
    }
    assert len(letters) == 2
    assert letters <= set(ground)


def test_an_svg_is_well_formed_and_names_its_lines(warehouse: Warehouse, tmp_path: Path) -> None:
    target = warehouse.plot([], preset="components", smooth="ma:20").save(tmp_path / "a.svg")
    root = ElementTree.fromstring(target.read_text(encoding="utf-8"))  # noqa: S314 - our own
    words = "".join(root.itertext())
    for name in ("Reward components of demoorch", "metrics/affix_reward", "training step"):
        assert name in words


def test_a_picture_says_what_is_dashed_and_whose_it_is(
    warehouse: Warehouse, two_rewards: Warehouse
) -> None:
    one = words_of(warehouse.plot("demoorch", preset="milestones"))
    for words in ("Reward of demoorch", "dashed: mean of the first half: 0.27004", "at step 118"):
        assert words in one
    both = words_of(two_rewards.plot([], preset="milestones"))
    for words in ("one: mean of the first half: 0.2375", "two: mean of the first half: 0.25"):
        assert words in both


def test_milestones_of_one_step_have_one_label(two_rewards: Warehouse) -> None:
    assert "25, 50, 75, 90 %" in words_of(two_rewards.plot("two", preset="milestones"))
    assert words_of(two_rewards.plot("two", preset="milestones")).count(" %") == 1 + 4  # and a note


def test_labels_of_milestones_do_not_lie_on_each_other() -> None:
    steps = np.arange(1000, dtype=np.float64)
    marks = [Point(x, 0.5, "", f"{n} %") for n, x in ((25, 49), (50, 71), (75, 109), (90, 995))]
    panel = Panel("r", "reward", [Series("run", "r", steps, steps, steps)], points=marks)
    data = [layer for layer in layers(panel, PAPER, apart=0.06) if layer["mark"]["type"] == "text"]
    places = {
        (one["x"] - 60 if one["left"] else one["x"], one["top"])
        for one in data[0]["data"]["values"]
    }
    assert {one["n"]: one["left"] for one in data[0]["data"]["values"]}["90 %"]
    for (start, row), (other, same) in combinations(sorted(places), 2):
        assert row != same or other - start >= 60


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([9007199254740000.0, 9007199254741000.0], {"9.0071992547402e15", "9.0071992547408e15"}),
        ([800_000_000_000.0, 0.0], {"8e11", "2e11", "0"}),
        ([0.25, 0.5], {"0.25", "0.50"}),
        ([1e-20, 3e-20], {"1e-20", "2.5e-20"}),
    ],
)
def test_numbers_beside_an_axis_are_whole_and_short(values: list[float], labels: set[str]) -> None:
    steps = np.arange(len(values), dtype=np.float64)
    line = Series("run", "m", steps, steps, np.array(values))
    words = words_of(Plot(Chart("m", "training step", [Panel("m", "as logged", [line])])), "\n")
    assert labels <= set(words.split("\n"))
    assert "…" not in words


def test_a_png_is_one_and_is_as_large_as_it_is_drawn(warehouse: Warehouse, tmp_path: Path) -> None:
    data = warehouse.plot("demoorch").save(tmp_path / "a.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    assert width > 1500
    assert height > 500


def test_the_command_draws_and_writes(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = ("--warehouse", warehouse.path)
    code, out, err = called(capsys, "plot", "demoorch", "--preset", "kl", *place)
    assert (code, err) == (0, "")
    assert "its partner demotrnr does" in " ".join(out.split())
    target = tmp_path / "kl.html"
    code, out, err = called(capsys, "plot", "demoorch", "--preset", "kl", "-o", target, *place)
    assert (code, out) == (0, "")
    assert str(target) in err
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["nobody"], 3, "no run nobody"),
        (["--metric", "x/*"], 3, "like 'x/*'"),
        (["-o", "a.gif"], 2, ".png, .svg or .html"),
        (["--smooth", "ma:x"], 2, "ema:0.6"),
        (["--preset", "loss", "--metric", "*"], 2, "--metric or --preset"),
    ],
)
def test_a_call_that_cannot_be_met_says_what_to_type(
    warehouse: Warehouse,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    code: int,
    words: str,
) -> None:
    found, out, err = called(capsys, "plot", *args, "--warehouse", warehouse.path)
    assert (found, out) == (code, "")
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("missing", "args"),
    [
        ("plotille", ["plot", "demoorch"]),
        ("vl_convert", ["plot", "demoorch", "-o", "a.png"]),
        ("jinja2", ["report", "demoorch", "-o", "a.html"]),
    ],
)
def test_a_missing_extra_is_one_line_that_says_how_to_get_it(
    warehouse: Warehouse,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    missing: str,
    args: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    genuine = importlib.import_module

    def without(name: str) -> object:
        if name == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return genuine(name)

    monkeypatch.setattr(libraries, "import_module", without)
    code, out, err = called(capsys, *args, "--warehouse", warehouse.path)
    assert (code, out) == (1, "")
    assert "pip install 'dakota-wh[plot]'" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_help_loads_none_of_the_libraries() -> None:
    script = (
        "import sys; from dakota_wh.commands import plot, report; import dakota_wh.cli;"
        "print([m for m in ('numpy', 'duckdb', 'pyarrow', 'jinja2', 'vl_convert', 'plotille')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
