"""Runs that a seeded program makes: their values, and ``MadeRun``, a source of them.

Values are of the kinds that trainings log: float32 numbers widened to double that wander, shares of
a batch, counters and whole numbers, noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa

from dakota_wh.ingest.source import Continuation, Ended, LogRows, RunFacts

_REWARDS: Final = (
    "reward/mean",
    "metrics/affix_reward",
    "metrics/pattern_reward",
    "metrics/exact_match_reward",
    "metrics/char_overlap_reward",
    "metrics/length_penalty_reward",
    "eval/score",
    "eval/best_score",
)
_TRAINER: Final = (
    "loss/mean", "entropy/mean", "mismatch_kl/mean", "optim/grad_norm", "optim/lr",
    "time/step", "perf/throughput", "perf/mfu",
)  # fmt: skip
_BEGAN: Final = 1_767_225_600.0  # 2026-01-01


def orchestrator_names(metrics: int) -> list[str]:
    """Return names of an orchestrator's metrics: 8 of rewards (fewer where fewer are wanted)."""
    rest = [f"progress/total_samples_{n:03}" for n in range(max(0, metrics - len(_REWARDS)))]
    return [*_REWARDS[:metrics], *rest]


def trainer_names(metrics: int) -> list[str]:
    """Return names of a trainer's metrics."""
    rest = [f"param_norm/layer_{n:03}" for n in range(max(0, metrics - len(_TRAINER)))]
    return [*_TRAINER[:metrics], *rest]


def values(names: list[str], steps: int, seed: int) -> dict[str, np.ndarray]:
    """Return a column of float64 for each name, by its place one of four kinds."""
    dice = np.random.default_rng(seed)
    found = {}
    for at, name in enumerate(names):
        noise = dice.standard_normal(steps)
        if at % 4 == 0:  # a wandering float32
            column = 0.3 + np.cumsum(noise) / 500 + dice.random(steps) / 10
            column = column.astype(np.float32).astype(np.float64)
        elif at % 4 == 1:  # a share of a batch of 256
            column = np.clip(np.round(128 + 40 * noise), 0, 256) / 256
        elif at % 4 == 2:  # a counter
            column = np.cumsum(dice.integers(1, 2000, steps)).astype(np.float64)
        else:  # noise of full precision
            column = np.exp(noise)
        found[name] = column
    return found


@dataclass(frozen=True, slots=True)
class MadeRun:
    """Implements ``Source`` for a made run; ``at`` counts the runs of a project, an hour apart."""

    run_id: str
    run_name: str
    names: list[str]
    steps: int
    seed: int
    at: int = 0
    first: int = 0
    kind: str = "wandb-log"
    entity: str = "acme"
    project: str = "bench"

    @property
    def name(self) -> str:
        """Where it comes from."""
        return f"made/{self.run_id}"

    def columns(self) -> dict[str, np.ndarray]:
        """Return all of its columns, W&B's own first."""
        steps = np.arange(self.first, self.first + self.steps)
        late = 1.5 if "loss/mean" in self.names else 0.0  # a trainer logs behind its orchestrator
        return {
            "_step": steps,
            "_runtime": steps * 2.0 + late,
            "_timestamp": _BEGAN + 3600.0 * self.at + steps * 2.0 + late,
            "step": steps,
            **values(self.names, self.steps, self.seed),
        }

    def read(self, resume: Mapping[str, Any] | None) -> MadeReading:
        """Begin a pass; a second one is of nothing new."""
        return MadeReading(self, Continuation.UNCHANGED if resume else Continuation.WHOLE)


@dataclass(frozen=True, slots=True)
class MadeReading:
    """Implements ``Reading``."""

    run: MadeRun
    continuation: Continuation

    def rows(self) -> Iterator[LogRows]:
        """Yield the whole run as one batch."""
        columns = self.run.columns()
        yield LogRows(self.run.steps, {(k,): pa.array(v) for k, v in columns.items()})

    def facts(self) -> RunFacts:
        """Return what a log would know."""
        return RunFacts(
            self.run.run_id,
            entity=self.run.entity,
            project=self.run.project,
            name=self.run.run_name,
            group=self.run.run_name.rpartition("-")[0],
            state="finished",
            created_at=datetime.fromtimestamp(_BEGAN + 3600.0 * self.run.at, UTC),
            config={"model": {"name": "small"}, "max_steps": self.run.steps, "seed": self.run.seed},
            summary={"_step": self.run.first + self.run.steps - 1},
            ended=Ended.FINISHED,
            resume={"rows": self.run.steps},
        )
