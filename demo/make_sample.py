"""Make ``demo/sample.zip``: a small GRPO training, logged by the real W&B SDK, offline.

    uv run python demo/make_sample.py

The training is simulated (seeded, so every making gives the same numbers) and logged as prime-rl
did in 2025: one run by the orchestrator, one by the trainer, ``wandb.log(m, step=m["step"])``, one
log call a step in the orchestrator and four in the trainer, which W&B merges into one row. Keys
and configs have the shape of a real training; names and values are invented.

Facts planted for the demo, each a constant below: a reward component that is dead, one that is
saturated, one that rises late; a gradient spike with a dip of the reward behind it; one step
whose KL is NaN; a sparse evaluation; NULL and nested values in the configs.

The simulated clock. The SDK takes a logged ``_timestamp``, but always writes ``_runtime``,
``start_time`` and its own bookkeeping from the wall clock, and a training of 22 minutes is logged
here within seconds. `retime` therefore puts the simulated clock into the finished log, and makes
its bytes reproducible: the items of a record, which the SDK writes in random order, get an order
that only looks random, and the id of the local request is dropped. Nothing else is touched.
"""

import argparse
import io
import math
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = dict[str, float]

SEED = 1890
STEPS = 240
PROBLEMS, ROLLOUTS = 32, 8
SAMPLES = PROBLEMS * ROLLOUTS
MAX_TOKENS = 512
GPUS = 4
START = datetime(2026, 1, 5, 9, 0, 0, tzinfo=UTC)
PROJECT = "demo-grpo"

# What is planted.
WEIGHTS = {
    "exact_match": "0.40",  # dead: never earned
    "char_overlap": "0.20",
    "pattern": "0.15",  # rises late
    "affix": "0.10",  # saturated from the start
    "length_penalty": "0.15",
}
PATTERN_RISE = 175
SPIKE_STEP = 151
NAN_STEP = 83
EVAL_EVERY = 20
EVAL_KEY = "eval/demo-env/avg@4"
CKPT_EVERY = 60

TENSORS = (
    "entropy",
    "inference_probs",
    "is_masked",
    "is_masked_high",
    "is_masked_low",
    "loss",
    "masked_mismatch_kl",
    "mismatch_kl",
    "sequence_masked_low",
    "trainer_probs",
    "unmasked_mismatch_kl",
)
STATS = ("mean", "median", "std", "min", "max")

