"""One warehouse with everything that two engines may see differently, in few rows."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dakota_wh.api import Warehouse
from dakota_wh.ingest.landed import Landed
from tests.ingest.kit import Log
from tests.streams.logs import HandMade, table_json

Row = dict[str, Any]
STEPS = 44
#: Ids that are no plain word: digits, upper case, signs, more than one byte a letter.
DIGITS, ZEROS, ODD = "12345678", "00000042", "Añ b%2F=ß'\\{x}日"
NAN, INF = math.nan, math.inf


def orchestrated(seed: int, steps: int = STEPS) -> Iterable[Row]:
    """A run that learns, whose reward is a sum, with every kind of number beside it."""
    dice = random.Random(seed)
    for step in range(steps):
        if step in (7, 8, 23):  # gaps
            continue
        a, b = dice.random() + step / 20, float(dice.randint(0, 3))
        yield {
            "step": step,
            "reward/mean": 0.7 * a + 0.3 * b,
            "metrics/a": a,
            "metrics/b": b,
            "metrics/dead": 0.0,
            "metrics/penalty": -b,
            "score ties": float(step // 6),
            "Reward é日": math.sin(step) * 1e-9 + 1e6,
            "reward constant": 0.1,
            "reward/saturated": min(1.0, 0.9 + step / 100),
            "reward/huge": (-1.0) ** step * 1e300 * (1 + step),
            "reward/tiny": 1e-200 * (step % 5),
            "reward/extreme": 1.7976931348623157e308 * (1 if step % 3 else -1),
            "reward/odd": (NAN, INF, -INF, float(step))[step % 4],
            "reward/only nan": NAN,
            "minus zero": -0.0 if step % 2 else 0.0,
            "completion_len/mean": 200 - 3 * step + dice.gauss(0, 9),
            "is_truncated/mean": 1 / (step + 1),
            "progress/ckpt_step": max(step - 1, 0) if step != 12 else 0.5,
            "progress/total_tokens": 2**53 + 1 + step,
            "time/step": 10.0 if step % 9 else 35.0,
            "time/wait_for_ckpt": 2.0 + step % 3,
            "perf/throughput": 7000.0 + step,
        }


def trained(seed: int, steps: int = STEPS) -> Iterable[Row]:
    dice = random.Random(1000 + seed)
    for step in range(steps):
        yield {
            "step": step,
            "loss/mean": dice.gauss(0, 1e-3),
            "entropy/mean": 0.9 - step / 100 + dice.random() / 50,
            "mismatch_kl/mean": (NAN if step == 5 else 0.001 * (1 + step % 5)),
            "optim/grad_norm": 0.25,
            "optim/lr": 1e-6,
            "inference_probs/mean": 0.6 + dice.random() / 10,
            "trainer_probs/mean": 0.6 + dice.random() / 10,
            "is_masked/mean": 0.01,
            "time/step": 11.0,
            "time/wait_for_batch": 4.0 if step % 2 else 0.0,
            "evals/sparse": float(step),
        } | ({} if step % 4 else {"eval/every four": step / 3})


def one_log(
    folder: Path,
    run_id: str,
    rows: Iterable[Row],
    *,
    start: float = 0,
    late: float = 0,
    ended: bool = True,
    config: Mapping[str, Any] | None = None,
    **texts: str,
) -> Path:
    texts = {"name": f"n-{run_id}", "entity": "me", "project": "p", **texts}
    log = Log(folder, run_id).begin(run_id, config, int(start), **texts)
    for number, row in enumerate(rows):
        at = 1.7e9 + start + 12.5 * row.get("step", number) + late
        log.log({"_timestamp": at, **row})
    return (log.end() if ended else log).write()


def fill(warehouse: Warehouse, folder: Path) -> Warehouse:
    """Store the runs of this module in an empty warehouse."""

    def land(path: Path, **options: Any) -> None:
        landed: list[Landed] = warehouse.ingest(path, **options)
        assert [one.error for one in landed] == [None]

    config = {"output_dir": r"out\100%_\x", "max_steps": STEPS, "model.name": "m", "async_level": 2}
    # A pair, of digits only, that a person would find by its name.
    land(one_log(folder, DIGITS, orchestrated(1), name="GRPO-ΑΣ-orch-1", config=config))
    land(one_log(folder, ZEROS, trained(1), late=3, name="grpo-ας-trainer-1", config=config))
    # Rivals: two trainers for one orchestrator.
    rest = {"start": 90_000, "name": "twin"}
    land(one_log(folder, "orchb", orchestrated(2, 24), **rest, group="g"))  # type: ignore[arg-type]
    land(one_log(folder, "trainb", trained(2, 24), **rest, late=2, group="g"))  # type: ignore[arg-type]
    land(one_log(folder, "trainc", trained(3, 24), **rest, late=-2, config=config))  # type: ignore[arg-type]
    # A pair that a person fixed, and one that would be a pair, with nothing in its names.
    land(one_log(folder, "fixedo", orchestrated(4, 14), start=200_000))
    land(one_log(folder, "fixedt", trained(4, 14), start=300_000))
    warehouse.pair("fixedo", "fixedt")
    # Both sides in one run, whose id is everything that a folder's name cannot be.
    both = [a | b for a, b in zip(orchestrated(5), trained(5), strict=False)]
    land(one_log(folder, "both", both, start=400_000, project="q'\\"), store_as=ODD, role="shared")
    # What keys hold beside numbers, in two ingests: a part of integers, then one of everything.
    mixed: list[Row] = [
        {"k": n, "Loss": n, "loss": -n, "flag": True, "big": 2**53 + 1} for n in range(12)
    ]
    land(one_log(folder, "mixed", mixed, start=500_000, ended=False))
    odd: list[Any] = [
        0.5,
        NAN,
        "text ‘日’ \\ '",
        None,
        {"a": {"b": [1, NAN]}},
        [1, "x"],
        True,
        2**70,
        -INF,
    ]
    mixed += [{"k": value, "flag": n, "nul": None, "a.b": n} for n, value in enumerate(odd)]
    land(one_log(folder, "mixed", mixed, start=500_000))
    # Other frameworks, one of them with more than one axis, and samples of the clock.
    verl = [
        {"training/global_step": n, "critic/rewards/mean": n / 7, "actor/pg_loss": -n / 9,
         "actor/entropy": 1 / (n + 1), "actor/ppo_kl": 0.0, "_timestamp": 1.7e9 + 600_000 + n}
        for n in range(1, 30)
    ]  # fmt: skip
    land(one_log(folder, "verl", verl, start=600_000))
    sb3 = [
        {"global_step": 2048 * n, "rollout/ep_rew_mean": n**0.5, "train/entropy_loss": -1.5 / n,
         "train/loss": 1 / n, "train/approx_kl": 0.01}
        for n in range(1, 13)
    ]  # fmt: skip
    land(one_log(folder, "SB3", sb3, start=700_000))
    slime: list[Row] = []
    for n in range(16):
        slime.append({"rollout/raw_reward": n / 3, "rollout/step": n})
        slime += [{"train/loss": n / 5, "train/step": 3 * n + update} for update in range(3)]
    land(one_log(folder, "slime", slime, start=800_000))
    clock = [
        {"step": n // 2, "reward/mean": n / 9} if n % 2 else {"inference/queue": float(n)}
        for n in range(30)
    ]
    land(one_log(folder, "clock", clock, start=900_000))
    # One sample, no sample, nothing that says what it is.
    land(one_log(folder, "once", [{"step": 3, "reward/mean": 0.25, "loss/mean": NAN}], start=1e6))
    land(one_log(folder, "none", [], start=1_000_100))
    land(one_log(folder, "what", [{"x": n % 2, "y": 2.0**n} for n in range(20)], start=1_000_200))
    # Replaced by another content, moved to another role, removed.
    for seed in (6, 7):
        land(
            one_log(folder / str(seed), "twice", orchestrated(seed, 12), start=1_100_000),
            force=True,
        )
    land(one_log(folder, "moved", trained(8, 12), start=1_200_000))
    land(one_log(folder, "moved", trained(8, 12), start=1_200_000), role="single")
    land(one_log(folder, "gone", orchestrated(9, 12), start=1_300_000))
    warehouse.remove("gone")
    # Streams beside a run.
    hand = HandMade(folder / "hand" / "run-20250101_000000-hand", "hand")
    for rows in ([[1, "a\n'日'"], [None, 2.5]], [["x", True]], []):
        hand.row({"t/é": hand.table(table_json(["n", "step"], rows)), "score": float(hand.step)})
    hand.stats(3, {"gpu.0.temp": "61.5", "odd": '"NaN"'})
    hand.end()
    land(hand.write(), streams=["tables", "system", "files"])
    return warehouse
