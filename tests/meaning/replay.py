"""Logs runs with W&B's own client as a plan says; offline, as a program: ``replay.py PLAN FOLDER``.

The plan is JSON: a list of ``[run id, [[metric, axis], …], [[row, step], …]]``; an axis is defined
before the first row, and ``step`` is what ``log`` is told besides the row, null for nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import wandb


def main() -> None:
    plan, folder = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])
    for run_id, axes, calls in plan:
        settings = wandb.Settings(
            x_disable_stats=True,
            x_disable_meta=True,
            x_disable_machine_info=True,
            silent=True,
            disable_git=True,
            save_code=False,
            reinit="create_new",
        )
        run = wandb.init(id=run_id, name=run_id, project="p", dir=folder, settings=settings)
        for metric, axis in axes:
            run.define_metric(axis)
            run.define_metric(metric, step_metric=axis)
        for row, step in calls:
            run.log(row, step=step)
        run.finish()


if __name__ == "__main__":
    main()
