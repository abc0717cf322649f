"""One training, logged with W&B's own client as each prime-rl era logs it; offline, as a program:

``write_eras.py FOLDER`` writes ``FOLDER/<era>/wandb/…``. What is logged, and when, follows section
1 of the notes on metrics: two runs or one, several log calls a step, steps from 0 or from 1, rows
that have no step, sparse columns.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import wandb

STEPS = 24
ROLES = ("orchestrator", "trainer")

Values = dict[str, float]


def reward(s: int) -> float:
    return 0.1 + s / 50 + math.sin(s) / 30


def trained(s: int) -> Values:
    """The numbers of the trainer's update ``s``, by what they are."""
    return {
        "loss": math.cos(s) / 1000,
        "entropy": 0.9 - s / 100,
        "kl": 0.001 * (1 + s % 5),
        "grad_norm": 0.2 + (s % 7) / 10,
    }


def begin(folder: Path, run_id: str, name: str) -> Any:
    settings = wandb.Settings(
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        silent=True,
        disable_git=True,
        save_code=False,
        reinit="create_new",
    )
    folder.mkdir(parents=True, exist_ok=True)
    return wandb.init(id=run_id, name=name, project="p", dir=folder, settings=settings)


def orchestrated(s: int, era: str) -> list[dict[str, Any]]:
    """The orchestrator's log calls at step ``s`` (0-based)."""
    value = reward(s)
    parts = {"f": value / 2, "g": value}
    if era == "early":
        return [
            {"perf/throughput": 7000.0, "progress/ckpt_step": max(s - 1, 0)},
            {"reward/mean": value, "reward/min": 0.0, "reward/max": 1.0},
            {f"reward/{name}/mean": part for name, part in parts.items()},
            {"batch/solve_none": 0.0, "batch/solve_all": 0.0},
            {"time/step": 5.0, "time/generate_completions": 4.0},
        ]
    first = {
        "A": {"reward/mean": value, "progress/ckpt_step": max(s - 1, 0), "batch/solve_all": 0.0},
        "B": {"reward/mean": value, "reward/std": 0.1, "progress/ckpt_step": max(s - 2, 0)},
        "C": {"reward/all/mean": value, "reward/wordle/mean": value, "solve_all/all": 0.0},
        "D": {"reward/all/mean": value, "reward/wordle/mean": value / 2, "solve_all/all": 0.0},
    }
    if era in first:
        middle = "" if era in "AB" else "wordle/"
        more = {f"metrics/{middle}{name}": part for name, part in parts.items()}
        return [{**first[era], **more, "time/step": 5.0}]
    agent = "solver/" if era == "F" else ""
    rows: list[dict[str, Any]] = []
    for who, subset, factor in (("agg", "effective", 1.0), ("agg", "all", 0.5), ("x", "all", 0.4)):
        base = f"train/{who}/{subset}/{agent}"
        rows.append({f"{base}reward/mean": value * factor, f"{base}reward/max": 1.0})
        rows[-1] |= {f"{base}metrics/{name}/mean": part for name, part in parts.items()}
    rows.append({"time/step": 5.0, "off_policy/mean": 1.0})
    return rows


def updated(s: int, era: str) -> list[dict[str, Any]]:
    """The trainer's four log calls of update ``s``."""
    now = trained(s)
    scope = "" if era in ("early", "A", "B") else "all/"
    difference = {f"mismatch_kl/{scope}mean": now["kl"], "is_masked/mean": 0.01}
    if era == "early":
        difference = {"importance_ratio/mean": 1 + now["kl"]}
    tensors = {
        "loss/mean": now["loss"],
        "loss/std": 0.5,
        f"entropy/{scope}mean": now["entropy"],
        **difference,
    }
    return [
        {"perf/mfu": 2.5, "perf/peak_memory": 10.0, "perf/throughput": 7000.0},
        {"optim/lr": 1e-6, "optim/grad_norm": now["grad_norm"]},
        tensors,
        {"time/forward_backward": 1.0, "time/wait_for_batch": 0.5, "time/step": 4.0},
    ]


def two_runs(folder: Path, era: str) -> None:
    """Eras up to C: a run each. In the first two a step's calls become one row, else a row each.

    In B each step is evaluated, and that is logged after the trainer is done with the step.
    """
    runs = [begin(folder, f"{r[0]}{era.lower()}", f"run-{era}-{r}") for r in ROLES]
    for s in range(STEPS):
        for run, rows in zip(runs, (orchestrated(s, era), updated(s, era)), strict=True):
            for row in rows:
                if era in ("early", "A"):
                    run.log({**row, "step": s}, step=s)
                else:
                    run.log({**row, "step": s})
        if era == "B":
            runs[0].log({"eval/aime/avg@8": 0.5, "progress/ckpt_step": s, "step": s})
    for run in runs:
        run.finish()


def one_run(folder: Path, era: str, first: int) -> None:
    """Shared runs: rows of two writers between each other, the trainer's up to two steps behind.

    Samples of the clock come before the first step and all the while. The client itself adds the
    last step to a row that has none, 0 before there is one.
    """
    run = begin(folder, f"s{era.lower()}", f"run-{era}")
    run.define_metric("*", step_metric="step")
    run.define_metric("inference/*", step_metric="_timestamp")
    run.log({"dispatcher/in_flight": 0})
    for tick in range(STEPS + 2):
        run.log({"inference/agg/kv_cache/mean": tick / 8})
        if tick < STEPS:
            for row in orchestrated(tick, "C" if era == "shared" else era):
                run.log({**row, "step": tick + first})
        behind = [s for s in range(STEPS) if s + (s % 2) + 1 == tick]
        run.log({"dispatcher/in_flight": tick + 1})
        for s in behind:
            for row in updated(s, era):
                run.log({**row, "step": s + first})
    run.finish()


def main() -> None:
    folder = Path(sys.argv[1])
    for era in ("early", "A", "B", "C"):
        two_runs(folder / era, era)
    for era, first in (("shared", 0), ("D", 0), ("E", 1), ("F", 1)):
        one_run(folder / era, era, first)


if __name__ == "__main__":
    main()
