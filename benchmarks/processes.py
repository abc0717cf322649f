"""Whole processes measured from outside: wall clock, processor time, peak memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_LAUNCHER: Final = Path(__file__).with_name("launcher.py")
#: The longest that one process may take (s).
_PATIENCE: Final = 900


@dataclass(frozen=True, slots=True)
class Measured:
    """One process: seconds of wall clock and of processors, peak MiB, and what it printed."""

    wall: float
    cpu: float
    peak: float
    output: str = ""


def measure(words: Sequence[str], **environment: str) -> Measured:
    """Run a program in the project's root.

    Raises:
        SystemExit: it failed.
    """
    env = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"} | environment
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # else whoever has no bytecode yet compiles each time
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_LAUNCHER), *words],
        cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=_PATIENCE,
    )  # fmt: skip
    *said, last = done.stderr.strip().splitlines()
    found = json.loads(last)
    if found["code"]:
        raise SystemExit(f"{' '.join(words)[:300]}: exit {found['code']}\n" + "\n".join(said[-20:]))
    return Measured(found["wall"], found["cpu"], found["peak"], done.stdout)


def python(module: str, *arguments: object) -> list[str]:
    """Return the words that run a module of this folder as a process."""
    return [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]


def in_turn(ways: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Measured]:
    """Measure programs in turn, so that what else the machine does meets all of them alike.

    Returns of each the least wall clock, the median of processor time, its greatest peak, and its
    last output.
    """
    found: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, words in ways.items():
            found[name].append(measure(words))
    return {
        name: Measured(
            min(one.wall for one in all_),
            statistics.median(one.cpu for one in all_),
            max(one.peak for one in all_),
            all_[-1].output,
        )
        for name, all_ in found.items()
    }
