"""One run's ``reward_trends`` in warehouses of ever more runs: it must not notice the others."""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path

from benchmarks.agreement import Answer, must_agree
from benchmarks.expected import TRENDS, trends
from benchmarks.processes import in_turn, python
from benchmarks.report import Report
from benchmarks.warehouses import of_pairs, pairs

_DAKOTA = str(Path(sys.executable).with_name("dakota-wh"))
_RUN = "o0000000"
SIZES = {"small": (4, 20), "full": (10, 1000, 10_000)}


def run(size: str) -> Report:
    """Measure each warehouse by the command and by the Python call, in turn."""
    report = Report("One run's reward_trends among many", size)
    roots = {runs: of_pairs(runs) for runs in SIZES[size]}
    rounds = 21 if size == "full" else 1
    commands = in_turn(
        {
            str(runs): [
                _DAKOTA, "query", "reward_trends", "--run", _RUN, "--format", "json",
                "--warehouse", str(root),
            ]
            for runs, root in roots.items()
        },
        rounds,
    )  # fmt: skip
    calls = in_turn(
        {str(n): python("others.ask_one_run", root, _RUN, rounds) for n, root in roots.items()}, 1
    )
    expected = trends(islice(pairs(2, 100, 12), 1))
    for runs, one in commands.items():
        must_agree(f"{runs} runs", _answer(json.loads(one.output)), expected)
        called = json.loads(calls[runs].output)["rows"]
        must_agree(f"{runs} runs, the call", _answer(called), expected)
    least = str(min(roots))
    report.say(
        f"Run {_RUN}: {len(expected)} reward metrics of 100 steps, the same numbers in every "
        "warehouse, and NumPy's. The command is a whole process; the call is in one process, "
        "its median."
    )
    seconds = {runs: json.loads(one.output)["seconds"] for runs, one in calls.items()}
    report.table(
        ["runs", "command, wall ms", "cpu ms", "ratio", "call, cpu ms", "ratio", "peak MiB"],
        [
            [
                runs,
                1000 * one.wall,
                1000 * one.cpu,
                one.cpu / commands[least].cpu,
                1000 * seconds[runs],
                seconds[runs] / seconds[least],
                one.peak,
            ]
            for runs, one in commands.items()
        ],
    )
    most = str(max(roots))
    report.aim(
        "the command, most runs to fewest", commands[most].cpu / commands[least].cpu, most=1.3
    )
    report.aim("the call, most runs to fewest", seconds[most] / seconds[least], most=1.3)
    return report


def _answer(rows: list[dict[str, float]]) -> Answer:
    return {(str(r["run_id"]), str(r["metric"])): [r[name] for name in TRENDS] for r in rows}
