"""Logs tables with W&B's own client, offline; run as a program: ``write_tables.py FOLDER``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import wandb as client

wandb: Any = client  # its types are narrower than what it takes
FOLDER = Path(sys.argv[1])
STEPS = 3


def main() -> None:
    settings = wandb.Settings(
        x_stats_sampling_interval=0.1,
        x_disable_meta=True,
        silent=True,
        disable_git=True,
        save_code=False,
        console="off",
    )
    run = wandb.init(id="tabs", project="proj", dir=FOLDER, settings=settings)
    wandb.Table.MAX_ROWS = 5  # as 10000 is, of rows that the client writes into a run's file
    growing = wandb.Table(columns=["step", "reward"], log_mode="INCREMENTAL")
    again = wandb.Table(columns=["a"], log_mode="MUTABLE")
    for step in range(STEPS):
        rows = [
            [f"prompt {step}", 'says "ß"\n\u2028', 0.5 * step, 2**53 + 1, None],
            ["", "done", float("nan"), 7, {"k": [1, {"z": 2.5}], "inf": float("inf")}],
        ]
        names = ["prompt", "completion", "reward", "n", "extra"]
        growing.add_data(step, step / 2)
        again.add_data(step)
        run.log(
            {
                "step": step,
                "reward/mean": step / 4,
                "samples": wandb.Table(columns=names, data=rows, allow_mixed_types=True),
                "growing": growing,
                "again": again,
                "nest": {"t": wandb.Table(columns=["Reward"], data=[[step]])},
            }
        )
        time.sleep(0.3)
    long = wandb.Table(columns=["a"], data=[[number] for number in range(8)])
    run.log({"step": STEPS, "long": long, "none": wandb.Table(columns=["a"], data=[])})
    artifact = wandb.Artifact("parts", "dataset")
    artifact.add(wandb.Table(columns=["a"], data=[[1]]), "part/0")
    parted = wandb.data_types.PartitionedTable("part")
    artifact.add(parted, "parted")
    run.log_artifact(artifact)
    joined = wandb.JoinedTable(
        wandb.Table(columns=["id", "a"], data=[[1, 2]]),
        wandb.Table(columns=["id", "b"], data=[[1, 3]]),
        "id",
    )
    run.log({"step": STEPS + 1, "joined": joined})
    (FOLDER / "notes.txt").write_text("saved by hand")
    wandb.save(str(FOLDER / "notes.txt"), base_path=str(FOLDER))
    run.finish()
    wandb.teardown()


if __name__ == "__main__":
    main()
