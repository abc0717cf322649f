"""Runs of a project over a slow network: one by one, and by several workers.

One local server serves the runs, every answer 50 to 150 ms late; the command is a whole process.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from benchmarks import cache
from benchmarks.logs import DAKOTA
from benchmarks.made_run import MadeRun, orchestrator_names
from benchmarks.processes import Measured, measure
from benchmarks.report import Report
from dakota_wh import api
from tests.wandb_server import faults
from tests.wandb_server.client import client_env
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

#: Runs, steps, metrics, and the numbers of workers.
SIZES = {"small": (3, 20, 6, (1, 2)), "full": (200, 200, 20, (1, 4, 8))}


def run(size: str) -> Report:
    """Measure; every warehouse must hold the served values."""
    runs, steps, metrics, workers = SIZES[size]
    report = Report(f"{runs} runs of a project over a slow network", size, ("wandb", "pyarrow"))
    made = [
        MadeRun(f"served{at:04}", f"sweep-{at:04}", orchestrator_names(metrics), steps, at, at)
        for at in range(runs)
    ]
    found = {}
    with tempfile.TemporaryDirectory() as home, Server() as server:
        for one in made:
            server.add_run(_served(one))
        server.fault("*", faults.latency(0.05, 0.15))
        for jobs in workers:
            before = server.requests.count()
            measured = _ingest(server.url, Path(home), jobs)
            found[jobs] = (measured, server.requests.count() - before)
            _check(made)
    report.say(
        f"Each run has {steps} steps of {metrics} metrics; every answer comes 50 to 150 ms late. "
        "The values counted, least and greatest of each metric, are those that were served."
    )
    one_by_one = found[1][0]
    report.table(
        ["jobs", "requests", "wall s", "cpu s", "ms per run", "speed-up"],
        [
            [
                str(jobs),
                requests,
                one.wall,
                one.cpu,
                1000 * one.wall / runs,
                one_by_one.wall / one.wall,
            ]
            for jobs, (one, requests) in found.items()
        ],
    )
    if 4 in found:
        report.aim("4 jobs to one by one, wall", one_by_one.wall / found[4][0].wall, least=3)
    return report


def _served(one: MadeRun) -> ServedRun:
    columns = {name: column.tolist() for name, column in one.columns().items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return ServedRun("acme", "bench", one.run_id, rows=rows, summary=rows[-1], state="finished")


def _ingest(url: str, home: Path, jobs: int) -> Measured:
    root = cache.folder() / "fetched"
    shutil.rmtree(root, ignore_errors=True)
    words = [DAKOTA, "ingest", "acme/bench", "--state", "finished", "--jobs", str(jobs)]
    return measure([*words, "--warehouse", str(root)], **client_env(url, home))


def _check(made: list[MadeRun]) -> None:
    found = api.open(cache.folder() / "fetched").sql(
        "SELECT run_id, metric, count(*), max(value), min(value) FROM metrics GROUP BY ALL"
    )
    stored = {(run, metric): rest for run, metric, *rest in found.rows()}
    served = {
        (one.run_id, name): [one.steps, column.max(), column.min()]
        for one in made
        for name, column in one.columns().items()
        if name in one.names
    }
    if stored != served:
        raise SystemExit("the warehouse holds other values than were served")
