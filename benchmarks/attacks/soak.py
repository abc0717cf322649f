"""``watch`` on growing runs for a long time, with faults at random moments.

    uv run python -m benchmarks attacks.soak [--minutes 60] [--seed 1] [--keep]

Three processes watch three runs that log a row a second: a run of W&B, whose server fails in all
the ways that pass (errors, dropped connections, web pages, half answers, slow ones); a local log
whose tail is torn now and then, as a client's is that is about to write; and a local log whose
watcher is killed by SIGKILL and started again. Memory of the first two is sampled. When the runs
have ended, every view must answer what a fresh ingest of the same source answers.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.attacks.attack import Attack
from benchmarks.attacks.program import DAKOTA, kill
from benchmarks.attacks.state import answers, certificates, differing
from benchmarks.made_log import begin_log, continue_log, end_log
from benchmarks.made_run import MadeRun, orchestrator_names
from dakota_wh import api
from tests.wandb_server import faults
from tests.wandb_server.client import RETRIES, client_env
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

_INTERVAL = "5"
#: Seconds between two rows, and between two samples of memory.
_ROW, _SAMPLE = 1.0, 10.0
#: Fewer samples of a process tell of no trend.
_LEAST_SAMPLES = 20
#: What a service does that is not itself just now; where the answer is one in JSON, it is W&B's.
_FAULTS: dict[str, Callable[[], faults.Spoil]] = {
    "500": lambda: faults.status(500),
    "502": lambda: faults.status(502),
    "503 page": faults.html,
    "429": lambda: faults.too_many(1),
    "drop before": faults.drop,
    "drop in the middle": lambda: faults.drop("middle"),
    "half a JSON": faults.malformed,
    "not UTF-8": faults.no_text,
    "slow": lambda: faults.slow(3),
    "GraphQL error": lambda: faults.errors("internal error"),
}


@dataclass(slots=True)
class Watched:
    """A watcher: how it is started, its process, and what it was seen to use."""

    name: str
    words: list[str]
    env: dict[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    #: By process, itself and its children: minutes since the start, and MiB that it shares with no
    #: file.
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def start(self) -> None:
        """Start it, its talk into a file."""
        self.starts += 1
        with (self.folder / f"{self.name}.out").open("ab") as said:
            self.process = subprocess.Popen(
                [DAKOTA, "watch", *self.words, "--interval", _INTERVAL, "--warehouse", self.name],
                cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True,
            )  # fmt: skip

    def ended(self) -> int | None:
        """Return its exit code if it has ended."""
        return None if self.process is None else self.process.poll()

    def sample(self, minutes: float) -> None:
        """Note how much memory it has now."""
        if self.process is None or self.ended() is not None:
            return
        together: Counter[str] = Counter()
        for name, mib in _resident(self.process.pid, "watcher"):
            together[name] += mib
        for name, mib in together.items():
            self.memory.setdefault(name, []).append((minutes, mib))

    def looks(self) -> int:
        """Return how often it has told of the run."""
        return (self.folder / f"{self.name}.out").read_text(errors="replace").count(" rows (+")

    def last_words(self) -> str:
        """Return the end of what it said."""
        return (self.folder / f"{self.name}.out").read_text(errors="replace")[-300:]


def _resident(pid: int, name: str) -> list[tuple[str, float]]:
    """Return MiB of a process and of all below it, each with its name: pages of no file."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        [mib] = [int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon")]
        found = [(name, mib)]
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            words = Path(f"/proc/{child}/cmdline").read_text(errors="replace")
            found += _resident(child, "W&B's core" if "wandb-core" in words else "worker")
    except (OSError, ValueError):
        return []  # it ended meanwhile
    return found


