"""Writes logs with W&B's own client, offline; run as a program: ``write_with_sdk.py FOLDER``."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import wandb

FOLDER = sys.argv[1]


def begin(run_id: str, extra: dict[str, Any] | None = None, **more: Any) -> Any:
    settings = wandb.Settings(
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        silent=True,
        disable_git=True,
        save_code=False,
        **(extra or {}),
    )
    return wandb.init(id=run_id, project="proj", dir=FOLDER, settings=settings, **more)


def log_everything(run: Any) -> None:
    run.define_metric("step")
    run.define_metric("reward/*", step_metric="step")
    run.define_metric("best", summary="max")
    for n in range(5):
        run.log({"step": n, "reward/mean": n / 3, "best": 5 - abs(n - 2)}, commit=False)
        run.log({"whole": float(n), "count": n, "text": 'line\n"q" é ☃ <&>', "flag": n % 2 == 0})
    run.log({"exact": 2**53 + 1, "large": 2**62, "tiny": 5e-324, "f32": float(np.float32(0.1))})
    run.log({"bad": math.nan}, commit=False)
    run.log({"up": math.inf, "down": -math.inf, "nothing": None, "list": [1, 2.5, None, "x"]})
    run.log({"nest": {"a": 1, "b": {"c": 2.5, "d.e": "t"}}, "nest.a": 3, "empty list": []})
    run.log({"key/with.all = 'kinds' \"of\" % é": 1.5, "k" * 200: 2, " lead": 3})
    run.log({"hist": wandb.Histogram([1, 2, 2, 3]), "array": np.arange(200)})
    run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
    run.log({"html": wandb.Html("<p>media</p>")})  # images want PIL, which is not installed
    run.log({"big": "x" * 40_000})
    run.config.update({"lr": 4e-05, "late": {"a": 1, "b": [1, 2]}}, allow_val_change=True)
    run.summary["extra"] = {"deep": {"er": 1}}
    run.summary["gone"] = 1
    run.summary["exact"] = 2**53 + 1
    run.log({"after": 1})
    del run.summary["gone"]


def main() -> None:
    config = {"model": {"name": "m", "layers": 3}, "lr": 1.0, "none": None, "a.b": True}
    run = begin("everything", config=config, tags=["x", "y"], notes="some notes", group="grp")
    log_everything(run)
    run.tags += ("z",)
    run.finish()
    run = begin("typed", {"x_history_value_encoding": "json,typed"}, name="named", job_type="train")
    log_everything(run)
    run.mark_preempting()
    run.finish(exit_code=3)
    for attempt in range(2):
        run = begin("resumed", resume="allow", config={"attempt": attempt, f"only{attempt}": 1})
        for n in range(40):
            run.log({"loss": n + attempt / 2, f"seen{attempt}": n})
        run.finish()


if __name__ == "__main__":
    main()
