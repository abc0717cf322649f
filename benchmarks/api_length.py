"""Ever longer runs through W&B's API: rows per second and peak memory, live and from an export.

Ours stores all of the run; ``run.scan_history()`` reads a part of it and keeps none. As in
``ingest_api``, server and readers share one machine, and what counts is the processor time of the
reading process and of W&B's sidecar together.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import cache
from benchmarks.ingest_api import SCAN_A_PART, STORED_AT, read
from benchmarks.long_served import LongRun
from benchmarks.report import Report
from dakota_wh import api
from dakota_wh.warehouse.folder import create
from tests.wandb_server.server import Server

#: Steps of each length, metrics, and the rows that scan_history reads.
SIZES = {"small": ((1500, 3000), 6, 100), "full": ((500_000, 5_000_000), 60, 30_000)}


def run(size: str) -> Report:
    """Measure; of what is stored the values, the steps and each metric's sum are checked."""
    lengths, metrics, part = SIZES[size]
    report = Report(
        f"Runs of ever more steps × {metrics} metrics through W&B's API", size, ("wandb", "pyarrow")
    )
    rows = []
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
                _check(root, served, steps)
                scan = ("scan", kind, SCAN_A_PART)
                once, more = (
                    read(scan, server, Path(home), True, rows_read)
                    for rows_read in (part, 10 * part)
                )
            cost = _spent(ours) / steps
            theirs = (_spent(more) - _spent(once)) / (9 * part)
            per_row.append(cost)
            rows.append([
                f"{kind}, {steps:,}", steps / ours["seconds"], 1e6 * ours["own"] / steps,
                1e6 * ours["core"] / steps, ours["peak"], 1e6 * theirs, theirs / cost,
            ])  # fmt: skip
        report.aim(f"{kind}: cost per row, longest to the one before", per_row[-1] / per_row[-2],
                   most=1.15)  # fmt: skip
        report.aim(f"{kind}: scan_history to ours, longest run", rows[-1][-1], least=10)
        report.aim(f"{kind}: peak of the longest", rows[-1][4], most=500, unit=" MiB")
    report.say(
        f"`run.scan_history()` reads the first {part:,} rows of each run and then {10 * part:,}; "
        "the difference is what a row costs it, without what it does once (of an "
        "export, download it all). µs are of processor time a row: ours in its own process (own), "
        "W&B's sidecar for it (core), and scan_history's both. Ours does what it does once within "
        "its rows."
    )
    report.table(
        ["run, steps", "rows/s", "own µs", "core µs", "peak MiB", "scan_history µs", "ratio"], rows
    )
    return report


def _spent(run: dict[str, Any]) -> float:
    return float(run["own"] + run["core"])


def _check(root: Path, served: LongRun, steps: int) -> None:
    warehouse = api.open(root)
    ((rows, last, verdict),) = warehouse.sql(
        "SELECT rows, last_step, completeness FROM runs"
    ).rows()
    if (rows, last, verdict) != (steps, steps - 1, "complete"):
        raise SystemExit(f"{steps} steps: {rows}, {last}, {verdict}")
    found = {
        metric: (count, total)
        for metric, count, total in warehouse.sql(
            "SELECT metric, count(*), sum(value) FROM metrics GROUP BY metric"
        ).rows()
    }
    if found.keys() != served.sums.keys():
        raise SystemExit(f"{steps} steps: {len(found)} metrics of {len(served.sums)}")
    for name, total in served.sums.items():
        if found[name][0] != steps or not math.isclose(found[name][1], total, rel_tol=1e-9):
            raise SystemExit(f"{steps} steps: {name} is {found[name]}, served was {total}")
