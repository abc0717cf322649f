"""The sample of `dakota-wh demo`: as demo/README.md describes it, and without personal facts."""

import json
import math
import os
import re
import socket
import statistics
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from wandb.proto import wandb_internal_pb2 as pb

from dakota_wh import demo

STEPS = 240
SCRIPT = Path(demo.__file__).with_name("make_sample.py")
SAMPLE = SCRIPT.with_name("sample.zip")
EVAL_KEY = "eval/demo-env/avg@4"
OWN = {"_step", "_runtime", "_timestamp", "step"}

# The columns of 29hn8w98 and of 7nikv4vp, a real pair of the same prime-rl.
ORCHESTRATOR_KEYS = (
    OWN
    | {f"progress/{k}" for k in ("tokens", "samples", "problems", "ckpt_step")}
    | {f"progress/total_{k}" for k in ("tokens", "samples", "problems")}
    | {
        f"{k}/{stat}"
        for k in ("seq_len", "prompt_len", "completion_len", "is_truncated")
        for stat in ("mean", "min", "max")
    }
    | {f"perf/{k}" for k in ("throughput", "problem_requests", "completion_requests")}
    | {"perf/calls_to_generate", "reward/mean"}
    | {f"batch/{k}" for k in ("solve_none", "solve_all", "effective_batch_size")}
    | {
        f"metrics/{k}_reward"
        for k in ("exact_match", "char_overlap", "pattern", "affix", "length_penalty")
    }
    | {f"time/{k}" for k in ("step", "generate_completions", "wait_for_weight_ckpt")}
    | {"time/update_weights", "time/save_ckpt"}
)
TRAINER_KEYS = (
    OWN
    | {
        f"{tensor}/{stat}"
        for tensor in (
            *("loss", "entropy", "trainer_probs", "inference_probs", "sequence_masked_low"),
            *("mismatch_kl", "masked_mismatch_kl", "unmasked_mismatch_kl"),
            *("is_masked", "is_masked_low", "is_masked_high"),
        )
        for stat in ("mean", "median", "std", "min", "max")
    }
    | {"optim/lr", "optim/grad_norm"}
    | {f"perf/{k}" for k in ("throughput", "throughput_per_gpu", "mfu", "peak_memory")}
    | {f"time/{k}" for k in ("step", "wait_for_batch", "load_data", "forward_backward")}
    | {f"time/{k}" for k in ("broadcast_weights", "save_weights", "save_ckpt")}
)


@dataclass
class Log:
    """What a W&B log says."""

    raw: bytes
    kinds: set[str] = field(default_factory=set)
    numbers: list[int] = field(default_factory=list)
    run: Any = None
    exit_code: int | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    def column(self, key: str) -> list[float]:
        return [row[key] for row in self.history if key in row]


def frames(log: bytes) -> Iterator[bytes]:
    """The records of a log: LevelDB's framing, with the plain CRC-32 of kind and chunk."""
    assert log[:7] == b":W&B\xe1\xbe\x00"
    at, parts = 7, b""
    while at < len(log):
        room = 32768 - at % 32768
        if room < 7:
            assert not any(log[at : at + room])
            at += room
            continue
        crc = int.from_bytes(log[at : at + 4], "little")
        size = int.from_bytes(log[at + 4 : at + 6], "little")
        kind, chunk = log[at + 6], log[at + 7 : at + 7 + size]
        assert len(chunk) == size <= room - 7
        assert zlib.crc32(bytes([kind]) + chunk) == crc
        assert (kind in (1, 2)) == (not parts)
        parts += chunk
        if kind in (1, 4):
            yield parts
            parts = b""
        at += 7 + size
    assert not parts


def values(items: Any) -> dict[str, Any]:
    return {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def read(path: Path) -> Log:
    log = Log(path.read_bytes())
    for payload in frames(log.raw):
        record: Any = pb.Record.FromString(payload)  # type: ignore[attr-defined]
        kind = record.WhichOneof("record_type")
        log.kinds.add(kind)
        log.numbers.append(record.num)
        if kind == "run":
            log.run = record.run
            log.config = values(record.run.config.update)
        elif kind == "history":
            log.history.append(values(record.history.item))
        elif kind == "summary":
            log.summary |= values(record.summary.update)
        elif kind == "exit":
            log.exit_code = record.exit.exit_code
    return log


def logs(archive: Path, folder: Path) -> tuple[Log, Log]:
    with zipfile.ZipFile(archive) as sample:
        sample.extractall(folder)
    orchestrator, trainer = sorted(folder.glob("wandb/offline-run-*/run-*.wandb"))
    return read(orchestrator), read(trainer)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Log, Log]:
    return logs(SAMPLE, tmp_path_factory.mktemp("sample"))


@pytest.fixture
def orchestrator(sample: tuple[Log, Log]) -> Log:
    return sample[0]


@pytest.fixture
def trainer(sample: tuple[Log, Log]) -> Log:
    return sample[1]