COMMON_CONFIG: dict[str, Any] = {
    "log": {"file": True, "level": "info", "log_data": False, "vf_level": "warn"},
    "bench": False,
    "max_steps": STEPS,
    "output_dir": "outputs/demo-grpo",
    "async_level": 1,
    "weight_broadcast": {"type": "filesystem"},
}
ORCHESTRATOR_CONFIG: dict[str, Any] = COMMON_CONFIG | {
    "env": [{"id": "demo/word-forms", "args": {}, "name": None}],
    "val": None,
    "ckpt": {
        "keep": 3,
        "interval": CKPT_EVERY,
        "resume_step": None,
        "skip_buffer": False,
        "skip_progress": False,
    },
    "eval": {
        "env": [{"id": "demo-env", "args": {}, "name": None}],
        "interval": EVAL_EVERY,
        "num_examples": 64,
        "rollouts_per_example": 4,
        "eval_base_model": True,
    },
    "seed": 42,
    "model": {"name": "demo/tiny-0.5b", "trust_remote_code": False},
    "wandb": {
        "id": None,
        "name": "demo-grpo-orchestrator",
        "offline": True,
        "project": PROJECT,
        "log_extras": None,
    },
    "buffer": {"seed": None, "type": "simple", "from_scratch": True},
    "client": {
        "timeout": 1200,
        "base_url": ["http://localhost:8000/v1"],
        "api_key_var": "OPENAI_API_KEY",
        "server_type": "vllm",
    },
    "env_mix": {
        "seed": None,
        "strategy": "interleave",
        "probabilities": None,
        "stopping_strategy": "all_exhausted",
    },
    "seq_len": 1024,
    "sampling": {
        "seed": None,
        "max_tokens": MAX_TOKENS,
        "min_tokens": 0,
        "temperature": 1.0,
        "repetition_penalty": 1.0,
    },
    "advantage": {
        "std_norm": None,
        "neg_clipped": False,
        "leave_one_out": False,
        "length_weighted_mean": False,
    },
    "batch_size": SAMPLES,
    "max_concurrent": None,
    "num_train_workers": GPUS,
    "mask_env_responses": True,
    "rollouts_per_example": ROLLOUTS,
    "mask_truncated_completions": False,
    "zero_truncated_completions": False,
}
TRAINER_CONFIG: dict[str, Any] = COMMON_CONFIG | {
    "ckpt": {
        "keep": 3,
        "interval": CKPT_EVERY,
        "resume_step": None,
        "skip_progress": False,
        "skip_scheduler": False,
        "skip_dataloader": False,
    },
    "data": {"fake": None},
    "loss": {
        "ratio_type": "token",
        "mask_ratio_low": 0.125,
        "mask_ratio_high": 8.0,
        "ratio_length_norm": False,
        "sequence_mask_ratio_low": 0.0,
    },
    "model": {
        "ac": {"freq": 1},
        "cp": 1,
        "ep": 1,
        "tp": 1,
        "attn": "flash_attention_2",
        "impl": "hf",
        "name": "demo/tiny-0.5b",
        "debug": {"num_layers": None, "random_init": False},
        "compile": None,
        "dp_replicate": 1,
        "experimental": {"lora": None},
        "reduce_dtype": "float32",
        "ac_offloading": None,
        "load_using_meta": False,
        "trust_remote_code": False,
        "moe_use_grouped_mm": True,
        "optimization_dtype": "float32",
        "reshard_after_forward": True,
    },
    "optim": {
        "lr": 1e-06,
        "type": "adamw",
        "betas1": 0.9,
        "betas2": 0.999,
        "max_norm": 1.0,
        "weight_decay": 0.01,
    },
    "wandb": {
        "id": None,
        "name": "demo-grpo-trainer",
        "offline": True,
        "project": PROJECT,
        "log_extras": None,
    },
    "weights": {
        "interval": None,
        "save_async": True,
        "save_format": "torch",
        "save_sharded": False,
        "save_adapter_separately": False,
    },
    "scheduler": {"type": "constant"},
    "trace_path": None,
    "dist_timeout_seconds": 600,
    "memory_profiler_path": None,
}


def brief(value: float) -> float:
    """A float cut to 6 significant digits, so that the sample compresses; an int as it is."""
    return value if isinstance(value, int) else float(f"{value:.6g}")


def weighted_reward(components: dict[str, float]) -> float:
    """The reward as the exact decimal sum of the components as they are logged."""
    parts = (Decimal(WEIGHTS[name]) * Decimal(str(c)) for name, c in components.items())
    return float(sum(parts, Decimal(0)))


