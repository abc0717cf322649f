"""The runs that attacks bring in: a pair of logs that can grow or change, and small exports."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from benchmarks.made_log import begin_log, continue_log, write_log
from benchmarks.made_run import MadeRun, orchestrator_names, trainer_names

STEPS = 120


def orchestrator(steps: int = STEPS, seed: int = 1) -> MadeRun:
    """Return the run that attacks change."""
    return MadeRun("orch", "grpo-orchestrator", orchestrator_names(10), steps, seed)


def trainer() -> MadeRun:
    """Return its partner, which stays."""
    return MadeRun("train", "grpo-trainer", trainer_names(8), STEPS, 2)


def log(folder: Path, made: MadeRun, *, open_: bool = False) -> Path:
    """Write a run's log, over the one that is there; ``open_``: the run goes on."""
    place = folder / f"offline-run-20260101_000000-{made.run_id}"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"run-{made.run_id}.wandb"
    (begin_log if open_ else write_log)(made, path)
    return path


def grow(path: Path, made: MadeRun, more: int) -> None:
    """Write the records of more steps behind an open log."""
    continue_log(replace(made, first=made.steps, steps=more), path)


def small(folder: Path, run_id: str, value: float, steps: int = 8) -> Path:
    """Write a run as a CSV export in which everything says one number."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run_id}_history.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["_step", "reward/mean", "loss"])
        writer.writerows([step, value, value] for step in range(steps))
    return path
