"""A run of thousands of keys: does it come in, and can it be asked?"""

from __future__ import annotations

import json

import numpy as np

from benchmarks import cache
from benchmarks.agreement import must_agree
from benchmarks.expected import STATS
from benchmarks.logs import DAKOTA, ingest, log_of, long_run
from benchmarks.made_log import slices
from benchmarks.processes import measure
from benchmarks.report import Report

SIZES = {"small": (50, 300), "full": (10_000, 5000)}


def run(size: str) -> Report:
    """Measure the ingest and some queries; one column and all statistics are NumPy's."""
    steps, metrics = SIZES[size]
    report = Report(f"A wide run: {steps:,} steps × {metrics:,} metrics", size)
    log = log_of(steps, metrics)
    root = str(cache.folder() / "ingested-wide")
    rows = []

    def add(name: str, words: list[str]) -> str:
        one = measure(words)
        rows.append([name, one.wall, one.cpu, one.peak])
        return one.output

    add("ingest", ingest(log, "ingested-wide"))
    key = "progress/total_samples_007"
    asked = f'SELECT _step, "{key}" FROM history ORDER BY _step'
    words = [DAKOTA, "sql", asked, "--format", "json", "--warehouse", root]
    history = json.loads(add("one column of history", words))
    words = [DAKOTA, "query", "metrics", "--metric", key, "--format", "json", "--warehouse", root]
    metric = json.loads(add("one metric", words))
    out = str(cache.folder() / "wide-stats.json")
    words = [DAKOTA, "query", "metric_stats", "-o", out, "--warehouse", root]
    add("statistics of all metrics", words)
    out_trends = str(cache.folder() / "wide-trends.json")
    add("trends of all metrics",
        [DAKOTA, "query", "metric_trends", "-o", out_trends, "--warehouse", root])  # fmt: skip
    add("show", [DAKOTA, "show", "long", "--warehouse", root])
    columns = _columns(steps, metrics)
    if [row[key] for row in history] != columns[key].tolist():
        raise SystemExit("the column of history differs")
    if [row["value"] for row in metric] != columns[key].tolist():
        raise SystemExit("the metric differs")
    with open(out, encoding="utf-8") as file:
        stats = {(r["metric"],): [r[name] for name in STATS] for r in json.load(file)}
    expected = {
        (name,): [
            steps, float(c.mean()), float(np.median(c)), float(c.std(ddof=1)), float(c.min()),
            float(c.max()), float(c[-1]),
        ]
        for name, c in columns.items()
    }  # fmt: skip
    compared = must_agree("metric_stats", stats, expected)
    report.say(
        f"The log has {log.stat().st_size / 1e6:,.0f} MB. All of one column, and {compared:,} "
        "numbers of the statistics, are NumPy's."
    )
    report.table(["what", "wall s", "cpu s", "peak MiB"], rows)
    return report


def _columns(steps: int, metrics: int) -> dict[str, np.ndarray]:
    """Return the values as the log was written: in slices, each of a seed of its own."""
    made = long_run(steps, metrics)
    parts = [part.columns() for part in slices(made)]
    return {name: np.concatenate([part[name] for part in parts]) for name in made.names}
