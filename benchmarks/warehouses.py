"""Warehouses of many made runs, written by our own ingest."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from benchmarks.cache import WRITERS, made
from benchmarks.made_run import MadeRun, orchestrator_names, trainer_names
from dakota_wh.ingest.landing import Options, land
from dakota_wh.warehouse import catalogue
from dakota_wh.warehouse import folder as warehouse_folder
from dakota_wh.warehouse.live_files import gather


def pairs(runs: int, steps: int, metrics: int) -> Iterator[MadeRun]:
    """Yield runs of trainings: an orchestrator, its trainer, the next orchestrator, …"""
    for at in range((runs + 1) // 2):
        name = f"grpo-{at:05}"
        yield MadeRun(
            f"o{at:07}", f"{name}-orchestrator", orchestrator_names(metrics), steps, 2 * at, at
        )
        yield MadeRun(f"t{at:07}", f"{name}-trainer", trainer_names(metrics), steps, 2 * at + 1, at)


def rewarded(runs: int, steps: int, metrics: int) -> Iterator[MadeRun]:
    """Yield orchestrators only: each has 8 metrics of rewards."""
    for at in range(runs):
        yield MadeRun(f"r{at:07}", f"sweep-{at:05}", orchestrator_names(metrics), steps, at, at)


def of_pairs(runs: int, steps: int = 100, metrics: int = 12) -> Path:
    """Return a warehouse of so many runs, in pairs."""
    name = f"pairs-{runs}x{steps}x{metrics}"
    return settled(name, list(islice(pairs(runs, steps, metrics), runs)))


def of_rewarded(runs: int, steps: int = 1000, metrics: int = 60) -> Path:
    """Return a warehouse of so many orchestrators."""
    name = f"rewarded-{runs}x{steps}x{metrics}"
    return settled(name, list(rewarded(runs, steps, metrics)))


def settled(name: str, runs: list[MadeRun]) -> Path:
    """Return the cached warehouse of a name; some runs make it when it is new."""
    root = made(name, lambda place: fill(place, runs), WRITERS)
    gather(root)  # as an ingest does at its end
    catalogue.ensure(root)  # it remembers the place, and no query shall be the one that renews it
    return root


def fill(root: Path, runs: list[MadeRun]) -> None:
    """Ingest runs into a new warehouse, in as many processes as there are cores."""
    warehouse_folder.create(root)
    began = time.perf_counter()
    workers = min(os.cpu_count() or 1, max(1, len(runs) // 50))
    if workers == 1:
        _ingest((root, runs))
    else:
        with get_context("spawn").Pool(workers) as pool:
            pool.map(_ingest, [(root, runs[at::workers]) for at in range(workers)], chunksize=1)
    seconds = time.perf_counter() - began
    print(f"made {len(runs)} runs in {seconds:.0f} s: {root.stem}", file=sys.stderr)


def _ingest(work: tuple[Path, list[MadeRun]]) -> None:
    root, runs = work
    with _no_waiting_for_the_disk():
        for run in runs:
            landed = land(root, run, Options())
            if landed.error or landed.completeness != "complete":
                raise SystemExit(f"{run.run_id}: {landed}")


@contextmanager
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Let nothing be forced to the disk while data is made; nothing here is timed."""
    forced = os.fsync
    os.fsync = lambda _: None
    try:
        yield
    finally:
        os.fsync = forced
