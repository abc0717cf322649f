"""Writes logs with W&B's own client, offline; run as a program: ``write_with_sdk.py FOLDER``.

Beside them it writes what the client itself says of each run's summary and config.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import wandb

FOLDER = Path(sys.argv[1])
ROWS: list[dict[str, Any]] = runpy.run_path(str(Path(__file__).with_name("logged_values.py")))[
    "ROWS"
]

CONFIG: dict[str, Any] = {
    "model": {"name": "m", "layers": 3, "deep": {"er": [1, {"a": None}]}},
    "lr": 4e-05,
    "large": 2**53 + 1,
    "none": None,
    "flag": True,
    "text": "ünïcode ☃",
    "a.b": {"c": 1},
    "key with 'quotes' / = %": [1, 2.5],
}


def begin(run_id: str, encoding: str, **more: Any) -> Any:
    settings = wandb.Settings(
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_history_value_encoding=encoding,
        silent=True,
        disable_git=True,
        save_code=False,
    )
    return wandb.init(id=run_id, project="proj", dir=FOLDER, settings=settings, **more)


def log_all(run: Any) -> None:
    for row in ROWS:
        run.log(row)
    run.log({"histogram": wandb.Histogram([1, 2, 2, 3, 5.5], num_bins=4)})
    run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
    run.log({"page": wandb.Html("<p>media</p>")})
    run.config.update({"lr": 1.0, "late": {"a": 1, "b": [1, 2]}}, allow_val_change=True)
    run.summary["best"] = {"step": 4, "value": 0.75}
    run.summary["exact"] = 2**53 + 1
    run.summary["gone"] = 1
    run.log({"after": 1})
    del run.summary["gone"]


def plain(value: Any) -> Any:
    """Return what the client's own mappings hold as dicts and lists."""
    if hasattr(value, "_as_dict"):
        value = value._as_dict()
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def main() -> None:
    for run_id, encoding in (("asjson", "json"), ("astyped", "json,typed")):
        run = begin(run_id, encoding, config=CONFIG, name=f"name of {run_id}", tags=["x", "y"])
        log_all(run)
        names = list(run.summary.keys())  # the client's own mapping cannot be iterated
        said = {
            "summary": {key: plain(run.summary.get(key)) for key in names},
            "config": plain(dict(run.config)),
            "files": run.dir,
        }
        run.finish()
        (FOLDER / f"{run_id}.said.json").write_text(json.dumps(said), encoding="utf-8")
    wandb.teardown()


if __name__ == "__main__":
    main()