@dataclass
class Simulation:
    """The training, step by step: two processes that wait for each other's files."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))
    total_tokens: int = 0
    wobble: float = 0.0  # slow common noise of the policy's quality

    def noise(self, sd: float) -> float:
        return sd * float(self.rng.standard_normal())

    def skew(self, mean: float, sd: float) -> float:
        """A positive value near `mean`, with a tail to the right."""
        return mean * math.exp(self.noise(sd))

    def rewards(self, step: int) -> dict[str, float]:
        """The mean of each reward component over the batch."""
        self.wobble = 0.8 * self.wobble + self.noise(0.008)
        dip = 0.09 * math.exp(-(step - SPIKE_STEP) / 5) if step > SPIKE_STEP else 0.0
        char = 0.52 - 0.47 * math.exp(-step / 48) + self.wobble - dip + self.noise(0.012)
        form = 0.42 / (1 + math.exp(-(step - PATTERN_RISE) / 9))
        length = 0.94 - 0.80 * math.exp(-step / 38) + 0.5 * self.wobble + self.noise(0.012)
        return {
            "exact_match": 0.0,
            "char_overlap": brief(min(max(char, 0.0), 1.0)),
            "pattern": int(self.rng.binomial(SAMPLES, form)) / SAMPLES,
            "affix": brief(min(0.97 + self.noise(0.009), 1.0)),
            "length_penalty": brief(min(max(length, 0.0), 1.0)),
        }

    def lengths(self, step: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tokens of the prompts (one a problem) and of the completions (problem x rollout)."""
        prompts = np.rint(96 + self.rng.gamma(2.0, 15.0, PROBLEMS)).astype(np.int64)
        typical = (190 + 150 * math.exp(-step / 80)) * math.exp(self.noise(0.03))
        hard = self.rng.normal(0.0, 0.30, (PROBLEMS, 1))
        spread = self.rng.normal(0.0, 0.35, (PROBLEMS, ROLLOUTS))
        tokens = np.rint(typical * np.exp(hard + spread)).astype(np.int64)
        return prompts, np.clip(tokens, 8, MAX_TOKENS)

    def orchestrator(self, step: int, now: float, trained: Sequence[float]) -> tuple[Row, float]:
        """The orchestrator's row of a step that starts at `now`, and when it was logged.

        `trained` are the times at which the trainer finished its updates: rollouts of step s are
        sampled by a policy that contains the updates 0 to s-2, so they may have to wait.
        """
        rewards = self.rewards(step)
        prompts, tokens = self.lengths(step)
        cut = (tokens == MAX_TOKENS).mean(axis=1)
        completions = tokens.mean(axis=1)
        total = int((prompts[:, None] + tokens).sum())
        self.total_tokens += total
        waited = max(trained[step - 2] + 1.0 - now, 0.0) if step >= 2 else 0.0
        generate = self.skew(2.2 + total / 80_000, 0.09)
        update = self.skew(0.92, 0.06) if step else 0.0
        save = self.skew(1.3, 0.1) if step and step % CKPT_EVERY == 0 else 0.0
        whole = generate + update + waited + save + self.skew(0.9, 0.15)
        row: Row = {
            "progress/tokens": total,
            "progress/samples": SAMPLES,
            "progress/problems": PROBLEMS,
            "progress/total_tokens": self.total_tokens,
            "progress/total_samples": SAMPLES * (step + 1),
            "progress/total_problems": PROBLEMS * (step + 1),
            "progress/ckpt_step": max(step - 1, 0),
            "perf/throughput": total / whole,
            "perf/problem_requests": PROBLEMS,
            "perf/completion_requests": SAMPLES,
            "perf/calls_to_generate": 1,
            "batch/solve_none": 0.0,
            "batch/solve_all": 0.0,
            "batch/effective_batch_size": 1.0,
            "time/step": whole,
            "time/generate_completions": generate,
            "time/wait_for_weight_ckpt": waited,
            "time/update_weights": update,
            "time/save_ckpt": save,
            "step": step,
        }
        for name, values in (
            ("seq_len", prompts + completions),
            ("prompt_len", prompts),
            ("completion_len", completions),
            ("is_truncated", cut),
        ):
            row[f"{name}/mean"] = float(values.mean())
            row[f"{name}/max"] = float(values.max())
            row[f"{name}/min"] = float(values.min())
        row = {key: brief(value) for key, value in row.items()}
        row |= {f"metrics/{name}_reward": value for name, value in rewards.items()}
        row["reward/mean"] = weighted_reward(rewards)
        return row, now + whole

    def tensors(self, step: int, entropy_now: float) -> dict[str, tuple[float, ...]]:
        """Mean, median, std, min, max of each tensor of the loss, over the tokens of the batch."""
        progress = step / STEPS
        loss = -6.5e-5 + self.noise(1.1e-4)
        spread = self.skew(7e-4, 0.25) * (4 if step == SPIKE_STEP else 1)
        kl = self.skew(0.0011 + 0.011 * progress, 0.12) * (5 if step == SPIKE_STEP else 1)
        low = self.skew(0.0002 + 0.004 * progress, 0.2)
        high = low / 9
        masked = self.skew(3.1, 0.15)
        sure = 0.63 + 0.20 * (1 - math.exp(-step / 90))
        trainer = sure - 0.004 + self.noise(0.006)
        inference = sure + self.noise(0.006)
        below = 0.74 + 0.25 * (1 - math.exp(-step / 40))
        tiny = self.skew(4e-8, 0.9)
        gap = math.sqrt(trainer * (1 - trainer))

        def mask(share: float) -> tuple[float, ...]:
            return share, 0.0, math.sqrt(share * (1 - share)), 0.0, 1.0

        return {
            "entropy": (
                entropy_now,
                self.skew(0.8 * entropy_now**2, 0.1),
                self.skew(0.55 + 0.4 * entropy_now, 0.05),
                0.0,
                self.skew(6.2, 0.06),
            ),
            "inference_probs": (inference, below, gap * 0.93, tiny, 1.0),
            "trainer_probs": (trainer, below - 0.002, gap * 0.95, tiny * 0.7, 1.0),
            "is_masked": mask(low + high),
            "is_masked_low": mask(low),
            "is_masked_high": mask(high),
            "sequence_masked_low": (0.0, 0.0, 0.0, 0.0, 0.0),
            "loss": (
                loss,
                loss * 0.3 + self.noise(3e-5),
                spread,
                -self.skew(3.1 * spread, 0.1),
                self.skew(2.4 * spread, 0.1),
            ),
            "mismatch_kl": (kl, kl * 0.4, self.skew(kl * 6, 0.1), 0.0, self.skew(kl * 700, 0.3)),
            "masked_mismatch_kl": (masked, masked * 0.9, masked * 0.5, 0.0, self.skew(14.0, 0.3)),
            "unmasked_mismatch_kl": (
                kl * 0.6,
                kl * 0.4,
                self.skew(kl * 1.4, 0.1),
                0.0,
                self.skew(0.55, 0.2),
            ),
        }

    def trainer(self, step: int, batch: Row, ready: float, free: float) -> tuple[list[Row], float]:
        """The trainer's log calls of a step, and when the update was done.

        `ready` is when the orchestrator wrote this step's `batch`, `free` when the trainer had
        finished the step before.
        """
        waited = max(ready - free, 0.0)
        load = self.skew(0.003, 0.25)
        work = self.skew(1.1 + batch["progress/tokens"] / 60_000, 0.05) + (5.5 if step == 0 else 0)
        share = self.skew(0.6, 0.2) if step else 0.0
        save = self.skew(6.0, 0.1) if step and step % CKPT_EVERY == 0 else 0.0
        whole = waited + load + work + share + save
        speed = batch["progress/tokens"] / (whole - save) if step else 0.0
        entropy_now = (0.24 + 0.70 * math.exp(-step / 70)) * (
            batch["completion_len/mean"] / 250
        ) ** 0.3
        tensors = {
            f"{name}/{stat}": value
            for name, values in self.tensors(step, self.skew(entropy_now, 0.05)).items()
            for stat, value in zip(STATS, values, strict=True)
        }
        if step == NAN_STEP:  # an empty batch: no token to take a mean of
            tensors |= {key: math.nan for key in tensors if "mismatch_kl/" in key}
        grad_norm = 2.8416 if step == SPIKE_STEP else self.skew(0.13, 0.28)
        calls: list[Row] = [
            {
                "perf/throughput": speed,
                "perf/throughput_per_gpu": speed / GPUS,
                "perf/peak_memory": 11.5 if step > 1 else 5.5 + 0.8 * step,
                "perf/mfu": speed / 3000,
                "step": step,
            },
            {"optim/lr": 1e-06, "optim/grad_norm": grad_norm, "step": step},
            tensors | {"step": step},
            {
                "time/step": whole,
                "time/wait_for_batch": waited,
                "time/load_data": load,
                "time/broadcast_weights": share,
                "time/save_weights": share,
                "time/save_ckpt": save,
                "time/forward_backward": work,
                "step": step,
            },
        ]
        calls = [{key: brief(value) for key, value in call.items()} for call in calls]
        return calls, max(ready, free) + load + work + share + save


