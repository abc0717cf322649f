"""The first command after an install: ``dakota-wh --help``, against a bare import of click."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.processes import in_turn
from benchmarks.report import Report
from dakota_wh.cli import COMMANDS

_DAKOTA = str(Path(sys.executable).with_name("dakota-wh"))


def run(size: str) -> Report:
    """Measure; both are started in turn, many times."""
    report = Report("dakota-wh --help against `import click`", size, packages=("click",))
    ways = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        "dakota-wh --help": [_DAKOTA, "--help"],
        "dakota-wh query --help": [_DAKOTA, "query", "--help"],
    }
    found = in_turn(ways, 41 if size == "full" else 3)
    helped = found["dakota-wh --help"].output
    if lost := [name for name in COMMANDS if f"  {name} " not in helped]:
        raise SystemExit(f"--help lacks {lost}")
    bare = found["python -c 'import click'"]
    report.say(
        "Least wall clock and median of processor time of many starts; ratios of processor time."
    )
    report.table(
        ["process", "wall ms", "cpu ms", "peak MiB", "ratio"],
        [
            [name, 1000 * one.wall, 1000 * one.cpu, one.peak, one.cpu / bare.cpu]
            for name, one in found.items()
        ],
    )
    ours = found["dakota-wh --help"]
    report.aim("--help to bare click, processor time", ours.cpu / bare.cpu, most=1.5)
    report.aim("--help to bare click, wall clock", ours.wall / bare.wall, most=1.5)
    return report
