"""A run of thousands of keys: does it come in, and can it be asked?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks import cache
from benchmarks.agreement import must_agree
from benchmarks.expected import STATS, TRENDS, stats_of, trends_of
from benchmarks.logs import DAKOTA, ingest, log_of, long_run
from benchmarks.made_log import slices
from benchmarks.processes import measure
from benchmarks.report import Report
from benchmarks.stored import must_hold, sums

SIZES = {"small": (50, 300), "full": (10_000, 5000)}


def run(size: str) -> Report:
    """Measure the ingest and some queries; one column, sums, statistics and trends are NumPy's."""
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
    columns, names = _columns(steps, metrics), long_run(steps, metrics).names
    if [row[key] for row in history] != columns[key].tolist():
        raise SystemExit("the column of history differs")
    if [row["value"] for row in metric] != columns[key].tolist():
        raise SystemExit("the metric differs")
    with open(out, encoding="utf-8") as file:
        stats = {(r["metric"],): [r[name] for name in STATS] for r in json.load(file)}
    with open(out_trends, encoding="utf-8") as file:
        trends = {(r["metric"],): [r[name] for name in TRENDS] for r in json.load(file)}
    compared = [
        must_agree("metric_stats", stats, {(n,): stats_of(columns[n]) for n in names}),
        must_agree("metric_trends", trends, {(n,): trends_of(columns[n]) for n in names}),
        must_hold("wide", Path(root), sums([(columns["_step"], columns)]), names),
    ]
    report.say(
        f"The log has {log.stat().st_size / 1e6:,.0f} MB. All of one column, {compared[0]:,} "
        f"numbers of the statistics, {compared[1]:,} of the trends, and the count, the sum and a "
        f"sum by steps of every column and metric, {compared[2]:,} numbers, are NumPy's."
    )
    report.table(["what", "wall s", "cpu s", "peak MiB"], rows)
    return report


def _columns(steps: int, metrics: int) -> dict[str, np.ndarray]:
    """Return the values as the log was written: in slices, each of a seed of its own."""
    made = long_run(steps, metrics)
    parts = [part.columns() for part in slices(made)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