@dataclass(frozen=True)
class Logged:
    """A run to log: what, and when each log call happened on the simulated clock."""

    run_id: str
    name: str
    config: dict[str, Any]
    start: float
    calls: list[Row]

    @property
    def path(self) -> str:
        return f"wandb/offline-run-{START:%Y%m%d_%H%M%S}-{self.run_id}/run-{self.run_id}.wandb"


def simulate() -> tuple[Logged, Logged]:
    """The whole training: the orchestrator's run and the trainer's."""
    sim = Simulation()
    start = START.timestamp()
    orchestrator = Logged("demoorch", "demo-grpo-orchestrator", ORCHESTRATOR_CONFIG, start, [])
    trainer = Logged("demotrnr", "demo-grpo-trainer", TRAINER_CONFIG, start + 14.25, [])
    now, free = start + 31.5, start + 33.0  # both load the model first
    trained: list[float] = []
    for step in range(STEPS):
        row, now = sim.orchestrator(step, now, trained)
        clock = {"_timestamp": round(now, 3)}
        if step % EVAL_EVERY == 0:
            level = brief(row["reward/mean"] + 0.012 + sim.noise(0.004))
            orchestrator.calls.append({EVAL_KEY: level, "step": step} | clock)
        orchestrator.calls.append(row | clock)
        calls, free = sim.trainer(step, row, now, free)
        trained.append(free)
        trainer.calls.extend(call | {"_timestamp": round(free, 3)} for call in calls)
    return orchestrator, trainer


