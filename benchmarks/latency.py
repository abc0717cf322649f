"""Runs of a project over a slow network: one by one, and by several workers.

One local server serves the runs, every answer 50 to 150 ms late; the command is a whole process.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from benchmarks import cache
from benchmarks.agreement import by_texts, must_agree
from benchmarks.logs import DAKOTA
from benchmarks.made_run import MadeRun, orchestrator_names
from benchmarks.processes import Measured, measure
from benchmarks.report import Report
from benchmarks.stored import WEIGHTS
from dakota_wh import api
from dakota_wh.warehouse.quoting import literal
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
            compared = _check(made)
    report.say(
        f"Each run has {steps} steps of {metrics} metrics; every answer comes 50 to 150 ms late. "
        "Of every metric the count, the least, the greatest, the sum and a sum by steps are those "
        f"that were served, and each value of one run in ten: {compared:,} numbers for each number "
        "of jobs. Processor time is that of dakota-wh and its workers, without W&B's sidecars, "
        "which run in sessions of their own and are not waited for."
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


def _check(made: list[MadeRun]) -> int:
    """Compare the sums of every run's metrics, and each value of one run in ten."""
    warehouse = api.open(cache.folder() / "fetched")
    stored = warehouse.sql(
        "SELECT run_id, metric, count(*), max(value), min(value), fsum(value), "
        f"fsum(value * (1 + step % {WEIGHTS})) FROM metrics GROUP BY ALL"
    ).rows()
    compared = must_agree("the sums", by_texts(stored), {
        (one.run_id, name): [
            one.steps, *map(float, (
                columns[name].max(), columns[name].min(), columns[name].sum(),
                columns[name] @ (1.0 + columns["_step"] % WEIGHTS),
            )),
        ]
        for one, columns in ((one, one.columns()) for one in made)
        for name in one.names
    })  # fmt: skip
    some = {one.run_id: one for one in made[::10]}
    values: dict[tuple[str, ...], list[tuple[int, float]]] = {}
    for run_id, metric, step, value in warehouse.sql(
        "SELECT run_id, metric, step, value FROM metrics "
        f"WHERE run_id IN ({', '.join(map(literal, some))}) ORDER BY ALL"
    ).rows():
        values.setdefault((run_id, metric), []).append((step, value))
    for one in some.values():
        columns = one.columns()
        for name in one.names:
            told = list(zip(columns["_step"].tolist(), columns[name].tolist(), strict=True))
            if values.pop((one.run_id, name), []) != told:
                raise SystemExit(f"{one.run_id}: other values of {name} than were served")
            compared += len(told)
    if values:
        raise SystemExit(f"metrics that were not served: {sorted(values)[:3]}")
    return compared
