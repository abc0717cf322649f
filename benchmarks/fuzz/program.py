"""Turns of all targets, one process after another, and the table of what they did."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import Final

from benchmarks import cache
from benchmarks.report import Report

NAMES: Final = ("log", "csv", "json", "parquet", "service", "table", "stored")
_RESULTS: Final = Path(__file__).parents[1] / "results"
#: Seconds that a process may take to start and to end, beside its turn.
_GRACE: Final = 240


@dataclass
class Done:
    """What was done with one target, in all turns; kept in the folder between programs."""

    tries: int = 0
    seconds: float = 0.0
    edges: int = 0
    corpus: int = 0
    faults: dict[str, int] = field(default_factory=dict)


def run() -> None:
    """Run the program."""
    options = argparse.ArgumentParser(prog="python -m benchmarks fuzz")
    options.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(NAMES)}")
    options.add_argument("--minutes", type=float, default=5.0, help="all of it")
    options.add_argument("--turn", type=float, default=60.0, help="seconds of a target at a time")
    options.add_argument("--plain", action="store_true", help="without atheris")
    options.add_argument("--keep", action="store_true", help="write benchmarks/results/…")
    options.add_argument("--again", action="store_true", help="try what was at fault once more")
    options.add_argument("--shrink", metavar="FILE", type=Path, help="make an input smaller")
    given = options.parse_args()
    folder = cache.folder() / "fuzz"
    names = given.targets or NAMES
    if given.shrink:
        shrink(names[0], given.shrink)
        return
    if not given.again:
        _turns(names, folder, given.minutes * 60, given.turn, plain=given.plain)
    still = again(folder)
    report = told(folder, still)
    print(report)
    if given.keep:
        (_RESULTS / f"{date.today()}-fuzz.md").write_text(report + "\n", encoding="utf-8")
    sys.exit(1 if still else 0)


def _turns(names: Sequence[str], folder: Path, seconds: float, turn: float, *, plain: bool) -> None:
    end = time.monotonic() + seconds
    number = int(time.time())
    while (left := end - time.monotonic()) > 1:
        for name in names:
            done = _turn(name, folder, min(turn, left), number, plain=plain)
            faults = f", faults: {list(done.faults)}" if done.faults else ""
            print(f"{name:8} {done.tries:7,} tries, {done.edges} edges{faults}", flush=True)
            _add(folder, name, done)
            number += 1
            if time.monotonic() > end:
                return


def _turn(name: str, folder: Path, seconds: float, seed: int, *, plain: bool) -> Done:
    """Let one process try for some seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"turn-{name}.txt"
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as place:
        command = [sys.executable, "-m", "benchmarks.fuzz.loop", name, str(folder), place,
                   str(seconds), "--seed", str(seed % 2**31)]  # fmt: skip
        if plain:
            command.append("--plain")
        began = time.monotonic()
        with log.open("w") as out:
            try:
                ended = subprocess.run(
                    command, stdout=out, stderr=out, check=False, timeout=seconds + _GRACE,
                    cwd=Path(__file__).parents[2],
                ).returncode  # fmt: skip
            except subprocess.TimeoutExpired:
                ended = -1
        done = Done(seconds=time.monotonic() - began)
        told = Path(place) / "done.json"
        if told.exists():
            words = json.loads(told.read_text())
            done.tries, done.faults = words["tries"], words["faults"]
    counts = [int(found) for found in re.findall(r"\bcov: (\d+)", log.read_text(errors="replace"))]
    done.edges = max(counts, default=0)
    if ended:
        kept = log.rename(folder / f"ended-{name}-{seed}.txt")
        if done.tries:
            done.faults[f"{name}: the process ended with {ended}, see {kept.name}"] = 1
        else:  # that is no input's fault
            print(f"{name} did not begin ({ended}): see {kept}", flush=True)
    return done