def log_offline(run: Logged, folder: Path) -> bytes:
    """Log a run with the real SDK into `folder`; the bytes of its `.wandb` file."""
    import wandb

    settings = wandb.Settings(
        mode="offline",
        root_dir=str(folder),
        # No facts about the machine and its user.
        host="demo",
        console="off",
        disable_code=True,
        disable_git=True,
        disable_job_creation=True,
        save_code=False,
        x_disable_machine_info=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
        # No more output and files than needed.
        silent=True,
        symlink=False,
    )
    with wandb.init(
        project=PROJECT, id=run.run_id, name=run.name, config=run.config, settings=settings
    ) as live:
        for call in run.calls:
            live.log(call, step=int(call["step"]))
    wandb.teardown()  # finish() may return before the last block is in the file
    (log,) = folder.glob(f"wandb/*-{run.run_id}/run-{run.run_id}.wandb")
    return log.read_bytes()


# The framing of a W&B log is LevelDB's: blocks of 32 KiB that hold chunks of a record.
HEADER = b":W&B\xe1\xbe\x00"
BLOCK, CHUNK_HEADER = 32768, 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def read_frames(log: bytes) -> Iterator[bytes]:
    """The records of an intact W&B log."""
    if not log.startswith(HEADER):
        raise ValueError("not a W&B log of version 0")
    at, record = len(HEADER), b""
    while at < len(log):
        if BLOCK - at % BLOCK < CHUNK_HEADER:
            at += BLOCK - at % BLOCK
            continue
        size, kind = int.from_bytes(log[at + 4 : at + 6], "little"), log[at + 6]
        chunk = log[at + CHUNK_HEADER : at + CHUNK_HEADER + size]
        record = chunk if kind in (FULL, FIRST) else record + chunk
        if kind in (FULL, LAST):
            yield record
        at += CHUNK_HEADER + size


