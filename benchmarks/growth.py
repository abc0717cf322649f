"""1000 new steps behind a run that is stored: against an ingest of all of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks import cache
from benchmarks.logs import ingest, long_run
from benchmarks.made_log import begin_log, continue_log
from benchmarks.processes import measure
from benchmarks.report import Report
from dakota_wh import api

SIZES = {"small": ((500, 2000), 100, 12), "full": ((50_000, 1_000_000), 1000, 60)}


def run(size: str) -> Report:
    """Measure; the grown run must equal the one that is ingested at once, value by value."""
    lengths, new, metrics = SIZES[size]
    report = Report(f"{new:,} new steps × {metrics} metrics behind a stored run", size)
    rows, share, fixed = [], 0.0, 0.0
    for steps in lengths:
        log = _begun(steps, metrics)
        measure(ingest(log, "grown"))
        before = _parts("grown")
        continue_log(long_run(new, metrics, first=steps), log)
        more = measure(ingest(log, "grown", anew=False))
        again = measure(ingest(log, "grown", anew=False))
        kept = {name for name in before if name in _parts("grown")}
        if rewritten := [n for n in before - kept if n.startswith(("history/", "metrics/"))]:
            raise SystemExit(f"rewritten: {rewritten[:3]}")
        whole = measure(ingest(log, "at-once"))
        _must_equal()
        share, fixed = more.cpu / whole.cpu, (more.cpu - again.cpu) / whole.cpu
        rows.append([steps, whole.cpu, more.cpu, again.cpu, 100 * share, 100 * fixed, more.peak])
    report.say(
        "The grown run and the one that was ingested at once have the same metrics, steps, "
        "statistics and trends. `nothing new` is one more ingest that finds nothing: what a "
        "process costs at least. No part of history and metrics was written anew."
    )
    heads = ["steps before", "whole, cpu s", "new steps, cpu s", "nothing new, cpu s",
             "share %", "share less that %", "peak MiB"]  # fmt: skip
    report.table(heads, rows)
    report.aim("new steps to the whole, cpu", 100 * share, most=2, unit=" %")
    report.aim("the same less a process that finds nothing", 100 * fixed, most=2, unit=" %")
    return report


def _begun(steps: int, metrics: int) -> Path:
    """Return a log that is still open, at a place of its own, since it will grow."""
    folder = cache.folder() / "growing" / "offline-run-20260101_000000-long"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begin_log(long_run(steps, metrics), folder / "run-long.wandb")
    return folder / "run-long.wandb"


def _parts(name: str) -> set[str]:
    root = cache.folder() / name
    return {str(path.relative_to(root)) for path in root.rglob("*/part-*.parquet")}


def _must_equal() -> None:
    for asked in (
        "SELECT metric, count(*), count(ord), max(ord), sum(step), sum(value), sum(hash(step, "
        "ord, value)::HUGEINT)::VARCHAR FROM metrics GROUP BY metric ORDER BY metric",
        # No bit_xor: of DuckDB's hash of several, the last one is xor-ed on, and so goes by itself.
        "SELECT sum(hash(step, timestamp, runtime, log_rows)::HUGEINT)::VARCHAR, count(*) "
        "FROM steps",
        "SELECT count(*), sum(hash(h)::HUGEINT)::VARCHAR FROM (SELECT * FROM history) AS h",
        "SELECT * EXCLUDE (run_id) FROM reward_stats ORDER BY metric",
        # Differences of two means of a million doubles have fewer digits than these.
        "SELECT metric, first_half_mean, second_half_mean FROM reward_trends ORDER BY metric",
    ):
        grown, whole = (
            api.open(cache.folder() / name).sql(asked).rows() for name in ("grown", "at-once")
        )
        if not grown or [_rounded(row) for row in grown] != [_rounded(row) for row in whole]:
            raise SystemExit(f"the grown run differs: {asked}")


def _rounded(row: tuple[object, ...]) -> list[object]:
    """Sums of many doubles depend on their order, in the last digits; least may be 0 or -0."""
    return [f"{cell + 0.0:.9g}" if isinstance(cell, float) else cell for cell in row]
