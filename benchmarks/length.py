"""Ingest of ever longer logs of one run: time per row must stay, and peak memory too."""

from __future__ import annotations

from benchmarks import cache
from benchmarks.logs import ingest, log_of, long_run
from benchmarks.processes import measure
from benchmarks.report import Report
from benchmarks.stored import made_sums, must_hold
from dakota_wh import api

SIZES = {"small": ((500, 1000), 12), "full": ((50_000, 200_000, 2_000_000), 60)}


def run(size: str) -> Report:
    """Measure one ingest of each length; its rows, verdict and sums are checked."""
    lengths, metrics = SIZES[size]
    report = Report(f"Logs of ever more steps × {metrics} metrics", size)
    found, compared = {}, 0
    for steps in lengths:
        log = log_of(steps, metrics)
        found[steps] = measure(ingest(log, "ingested"))
        warehouse = api.open(cache.folder() / "ingested")
        ((rows, last, verdict),) = warehouse.sql(
            "SELECT rows, last_step, completeness FROM runs"
        ).rows()
        if (rows, last, verdict) != (steps, steps - 1, "complete"):
            raise SystemExit(f"{steps} steps: {rows}, {last}, {verdict}")
        made = long_run(steps, metrics)
        root = cache.folder() / "ingested"
        compared += must_hold(f"{steps} steps", root, made_sums(made), made.names)
    report.say(
        f"Of each column of history and each metric the count, the sum and a sum by steps, "
        f"{compared:,} numbers, are NumPy's."
    )
    report.table(
        ["steps", "wall s", "cpu s", "cpu µs per step", "rows/s, cpu", "peak MiB"],
        [
            [n, one.wall, one.cpu, 1e6 * one.cpu / n, n / one.cpu, one.peak]
            for n, one in found.items()
        ],
    )
    *_, before, most = lengths
    per_row = (found[most].cpu / most) / (found[before].cpu / before)
    report.aim(f"time per step, {most:,} to {before:,}", per_row, most=1.15)
    report.aim(f"peak at {most:,} steps", found[most].peak, most=500, unit=" MiB")
    report.aim("peak, longest to the one before", found[most].peak / found[before].peak, most=1.1)
    return report
