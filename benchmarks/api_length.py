"""Ever longer runs through W&B's API: rows per second and peak memory, live and from an export.

Ours stores all of the run; ``run.scan_history()`` reads a part of it and keeps none. As in
``ingest_api``, server and readers share one machine, and what counts is the processor time of the
reading process and of W&B's sidecar together.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import cache
from benchmarks.ingest_api import SCAN_A_PART, STORED_AT, read
from benchmarks.long_served import LongRun, names
from benchmarks.report import Report
from benchmarks.stored import must_hold
from dakota_wh import api
from dakota_wh.warehouse.folder import create
from tests.wandb_server.server import Server

#: Steps of each length, metrics, and the rows that scan_history reads.
SIZES = {"small": ((1500, 3000), 6, 100), "full": ((500_000, 5_000_000), 60, 30_000)}


def run(size: str) -> Report:
    """Measure; of what is stored each column's and metric's sums are checked."""
    lengths, metrics, part = SIZES[size]
    report = Report(
        f"Runs of ever more steps × {metrics} metrics through W&B's API", size, ("wandb", "pyarrow")
    )
    rows, compared = [], 0
    for kind in ("live", "export"):
        per_row = []
        for steps in lengths:
            with tempfile.TemporaryDirectory(dir=cache.folder()) as home, Server() as server:
                served = LongRun(kind, steps, metrics, exported=kind == "export")
                server.add_run(served)
                root = Path(home) / "warehouse"
                create(root)
                way = ("dakota-wh, stored", kind, STORED_AT.format(root=str(root)))
                ours = read(way, server, Path(home), True, steps)
                compared += _check(root, served, steps)
                scan = ("scan", kind, SCAN_A_PART)
                once, more = (
                    read(scan, server, Path(home), True, rows_read)
                    for rows_read in (part, 10 * part)
                )
            cost = _spent(ours) / steps
            theirs = _above_zero((_spent(more) - _spent(once)) / (9 * part))
            their_core = _above_zero((more["core"] - once["core"]) / (9 * part))
            per_row.append(cost)
            rows.append([
                f"{kind}, {steps:,}", steps / ours["seconds"], 1e6 * ours["own"] / steps,
                1e6 * ours["core"] / steps, ours["peak"], theirs and 1e6 * theirs,
                their_core and 1e6 * their_core, theirs and theirs / cost,
            ])  # fmt: skip
        report.aim(f"{kind}: cost per row, longest to the one before", per_row[-1] / per_row[-2],
                   most=1.15)  # fmt: skip
        if rows[-1][-1] is not None:
            report.aim(f"{kind}: scan_history to ours, longest run", rows[-1][-1], least=10)
        report.aim(f"{kind}: peak of the longest", rows[-1][4], most=500, unit=" MiB")
    report.say(
        f"`run.scan_history()` reads the first {part:,} rows of each run and then {10 * part:,}; "
        "the difference is what a row costs it, without what it does once (of an "
        "export, download it all). µs are of processor time a row: ours in its own process (own), "
        "W&B's sidecar for it (core), and scan_history's both, with the sidecar's part beside. "
        "Ours does what it does once within its rows. A difference that is not above 0 is not "
        "shown. Of each column of history and each metric the count, the sum and a sum by steps, "
        f"{compared:,} numbers, are those that were served."
    )
    report.table(
        ["run, steps", "rows/s", "own µs", "core µs", "peak MiB", "scan_history µs", "its core µs",
         "ratio"],
        rows,
    )  # fmt: skip
    return report


def _above_zero(difference: float) -> float | None:
    return difference if difference > 1e-12 else None  # of ticks: 0 is seldom exact


def _spent(run: dict[str, Any]) -> float:
    return float(run["own"] + run["core"])


def _check(root: Path, served: LongRun, steps: int) -> int:
    warehouse = api.open(root)
    ((rows, last, verdict),) = warehouse.sql(
        "SELECT rows, last_step, completeness FROM runs"
    ).rows()
    if (rows, last, verdict) != (steps, steps - 1, "complete"):
        raise SystemExit(f"{steps} steps: {rows}, {last}, {verdict}")
    return must_hold(f"{steps} steps", root, served.sums(), names(len(served.summary) - 3))
