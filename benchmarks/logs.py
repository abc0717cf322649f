"""Cached logs of made runs, and processes that ingest them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks import cache
from benchmarks.made_log import write_log
from benchmarks.made_run import MadeRun, orchestrator_names

DAKOTA = str(Path(sys.executable).with_name("dakota-wh"))


def long_run(steps: int, metrics: int, first: int = 0) -> MadeRun:
    """Return the run whose logs all these programs read, or its steps from ``first`` on."""
    names = orchestrator_names(metrics)
    return MadeRun("long", "grpo-orchestrator", names, steps, 11, first=first)


def log_of(steps: int, metrics: int) -> Path:
    """Return the cached log file of so many steps."""

    def make(place: Path) -> None:
        folder = place / "offline-run-20260101_000000-long"
        folder.mkdir(parents=True)
        write_log(long_run(steps, metrics), folder / "run-long.wandb")

    return next(cache.made(f"log-{steps}x{metrics}", make).glob("*/*.wandb"))


def ingest(what: Path, name: str, *, anew: bool = True) -> list[str]:
    """Return the words that ingest a path into the warehouse of a name."""
    root = cache.folder() / name
    if anew:
        shutil.rmtree(root, ignore_errors=True)
    return [DAKOTA, "ingest", str(what), "--warehouse", str(root)]
