"""Warehouses of small trainings whose every value is known."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.cli import run
from tests.ingest.kit import Log, land

Rows = Sequence[Mapping[str, Any]]
Store = Callable[..., Warehouse]

#: Three seeds each; the second method is better by 0.2, and slower.
METHODS = {"base": (0.3, 5.0, 1e-6), "bold": (0.5, 7.0, 1e-5)}
STEPS = 60


class Called(NamedTuple):
    """What a call in this process gave."""

    code: int
    out: str
    err: str


def seed_rows(method: str, seed: int) -> list[dict[str, float]]:
    """Return the log of one seed: the reward is flat, with noise of its own."""
    level, seconds, _ = METHODS[method]
    rng = np.random.default_rng([seed, len(method), ord(method[1])])
    return [
        {
            "train/global_step": step,
            "train/reward": level + 0.01 * seed + 0.02 * float(rng.standard_normal()),
            "train/loss": float(rng.standard_normal()),
            "train/completions/mean_length": 100.0,
            "train/num_tokens": (step + 1) * (1000 if method == "base" else 2000),
            "time/step": seconds + 0.1 * seed,
        }
        for step in range(STEPS)
    ]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Put runs into a warehouse: ``store(a=rows, b=rows)``; a run is complete."""
    warehouse = api.open(tmp_path / "warehouse")

    def storing(**runs: Rows) -> Warehouse:
        for run_id, rows in runs.items():
            land(warehouse, Log(tmp_path, run_id).begin(run_id).log(*rows).end().write())
        return warehouse

    return storing


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse with three seeds of each method; not to be changed."""
    folder = tmp_path_factory.mktemp("seeds")
    warehouse = api.open(folder / "warehouse")
    for method, (_, _, lr) in METHODS.items():
        for seed in range(3):
            run_id = f"{method}{seed}"
            config = {"seed": seed, "run_name": run_id, "optim": {"lr": lr}, "model": "small"}
            log = Log(folder, run_id).begin(run_id, config=config)
            land(warehouse, log.log(*seed_rows(method, seed)).end().write())
    return warehouse


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Called]:
    """Call ``dakota-wh compare`` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("DAKOTA_", "WANDB_"))]:
        monkeypatch.delenv(name)

    def calling(warehouse: Warehouse, *args: object) -> Called:
        capsys.readouterr()
        words = ["compare", *(str(arg) for arg in args), "--warehouse", str(warehouse.path)]
        code = run(words)
        captured = capsys.readouterr()
        return Called(code, captured.out, captured.err)

    return calling