def _ledger(folder: Path) -> dict[str, Done]:
    path = folder / "ledger.json"
    words = json.loads(path.read_text()) if path.exists() else {}
    return {name: Done(**one) for name, one in words.items()}


def _write(folder: Path, ledger: dict[str, Done]) -> None:
    text = json.dumps({name: asdict(one) for name, one in ledger.items()}, indent=1)
    (folder / "ledger.json").write_text(text)


def _add(folder: Path, name: str, done: Done) -> None:
    ledger = _ledger(folder)
    whole = ledger.setdefault(name, Done())
    whole.tries += done.tries
    whole.seconds += done.seconds
    whole.edges = max(whole.edges, done.edges)
    corpus = folder / "corpus" / name
    whole.corpus = len(list(corpus.iterdir())) if corpus.is_dir() else 0
    for kind, count in done.faults.items():
        whole.faults[kind] = whole.faults.get(kind, 0) + count
    _write(folder, ledger)


def again(folder: Path) -> dict[str, Path]:
    """Try the kept inputs; return the kinds of fault that they still show, each with its file."""
    from benchmarks.fuzz.targets import TARGETS
    from benchmarks.fuzz.watch import judge, limit_memory

    limit_memory()
    still: dict[str, Path] = {}
    for name, make in TARGETS.items():
        paths = sorted((folder / "faults" / name).glob("*"))
        if not paths:
            continue
        target = make(_place(folder, name))
        for data in target.seeds:
            judge(target, data)
        for path in paths:
            if path.suffix != ".txt" and (fault := judge(target, path.read_bytes())):
                still[fault.kind] = path
    return still


def told(folder: Path, still: dict[str, Path]) -> str:
    """Return the report over everything that was done in the folder so far."""
    ledger = _ledger(folder)
    report = Report("Hostile inputs", "full", packages=("pyarrow", "duckdb", "numpy"))
    hours = sum(one.seconds for one in ledger.values()) / 3600
    tries = sum(one.tries for one in ledger.values())
    report.say(f"{tries:,} tries in {hours:.2f} hours, one process at a time.")
    report.table(
        ["target", "tries", "hours", "edges", "inputs kept", "kinds of fault", "of them left"],
        [
            [name, one.tries, one.seconds / 3600, one.edges, one.corpus, len(one.faults),
             sum(kind.startswith(f"{name}:") for kind in still)]
            for name, one in ledger.items()
        ],
    )  # fmt: skip
    for name, one in ledger.items():
        kinds = [f"- {kind} ({count})" for kind, count in sorted(one.faults.items())]
        if kinds:
            report.say(f"Found in {name}, and how often:\n\n" + "\n".join(kinds))
    if still:
        lines = [f"- {kind}: {path}" for kind, path in still.items()]
        report.say("Still there:\n\n" + "\n".join(lines))
    return report.text()


def shrink(name: str, path: Path, seconds: float = 60.0) -> None:
    """Make an input smaller as long as it shows the same fault; write ``FILE.small``."""
    from benchmarks.fuzz.targets import TARGETS
    from benchmarks.fuzz.watch import judge

    target = TARGETS[name](_place(cache.folder(), f"{name}-shrink"))
    for data in target.seeds:
        judge(target, data)
    data = path.read_bytes()
    fault = judge(target, data)
    if fault is None:
        raise SystemExit(f"{path.name} shows no fault in {name}.")
    rng, end, began = Random(1), time.monotonic() + seconds, len(data)
    while time.monotonic() < end:
        less = target.form.smaller(data, rng)
        if len(less) < len(data):
            found = judge(target, less)
            if found is not None and found.kind == fault.kind:
                data = less
    small = path.with_suffix(".small")
    small.write_bytes(data)
    print(f"{fault.kind}\n{began} to {len(data)} bytes: {small}\n{data[:2000]!r}")


def _place(folder: Path, name: str) -> Path:
    place = folder / "work" / name
    place.mkdir(parents=True, exist_ok=True)
    return place
