"""The owner's two runs as served runs, where their exports are at hand."""

from __future__ import annotations

import ast
import csv
import json
from pathlib import Path
from typing import Any

from .exact import Row, Token
from .model import ServedRun

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ENTITY, PROJECT = "christian-cooper-us", "dakota-rl-grammar"


def owner_runs() -> list[ServedRun]:
    """Return orchestrator and trainer, with every number as the export spells it."""
    whole = json.loads((DATA / "dakota_rl_wandb_export.json").read_text())
    trainer_config = json.loads((DATA / "7nikv4vp" / "7nikv4vp_config.json").read_text())
    created = whole["run_info"]["created_at"]
    return [
        _run("29hn8w98", "dakota-0.6b-rl-orchestrator", created, whole["config"]),
        _run("7nikv4vp", "dakota-0.6b-rl-trainer", created, trainer_config),
    ]


def _run(run_id: str, name: str, created_at: str, config: dict[str, Any]) -> ServedRun:
    folder = DATA / run_id
    with (folder / f"{run_id}_history.csv").open(newline="") as file:
        rows = [_row(cells) for cells in csv.DictReader(file)]
    rows.sort(key=lambda row: row["_step"])
    summary = json.loads((folder / f"{run_id}_summary.json").read_text())
    if isinstance(summary.get("_wandb"), str):
        summary["_wandb"] = ast.literal_eval(summary["_wandb"])
    return ServedRun(
        ENTITY,
        PROJECT,
        run_id,
        name,
        "finished",
        config,
        {},
        summary,
        rows,
        created_at=created_at,
        username="christian-cooper",
    )


def _row(cells: dict[str, str]) -> Row:
    row: Row = {key: Token(text) for key, text in cells.items() if text}
    row["_step"] = int(cells["_step"])
    return row
