"""Two processes that write at once: one run, two runs, a rebuild or a removal beside an ingest.

Both start together, again and again; each must end well, or say in one line why it did not. Then
every view must answer as after one of the two, or after both; no certificate may lie, and one
more ingest must leave no stray file. At last a lock whose holder was killed.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.attacks import sources
from benchmarks.attacks.attack import Attack
from benchmarks.attacks.program import call_here, finish, first_change, kill, start
from benchmarks.attacks.state import Answers, answers, certificates, differing, kinds
from dakota_wh import api

SIZES = {"small": 2, "full": 30}
_A, _B = "a/offline-run-20260101_000000-orch", "b/offline-run-20260101_000000-orch"
_TRAIN = "in/offline-run-20260101_000000-train"
_VIEWS = ("runs", "history", "metrics", "series", "series_numbers", "steps", "summary", "config",
          "reward_trends", "run_pairs", "reward_loss_by_step")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """Two commands that are started together, and after which of them the outcome may be."""

    name: str
    one: list[str]
    other: list[str]
    #: Sequences of commands whose outcomes are right.
    right: tuple[tuple[list[str], ...], ...]
    may_end: frozenset[int] = frozenset({0})


_INGEST_A, _INGEST_B = ["ingest", _A, "--force"], ["ingest", _B, "--force"]
_INGEST_T = ["ingest", _TRAIN, "--force"]
_REMOVE = ["remove", "orch", "--yes"]
_PAIRS = (
    Pair("the same run", _INGEST_A, _INGEST_B, ((_INGEST_A,), (_INGEST_B,))),
    Pair("two runs", _INGEST_B, _INGEST_T, ((_INGEST_B, _INGEST_T),)),
    Pair("rebuild beside ingest", ["rebuild"], _INGEST_B, ((_INGEST_B,),)),
    Pair("remove beside ingest", _REMOVE, _INGEST_B, ((_REMOVE,), (_REMOVE, _INGEST_B)),
         frozenset({0, 3})),
)  # fmt: skip


def run(size: str) -> Attack:
    """Write at once."""
    report = Attack("Two writers at once", size)
    rows = []
    with tempfile.TemporaryDirectory(prefix="attack-writers-") as folder:
        place, template = Path(folder) / "place", Path(folder) / "template"
        place.mkdir()
        sources.log(place / "a", sources.orchestrator())
        sources.log(place / "b", sources.orchestrator(steps=sources.STEPS + 50, seed=5))
        sources.log(place / "in", sources.trainer())
        api.open(place / "wh").ingest(place / _A, place / _TRAIN)
        shutil.copytree(place, template)
        for pair in _PAIRS:
            right = [_after(place, template, words) for words in pair.right]
            ends: Counter[str] = Counter()
            for _ in range(SIZES[size]):
                _restore(place, template)
                _both(report, pair, place, right, ends)
            told = ", ".join(f"{what} ×{times}" for what, times in sorted(ends.items()))
            rows.append([pair.name, report.tries[pair.name], told, report.faulty[pair.name]])
        for _ in range(max(1, SIZES[size] // 3)):
            _restore(place, template)
            _stale_lock(report, place)
        name = "a dead holder's lock"
        rows.append([name, report.tries[name], "taken over", report.faulty[name]])
    report.table(["writers", "tries", "outcome as after", "faults"], rows)
    return report


def _words(words: Sequence[str]) -> list[str]:
    return [*words, "--warehouse", "wh"]


def _restore(place: Path, template: Path) -> None:
    shutil.rmtree(place)
    shutil.copytree(template, place)


def _after(place: Path, template: Path, sequence: Sequence[list[str]]) -> tuple[str, Answers]:
    _restore(place, template)
    for words in sequence:
        call_here(_words(words), place, place / "tmp")
    return " + ".join(words[0] for words in sequence), answers(place / "wh", _VIEWS)


def _both(
    report: Attack, pair: Pair, place: Path, right: Sequence[tuple[str, Answers]],
    ends: Counter[str],
) -> None:  # fmt: skip
    name, root = pair.name, place / "wh"
    report.tried(name)
    processes = [start(_words(words), place, place / "tmp") for words in (pair.one, pair.other)]
    for process in processes:
        done = finish(process)
        report.must(name, done.code in pair.may_end, f"exit {done.code}: {done.err[-300:]}")
        report.must(name, "unexpected" not in done.err, done.err[-300:])
    found = answers(root, _VIEWS)
    sides = [number for number, (_, said) in enumerate(right) if not differing(found, said)]
    if report.must(name, bool(sides), f"{differing(found, right[0][1])} are of neither"):
        ends[f"{sides[0] + 1}: {right[sides[0]][0]}"] += 1
    faulty = certificates(root)
    report.must(name, not faulty, str(faulty[:3]))
    for words in (_INGEST_A, ["ingest", _A], _INGEST_T, ["ingest", _TRAIN]):
        done = call_here(_words(words), place, place / "tmp")
        report.must(name, done.code == 0, f"afterwards {done.err[-300:]}")
    stray = [kind for kind, count in kinds(root).items() if count > 1 or ".tmp" in kind]
    report.must(name, not stray, f"stray {stray}")


def _stale_lock(report: Attack, place: Path) -> None:
    """Kill an ingest as soon as it has changed something; the next one must not wait for it."""
    name = "a dead holder's lock"
    report.tried(name)
    process = start(_words(_INGEST_B), place, place / "tmp")
    first_change(process, [place / "wh"])
    kill(process)
    process.communicate()
    began = time.monotonic()
    done = call_here(_words(_INGEST_B), place, place / "tmp")
    report.must(name, done.code == 0, done.err[-300:])
    report.must(name, time.monotonic() - began < 50, "it waited for a process that is dead")