def write_frames(records: Iterator[bytes]) -> bytes:
    """A W&B log of these records."""
    out = bytearray(HEADER)
    for record in records:
        at, begun = 0, False
        while at < len(record) or not begun:
            room = BLOCK - len(out) % BLOCK
            if room < CHUNK_HEADER:
                out += bytes(room)
                room = BLOCK
            chunk = record[at : at + room - CHUNK_HEADER]
            at += len(chunk)
            done = at == len(record)
            kind = (LAST if done else MIDDLE) if begun else (FULL if done else FIRST)
            crc = zlib.crc32(bytes([kind]) + chunk)
            out += (
                crc.to_bytes(4, "little") + len(chunk).to_bytes(2, "little") + bytes([kind]) + chunk
            )
            begun = True
    return bytes(out)


def retime(log: bytes, start: float) -> bytes:
    """The same log on the simulated clock, with items in a reproducible order."""
    from wandb.proto import wandb_internal_pb2 as pb

    def name(item: Any) -> tuple[str, ...]:
        return tuple(item.nested_key) or (item.key,)

    def shuffle(items: Any, seed: float) -> None:
        items.sort(key=lambda item: zlib.crc32(f"{seed} {name(item)}".encode()))

    def set_clock(items: Any, elapsed: float) -> None:
        for item in items:
            if name(item) == ("_runtime",):
                whole = item.value_json.isdigit()  # the bookkeeping counts whole seconds
                item.value_json = str(int(elapsed)) if whole else repr(elapsed)
            elif name(item) == ("_wandb", "runtime"):
                item.value_json = str(int(elapsed))

    def records() -> Iterator[bytes]:
        elapsed, kind = 0.0, ""
        for payload in read_frames(log):
            record: Any = pb.Record.FromString(payload)  # type: ignore[attr-defined]
            kind = record.WhichOneof("record_type")
            record.ClearField("control")
            if kind == "run":
                record.run.start_time.FromMicroseconds(round(start * 1e6))
                shuffle(record.run.config.update, 0)
            elif kind in ("history", "summary"):
                items = record.history.item if kind == "history" else record.summary.update
                times = [float(i.value_json) for i in items if name(i) == ("_timestamp",)]
                elapsed = round(times[0] - start, 3) if times else elapsed
                set_clock(items, elapsed)
                shuffle(items, elapsed)  # a step's summary and history alike: compresses better
            yield record.SerializeToString(deterministic=True)
        if kind != "exit":
            raise ValueError("the log has no end: it was read before it was whole")

    return write_frames(records())


def pack(files: dict[str, bytes]) -> bytes:
    """A zip archive of `files` that depends on nothing but them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, START.timetuple()[:6])
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED  # every Python reads it; LZMA is optional
            archive.writestr(entry, content, compresslevel=9)
    return buffer.getvalue()


def make(output: Path) -> None:
    """Simulate, log, pack into `output`."""
    for key in [key for key in os.environ if key.startswith("WANDB_")]:
        del os.environ[key]
    files = {}
    with tempfile.TemporaryDirectory() as temporary:
        for kind in ("CONFIG", "CACHE", "DATA"):  # leave the user's own W&B folders alone
            os.environ[f"WANDB_{kind}_DIR"] = str(Path(temporary, kind.lower()))
        os.environ["WANDB_ERROR_REPORTING"] = "false"
        for run in simulate():
            files[run.path] = retime(log_offline(run, Path(temporary)), run.start)
            print(f"{run.path}: {len(files[run.path]):,} bytes")
    archive = pack(files)
    output.write_bytes(archive)
    print(f"{output}: {len(archive):,} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the sample of `dakota-wh demo`.")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("sample.zip"))
    make(parser.parse_args().output)