def main() -> None:
    """Run for the asked time and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks attacks.soak")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    report = soak(options.minutes, options.seed)
    print(report.text())
    if options.keep:
        name = f"{date.today()}-attacks.soak.md"
        folder = Path(__file__).parents[1] / "results"
        (folder / name).write_text(report.text() + "\n", encoding="utf-8")
    sys.exit(bool(report.faults))


def soak(minutes: float, seed: int = 1) -> Attack:
    """Watch for so many minutes."""
    report = Attack(
        f"watch for {minutes:g} minutes, with faults", "full", packages=("wandb", "duckdb")
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="attack-soak-")))
        server = stack.enter_context(Server())
        scene = _Scene(folder, server, random.Random(seed), report, 1000 + int(90 * minutes))
        stack.callback(scene.stop)
        took = scene.play(60 * minutes)
        scene.compare()
        scene.tell(took)
    return report


class _Scene:
    """The runs, their watchers, and what befalls them."""

    def __init__(
        self, folder: Path, server: Server, dice: random.Random, report: Attack, most: int
    ) -> None:
        self.folder, self.server, self.dice, self.report = folder, server, dice, report
        self.befell: Counter[str] = Counter()
        names = orchestrator_names(12)
        self.made = {
            name: MadeRun(name, f"grpo-{name}", names, 20, seed)
            for seed, name in enumerate(("served", "torn", "killed"))
        }
        self.columns = {name: _rows(made, most) for name, made in self.made.items()}
        self.steps = dict.fromkeys(self.made, 20)
        self.logs = {name: self._log(name) for name in ("torn", "killed")}
        rows = self.columns["served"][:20]
        self.run = server.add_run(
            ServedRun("acme", "soak", "served", name="grpo-served", state="running", rows=rows,
                      summary=rows[-1])
        )  # fmt: skip
        path = {k: v for k, v in os.environ.items() if k == "PYTHONPATH"}
        env = client_env(server.url, folder / "home") | RETRIES | path
        alone = client_env("http://127.0.0.1:1", folder / "home2", api_key=None) | path
        self.watched = [
            Watched("served", ["acme/soak/served"], env, folder),
            Watched("torn", [str(self.logs["torn"])], alone, folder),
            Watched("killed", [str(self.logs["killed"])], alone, folder),
        ]

    def _log(self, name: str) -> Path:
        place = self.folder / f"offline-run-20260101_000000-{name}"
        place.mkdir()
        path = place / f"run-{name}.wandb"
        begin_log(self.made[name], path)
        return path

    def play(self, seconds: float) -> float:
        """Let the runs grow and things go wrong; then let the runs end. Return how long it was."""
        began = time.monotonic()
        next_row = next_sample = 0.0
        next_fault = 5.0
        healed = 0.0
        for one in self.watched:
            one.start()
        while (now := time.monotonic() - began) < seconds:
            if now >= next_row:
                self._log_a_row()
                next_row = now + _ROW
            if now >= next_sample:
                for one in self.watched:
                    one.sample(now / 60)
                next_sample = now + _SAMPLE
            if healed and now >= healed:
                self.server.heal()
                healed = 0.0
            if now >= next_fault:
                if self._something():
                    healed = now + self.dice.uniform(2, 15)
                next_fault = now + self.dice.uniform(5, 25)
            self._all_watch()
            time.sleep(0.1)
        took = time.monotonic() - began
        self.server.heal()
        self._end()
        return took

    def _log_a_row(self) -> None:
        for name, path in self.logs.items():
            at = self.steps[name]
            continue_log(_part(self.made[name], at), path)
        row = self.columns["served"][self.steps["served"]]
        self.run.log(row, heartbeat_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        for name in self.steps:
            self.steps[name] += 1

    def _something(self) -> bool:
        """Let something go wrong; return whether it is the server's, and has to be healed."""
        what = self.dice.choice(["server", "server", "tear", "kill"])
        if what == "server":
            if not self.watched[0].looks():
                return False  # who has never been answered well is right to give up
            name = self.dice.choice(list(_FAULTS))
            self.server.fault(self.dice.choice(["*", "Run*", "*History*"]), _FAULTS[name]())
            self.befell[f"server: {name}"] += 1
            return True
        if what == "tear":
            self._tear()
        else:
            killed = self.watched[2]
            if killed.process is not None:
                kill(killed.process)
                killed.process.wait()
            self.befell["watcher killed"] += 1
            killed.start()
        return False

    def _tear(self) -> None:
        """Leave half a record at the log's end for a while, and then the rest of it."""
        path = self.logs["torn"]
        before = path.stat().st_size
        continue_log(_part(self.made["torn"], self.steps["torn"]), path)
        self.steps["torn"] += 1
        whole = path.read_bytes()
        cut = self.dice.randrange(before + 1, len(whole))
        with path.open("rb+") as file:
            file.truncate(cut)
        time.sleep(self.dice.uniform(2, 8))  # at least one look may fall into it
        with path.open("ab") as file:
            file.write(whole[cut:])
        self.befell["log torn"] += 1

    def _all_watch(self) -> None:
        for one in self.watched:
            code = one.ended()
            if code is not None:
                self.report.fault(one.name, f"gave up with {code}: {one.last_words()}")
                one.start()

    def _end(self) -> None:
        """Let the runs end; the watchers must see it and end well."""
        for name, path in self.logs.items():
            end_log(self.steps[name], path)
        self.run.finish()
        for one in self.watched:
            self.report.tried("watchers")
            try:
                code = one.process.wait(timeout=120) if one.process else None
            except subprocess.TimeoutExpired:
                code = None
            self.report.must("watchers", code == 0, f"{one.name}: {code}: {one.last_words()}")

    def compare(self) -> None:
        """Hold each warehouse to a fresh ingest of the same source."""
        for one in self.watched:
            self.report.tried("comparisons")
            fresh = f"fresh-{one.name}"
            done = subprocess.run(
                [DAKOTA, "ingest", *one.words, "--warehouse", fresh],
                cwd=self.folder, env=one.env, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if not self.report.must("comparisons", done.returncode == 0, done.stderr):
                continue
            found, wanted = answers(self.folder / one.name), answers(self.folder / fresh)
            wrong = differing(found, wanted)
            self.report.must("comparisons", not wrong, f"{one.name}: {wrong} differ")
            faulty = certificates(self.folder / one.name)
            self.report.must("comparisons", not faulty, f"{one.name}: {faulty[:3]}")

    def tell(self, took: float) -> None:
        """Say what happened, and how memory went."""
        self.report.tried("faults made", sum(self.befell.values()))
        self.report.say(
            f"Watched for {took / 60:.1f} minutes, a row a second in each run, a look every "
            f"{_INTERVAL} s. What befell them: "
            + ", ".join(f"{what} ×{times}" for what, times in sorted(self.befell.items()))
        )
        rows: list[list[object]] = []
        memory: list[list[object]] = []
        for one in self.watched:
            [run] = api.open(self.folder / one.name).runs().dicts()
            rows.append([one.name, one.starts, one.looks(), run["rows"], run["completeness"]])
            for process, samples in one.memory.items():
                if one.starts == 1 and len(samples) >= _LEAST_SAMPLES:
                    told = _trend(samples)
                    memory.append([one.name, process, len(samples), *told])
                    early, late, *_ = told
                    # What grows with the run itself is far below this.
                    self.report.must(
                        "memory", late < 1.3 * early + 10, f"{one.name}: {early} → {late}"
                    )
        self.report.table(["run", "started", "looks", "rows", "verdict"], rows)
        heads = ["watcher of", "process", "samples", "early MiB", "late MiB", "most MiB",
                 "MiB per h"]  # fmt: skip
        self.report.table(heads, memory)
        self.report.say(
            "Memory is what each process shares with no file (RssAnon): medians of the second and "
            "of the last tenth of its samples, the most that a sample showed, and the slope of "
            "least squares after the first tenth."
        )

    def stop(self) -> None:
        """End what still runs."""
        for one in self.watched:
            if one.process is not None and one.ended() is None:
                kill(one.process)


def _trend(samples: list[tuple[float, float]]) -> tuple[float, float, float, float]:
    """Return MiB early, late and at most, and MiB per hour."""
    tenth = len(samples) // 10
    early = statistics.median(mib for _, mib in samples[tenth : 2 * tenth])
    late = statistics.median(mib for _, mib in samples[-tenth:])
    times, values = zip(*samples[tenth:], strict=True)
    slope = 60 * statistics.linear_regression(times, values).slope
    return early, late, max(mib for _, mib in samples), slope


def _rows(made: MadeRun, steps: int) -> list[dict[str, Any]]:
    columns = {k: c.tolist() for k, c in replace(made, steps=steps).columns().items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _part(made: MadeRun, at: int) -> MadeRun:
    """Return the one step of a run behind those before."""
    return replace(made, seed=made.seed + at, steps=1, first=at)


if __name__ == "__main__":
    main()
