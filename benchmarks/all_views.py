"""Every view over ever more runs: does it finish, how long is the planning, what is a run's cost?

A view is asked as ``dakota-wh query`` asks it, by a connection of its own, sorted, to the last row.
What was measured lies in the cache, with a hash of the view: a program that was stopped goes on
where it was.
"""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import cache
from benchmarks.agreement import must_agree
from benchmarks.expected import STATS, TRENDS, stats_of, trends_of
from benchmarks.made_run import values
from benchmarks.processes import measure, python
from benchmarks.report import Report
from benchmarks.warehouses import of_pairs, pairs
from dakota_wh import api
from dakota_wh.sql import views
from dakota_wh.warehouse.relations import create_statements

SIZES = {"small": (4, 8), "full": (100, 1000, 10_000)}
_STEPS, _METRICS = 100, 12
#: A view that takes longer has not finished (s).
_PATIENCE = 120
#: The program stops between two views when it has run so long, and is to be started again (s).
_LONGEST = 420

_TOLD = ("rows", "laid", "laid_cpu", "planned", "planned_cpu", "wall", "cpu", "peak")

Found = dict[str, dict[str, Any]]


def run(size: str) -> Report:
    """Measure each view over each warehouse."""
    report = Report(f"Every view over ever more runs of {_STEPS} steps × {_METRICS} metrics", size)
    began = time.monotonic()
    found = {runs: _asked(of_pairs(runs), runs, began) for runs in SIZES[size]}
    for runs, answers in found.items():
        _check(of_pairs(runs), runs, answers)
    *_, before, most = found
    rows = []
    for name, last in found[most].items():
        total = {runs: answers[name]["cpu"] for runs, answers in found.items()}
        told = [last[key] for key in _TOLD]
        each = [1e6 * total[runs] / runs for runs in found]
        rows.append([name.removesuffix("_v1"), *told, *each])
    rows.sort(key=lambda row: -row[7])
    report.say(
        f"Seconds over {most:,} runs: to lay the view (all run rows are read for that), to plan "
        "it (EXPLAIN), and to answer it, laid and planned again; and the processor time per run of "
        "the answer over each number of runs. Of up to 200,000 log rows one thread answers, of "
        "more all of them, which costs more processor time and less wall clock. Checked: the rows "
        "of runs, steps, metrics and run_pairs, and all statistics and trends of four runs, which "
        "are NumPy's."
    )
    times = sorted(one.get("at", "?") for views_of in found.values() for one in views_of.values())
    report.say(
        f"What a view took is kept until its SQL or the program that wrote the data changes: "
        f"measured from {times[0]} to {times[-1]}."
    )
    heads = ["view", "rows", "laid s", "cpu s", "planned s", "cpu s", "answered s", "cpu s",
             "peak MiB"]  # fmt: skip
    report.table([*heads, *(f"µs/run, {runs:,}" for runs in found)], rows)
    unfinished = sum(one["rows"] is None for one in found[most].values())
    report.aim(f"views that do not finish in {_PATIENCE} s", unfinished, most=0, unit="")
    for kind, unit in (("", " s"), ("_cpu", " s of processor time")):
        planned = [one[f"planned{kind}"] for one in found[most].values()]
        report.aim("planning, the slowest view", max(planned), most=1, unit=unit)
    laid = [one["laid_cpu"] + one["planned_cpu"] for one in found[most].values()]
    report.aim(
        "laying and planning, the slowest view", max(laid), most=1, unit=" s of processor time"
    )
    for kind, words in (("wall", "wall"), ("cpu", "processor time")):
        rise = max(
            found[most][name][kind] / most / (found[before][name][kind] / before)
            for name in found[most]
        )
        what = f"cost per run, {most:,} to {before:,}, the worst view, {words}"
        report.aim(what, rise, most=1.1)
    return report


def _asked(root: Path, runs: int, began: float) -> Found:
    """Return what each view took, asking those that are not known yet."""
    known = cache.folder() / f"views-{runs}.jsonl"
    lines = known.read_text(encoding="utf-8").splitlines() if known.exists() else []
    earlier = {(one["view"], one["version"]): one for one in map(json.loads, lines)}
    found: Found = {}
    names = [view.relation for view in views.all_views()]
    for name in names:
        version = _version(name, root)
        if (name, version) not in earlier:
            if time.monotonic() - began > _LONGEST:
                left = len(names) - len(found)
                raise SystemExit(f"{left} views over {runs} runs are left: start it again")
            one = measure(python("others.ask_views", root, _PATIENCE, name))
            answer = json.loads(one.output) | {
                "version": version,
                "at": datetime.now(UTC).isoformat(" ", "minutes"),
            }
            with known.open("a", encoding="utf-8") as file:
                file.write(json.dumps(answer) + "\n")
            earlier[name, version] = answer
        found[name] = earlier[name, version]
    return found


def _version(name: str, root: Path) -> str:
    """Return a hash of the SQL of a view and of all that it reads, and of what made the data."""
    laid = create_statements([name], lambda table: table, filtered=False)
    asked = Path(__file__).with_name("others") / "ask_views.py"
    text = asked.read_text(encoding="utf-8")
    return hashlib.sha256("".join([*laid.values(), root.name, text]).encode()).hexdigest()[:12]


def _check(root: Path, runs: int, found: Found) -> None:
    expected = {
        "runs_v1": runs,
        "steps_v1": runs * _STEPS,
        "metrics_v1": runs * _STEPS * _METRICS,
        "run_pairs_v1": runs // 2,
        "metric_stats_v1": runs * _METRICS,
        "metric_trends_v1": runs * _METRICS,
    }
    for name, rows in expected.items():
        if found[name]["rows"] != rows:
            raise SystemExit(f"{name} over {runs} runs: {found[name]['rows']} rows, not {rows}")
    some = list(islice(pairs(runs, _STEPS, _METRICS), 4))
    logged = {
        (one.run_id, name): column
        for one in some
        for name, column in values(one.names, one.steps, one.seed).items()
    }
    for view, told, of_column in (
        ("metric_stats", STATS, stats_of),
        ("metric_trends", TRENDS, trends_of),
    ):
        answer = api.open(root).query(view, runs=[one.run_id for one in some]).dicts()
        must_agree(
            f"{view} among {runs} runs",
            {(row["run_id"], row["metric"]): [row[name] for name in told] for row in answer},
            {key: of_column(column) for key, column in logged.items()},
        )