def test_unpack_gives_the_wandb_folder(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there yet"
    assert demo.unpack(folder) == folder / "wandb"
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert files == [
        "wandb/offline-run-20260105_090000-demoorch/run-demoorch.wandb",
        "wandb/offline-run-20260105_090000-demotrnr/run-demotrnr.wandb",
    ]
    assert all(any(run_id in name for name in files) for run_id in demo.RUN_IDS.values())


def test_unpack_twice_repairs_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    wandb = demo.unpack(tmp_path)
    whole, broken = sorted(wandb.glob("*/*.wandb"))
    content, before = broken.read_bytes(), whole.stat()
    broken.write_bytes(content[:1000])
    (wandb / "mine.txt").write_text("mine")
    assert demo.unpack(tmp_path) == wandb
    assert broken.read_bytes() == content
    assert (whole.stat().st_ino, whole.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert sorted(p.name for p in wandb.rglob("*") if p.is_file()) == [
        "mine.txt",
        "run-demoorch.wandb",
        "run-demotrnr.wandb",
    ]


def test_the_archive_is_small_and_holds_logs_only() -> None:
    assert SAMPLE.stat().st_size < 200_000
    with zipfile.ZipFile(SAMPLE) as archive:
        entries = archive.infolist()
    assert len(entries) == 2
    assert all(e.filename.startswith("wandb/") and e.filename.endswith(".wandb") for e in entries)
    assert {e.compress_type for e in entries} == {zipfile.ZIP_DEFLATED}
    assert {e.date_time for e in entries} == {(2026, 1, 5, 9, 0, 0)}


def test_the_runs_are_whole(orchestrator: Log, trainer: Log) -> None:
    for log, run_id, role in (
        (orchestrator, "demoorch", "orchestrator"),
        (trainer, "demotrnr", "trainer"),
    ):
        assert (log.run.run_id, log.run.display_name) == (run_id, f"demo-grpo-{role}")
        assert log.run.project == "demo-grpo"
        assert log.numbers == list(range(1, len(log.numbers) + 1))
        assert log.exit_code == 0
        assert log.column("_step") == log.column("step") == list(range(STEPS))
        last = log.history[-1]
        assert {key: log.summary[key] for key in last} == last


def test_the_keys_are_those_of_a_real_pair(orchestrator: Log, trainer: Log) -> None:
    assert (len(ORCHESTRATOR_KEYS), len(TRAINER_KEYS)) == (41, 72)
    for row in orchestrator.history:
        evaluated = row["step"] % 20 == 0
        assert set(row) == ORCHESTRATOR_KEYS | ({EVAL_KEY} if evaluated else set())
    assert all(set(row) == TRAINER_KEYS for row in trainer.history)


def test_the_configs_are_nested(orchestrator: Log, trainer: Log) -> None:
    common = {"max_steps": STEPS, "async_level": 1, "output_dir": "outputs/demo-grpo"}
    for log in (orchestrator, trainer):
        assert log.config.items() >= common.items()
        assert log.config["model"]["name"] == "demo/tiny-0.5b"
        assert log.config["wandb"]["name"] == log.run.display_name
    assert orchestrator.config["rollouts_per_example"] == 8
    assert orchestrator.config["val"] is None
    assert trainer.config["model"]["debug"] == {"num_layers": None, "random_init": False}
    assert trainer.config["optim"]["lr"] == 1e-06


def test_the_clock_is_simulated(orchestrator: Log, trainer: Log) -> None:
    for log in (orchestrator, trainer):
        start = log.run.start_time.ToMicroseconds() / 1e6
        times = log.column("_timestamp")
        assert times == sorted(times)
        assert times[0] - start < 60
        assert 5 < (times[-1] - times[0]) / (STEPS - 1) < 7
        for row in log.history:
            assert math.isclose(row["_timestamp"] - start, row["_runtime"], abs_tol=1e-3)
        assert log.summary["_wandb.runtime"] <= log.summary["_runtime"]
    behind = [
        b["_timestamp"] - a["_timestamp"]
        for a, b in zip(orchestrator.history, trainer.history, strict=True)
    ]
    assert 2 < min(behind) < max(behind) < 12


def test_the_reward_is_the_weighted_sum(orchestrator: Log) -> None:
    weights = {
        "exact_match": 0.40,
        "char_overlap": 0.20,
        "pattern": 0.15,
        "affix": 0.10,
        "length_penalty": 0.15,
    }
    for row in orchestrator.history:
        total = math.fsum(w * row[f"metrics/{name}_reward"] for name, w in weights.items())
        assert abs(row["reward/mean"] - total) < 1e-15


def test_the_components(orchestrator: Log) -> None:
    def component(name: str) -> list[float]:
        return orchestrator.column(f"metrics/{name}_reward")

    assert set(component("exact_match")) == {0}
    assert 0.96 < statistics.mean(component("affix")) < 0.98
    assert statistics.stdev(component("affix")) < 0.012
    pattern = component("pattern")
    assert max(pattern[:100]) == 0
    assert statistics.mean(pattern[-30:]) > 0.35
    assert next(i for i, v in enumerate(pattern) if v > 0.2) in range(165, 185)
    char = component("char_overlap")
    assert statistics.mean(char[152:157]) < statistics.mean(char[142:152]) - 0.03
    assert statistics.mean(char[-10:]) > 5 * char[0]


def test_the_learning_curve(orchestrator: Log, trainer: Log) -> None:
    def halves(log: Log, key: str) -> tuple[float, float]:
        column = [v for v in log.column(key) if math.isfinite(v)]
        middle = len(column) // 2
        return statistics.mean(column[:middle]), statistics.mean(column[middle:])

    first, second = halves(orchestrator, "reward/mean")
    assert second > 1.2 * first
    first, second = halves(orchestrator, "completion_len/mean")
    assert 0.6 * first < second < 0.9 * first
    first, second = halves(trainer, "entropy/mean")
    assert second < 0.6 * first
    first, second = halves(trainer, "mismatch_kl/mean")
    assert second > first
    assert sum(v < 0 for v in trainer.column("loss/mean")) > 0.6 * STEPS
    assert set(trainer.column("optim/lr")) == {1e-06}
    ckpt = orchestrator.column("progress/ckpt_step")
    assert ckpt == [max(step - 1, 0) for step in range(STEPS)]


def test_the_spike(trainer: Log) -> None:
    norms = trainer.column("optim/grad_norm")
    assert norms[151] == max(norms) == 2.8416
    assert max(norms[:151] + norms[152:]) < 0.4


def test_the_nan_step(orchestrator: Log, trainer: Log) -> None:
    nan = {
        (row["step"], key)
        for row in trainer.history
        for key, value in row.items()
        if math.isnan(value)
    }
    assert {step for step, _ in nan} == {83}
    assert {key for _, key in nan} == {key for key in TRAINER_KEYS if "mismatch_kl/" in key}
    assert len(nan) == 15
    every = [v for log in (orchestrator, trainer) for row in log.history for v in row.values()]
    assert not any(isinstance(v, str) or v is None or math.isinf(v) for v in every)


def test_the_sparse_evaluation(orchestrator: Log) -> None:
    evaluated = {row["step"]: row[EVAL_KEY] for row in orchestrator.history if EVAL_KEY in row}
    assert list(evaluated) == list(range(0, STEPS, 20))
    assert evaluated[220] > 2 * evaluated[0]


def test_nothing_personal_is_in_the_logs(orchestrator: Log, trainer: Log) -> None:
    for log in (orchestrator, trainer):
        # environment, files (requirements.txt), output, system metrics: not even there
        assert log.kinds == {"header", "run", "telemetry", "summary", "history", "exit"}
        assert log.run.host == "demo"
        assert not log.run.HasField("git")
        assert not log.run.HasField("settings")
        assert {log.run.entity, log.run.notes, log.run.sweep_id} == {""}
        general = (
            rb"/home/|/Users/|/root|/tmp/|/var/|[A-Z]:\\|\w@\w+\.\w|\.git|\.py\b|\.venv|api_key\b"
        )
        assert re.findall(general, log.raw) == []
        for fact in machine_facts():
            assert not re.search(rb"(?<!\w)" + re.escape(fact.encode()) + rb"(?!\w)", log.raw)


def machine_facts() -> set[str]:
    """What could give away who made the sample, if it is made and tested on one machine."""
    facts = {socket.gethostname(), socket.getfqdn(), str(Path.home()), str(Path.cwd())}
    facts |= {Path.home().name, str(SCRIPT.parent.parent), sys.executable, sys.prefix}
    for key in ("user.name", "user.email", "remote.origin.url"):
        done = subprocess.run(
            ["git", "config", key], capture_output=True, text=True, check=False, cwd=SCRIPT.parent
        )
        facts.add(done.stdout.strip())
    words = {"demo", "localhost", "orchestrator", "trainer"}  # the sample's own
    return {fact for fact in facts if len(fact) > 2 and fact not in words}


def test_the_sample_is_made_again(sample: tuple[Log, Log], tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    personal = {"WANDB_ENTITY": "someone", "WANDB_USERNAME": "someone", "WANDB_NOTES": "private"}
    subprocess.run(
        [sys.executable, str(SCRIPT), "--output", str(again)],
        check=True,
        cwd=tmp_path,
        env=os.environ | personal,
        timeout=120,
    )
    assert [p.name for p in tmp_path.iterdir()] == ["again.zip"]
    for old, new in zip(sample, logs(again, tmp_path / "again"), strict=True):
        assert new.kinds == old.kinds
        assert new.config == old.config
        assert b"someone" not in new.raw
        assert len(new.history) == len(old.history)
        for a, b in zip(old.history, new.history, strict=True):
            assert a.keys() == b.keys()
            for key, value in a.items():
                # Another processor's exp() may turn the last of the 6 digits.
                assert b[key] == pytest.approx(value, rel=2e-5, abs=1e-12, nan_ok=True), key
