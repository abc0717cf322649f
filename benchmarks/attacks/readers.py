"""Four readers ask all views while one run is added, grown, replaced and removed, over and over.

The warehouse is at every moment in one of four states, whose answers are known beforehand; a
reader's answer of a view must be that of one of them. The program's own readers (the command line,
Python) may not fail either. The older duckdb shell, read-only and read-write, has no second try,
and reads each table of a view at its own moment: what it says then is counted and is no fault.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.attacks import sources
from benchmarks.attacks.attack import Attack
from benchmarks.attacks.program import call
from benchmarks.attacks.state import SHELL, VOLATILE
from dakota_wh import api
from dakota_wh.errors import WarehouseError
from dakota_wh.rendering.as_json import write_json

#: Seconds of reading and writing at once.
SIZES = {"small": 15, "full": 120}
_ABSENT, _FIRST, _GROWN, _OTHER = "absent", "first", "grown", "other"
#: Seconds between two changes.
_PAUSE = (0.0, 0.6)
_MARK = "@@"

#: Of each view the text of its rows, or of each state those.
Said = dict[str, str]


@dataclass(slots=True)
class Seen:
    """What one reader met."""

    name: str
    answers: int = 0
    #: Views whose answer was that of no state: parts of one, and parts of another.
    mixed: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Scene:
    """The warehouse, its sources, and what its states say to each kind of reader."""

    folder: Path
    views: list[str]
    #: By reader, state and view.
    known: dict[str, dict[str, Said]] = field(default_factory=lambda: defaultdict(dict))
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def root(self) -> Path:
        """The warehouse."""
        return self.folder / "wh"


def run(size: str) -> Attack:
    """Read and write."""
    seconds = SIZES[size]
    report = Attack(f"Readers during writes, {seconds} s", size)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="attack-readers-"))
        scene = Scene(Path(folder), [view.name for view in api.open(folder).views()])
        _learn(scene)
        changes: Counter[str] = Counter()
        seen = [Seen(name) for name in _READERS]
        threads = [
            threading.Thread(target=_read, args=(scene, one, _READERS[one.name], report))
            for one in seen
        ]
        for thread in threads:
            thread.start()
        try:
            _write(scene, seconds, changes)
        finally:
            scene.stop.set()
            for thread in threads:
                thread.join()
    report.say(
        "Changes made: "
        + ", ".join(f"{what} ×{times}" for what, times in changes.items())
        + f". Answers are of all {len(scene.views)} views in turn; states: in how many of the four "
        "they were met. The read-write shell has `warehouse.duckdb` open, the read-only one a copy "
        "of it, since DuckDB lets no second process open a file that one may write."
    )
    rows = []
    for one in seen:
        report.tried(one.name, one.answers + sum(one.errors.values()))
        met = len(set(one.states) & set(_CHANGES))
        rows.append([one.name, one.answers, met, one.mixed.total(), sum(one.errors.values())])
        if one.mixed:
            said = ", ".join(f"{view} ×{times}" for view, times in one.mixed.most_common())
            report.say(f"Mixed answers of {one.name}: {said}")
        if one.errors:
            said = "; ".join(f"{text} ×{times}" for text, times in one.errors.most_common(4))
            report.say(f"Errors of {one.name}: {said}")
            if one.name in _OURS:
                report.fault(one.name, said)
    report.table(["reader", "answers", "states", "mixed", "errors"], rows)
    return report


def _learn(scene: Scene) -> None:
    """Go through the states once in quiet, and note what every reader is told."""
    sources.small(scene.folder / "in" / "csv", "other", 3.0)
    sources.log(scene.folder / "in", sources.trainer())
    _ingest(scene, "in/csv", "in/offline-run-20260101_000000-train")
    for state in (_ABSENT, _FIRST, _GROWN, _OTHER):
        if state != _ABSENT:
            _CHANGES[state](scene)
        for name, reader in _READERS.items():
            if name == "dakota-wh query":
                continue  # it renders as Python does here
            found = reader(scene, lambda text: None)
            if missing := set(scene.views) - set(found):
                raise SystemExit(f"{name} says nothing of {missing} in quiet")
            scene.known[name][state] = found
        scene.known["dakota-wh query"][state] = scene.known["Python"][state]
    _CHANGES[_ABSENT](scene)


def _write(scene: Scene, seconds: float, changes: Counter[str]) -> None:
    dice = random.Random(3)
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        for state in (_FIRST, _GROWN, _OTHER, _ABSENT):
            _CHANGES[state](scene)
            changes[state] += 1
            time.sleep(dice.uniform(*_PAUSE))


def _ingest(scene: Scene, *what: str, force: bool = False) -> None:
    landed = api.open(scene.root).ingest(*(scene.folder / one for one in what), force=force)
    if failed := [one.error for one in landed if one.error]:
        raise SystemExit(f"the writer failed: {failed[0]}")


def _first(scene: Scene) -> None:
    sources.log(scene.folder / "in", sources.orchestrator(), open_=True)
    _ingest(scene, "in/offline-run-20260101_000000-orch")


def _grown(scene: Scene) -> None:
    path = scene.folder / "in" / "offline-run-20260101_000000-orch" / "run-orch.wandb"
    sources.grow(path, sources.orchestrator(), 40)
    _ingest(scene, "in/offline-run-20260101_000000-orch")


def _other(scene: Scene) -> None:
    sources.log(scene.folder / "in", sources.orchestrator(steps=sources.STEPS + 9, seed=5))
    _ingest(scene, "in/offline-run-20260101_000000-orch", force=True)


def _absent(scene: Scene) -> None:
    api.open(scene.root).remove("orch")


_CHANGES: Mapping[str, Callable[[Scene], None]] = {
    _FIRST: _first, _GROWN: _grown, _OTHER: _other, _ABSENT: _absent,
}  # fmt: skip


Complain = Callable[[str], None]


def _read(
    scene: Scene, seen: Seen, reader: Callable[[Scene, Complain], Said], report: Attack
) -> None:
    """Ask all views until it is enough; hold each answer to the four states."""

    def complain(text: str) -> None:
        seen.errors[text] += 1

    known = scene.known[seen.name]
    while not scene.stop.is_set():
        for view, text in reader(scene, complain).items():
            seen.answers += 1
            states = [state for state, said in known.items() if said[view] == text]
            if not states:
                seen.mixed[view] += 1
                if seen.name in _OURS:
                    report.fault(seen.name, f"{view} says what is no state: {text[:300]}")
            seen.states["same" if len(states) == len(known) else states[0] if states else "?"] += 1


def _by_command(scene: Scene, complain: Complain) -> Said:
    found: Said = {}
    for view in scene.views:
        if scene.stop.is_set():
            break
        words = ["query", view, "--format", "json", "--warehouse", str(scene.root)]
        done = call(words, scene.folder)
        if done.code:
            complain(done.err.strip()[:200])
        else:
            found[view] = _settled(done.out)
    return found


def _in_python(scene: Scene, complain: Complain) -> Said:
    found: Said = {}
    for view in scene.views:
        if scene.stop.is_set():
            break
        try:
            text: list[str] = []
            write_json(api.open(scene.root).query(view), text.append)
            found[view] = _settled("".join(text))
        except WarehouseError as error:
            complain(str(error)[:200])
    return found


def _read_only(scene: Scene, complain: Complain) -> Said:
    copy = scene.folder / "copy.duckdb"
    if not copy.exists():
        shutil.copyfile(scene.root / "warehouse.duckdb", copy)
    return _in_a_shell(scene, complain, ["-readonly", str(copy)])


def _read_write(scene: Scene, complain: Complain) -> Said:
    return _in_a_shell(scene, complain, [str(scene.root / "warehouse.duckdb")])


def _in_a_shell(scene: Scene, complain: Complain, words: list[str]) -> Said:
    """Ask all views in one session of the shell."""
    asked = [f".print {_MARK}{view}\nSELECT * FROM {view};" for view in scene.views]
    done = subprocess.run(
        [str(SHELL), "-init", "/dev/null", "-json", *words],
        input="\n".join(asked) + "\n", capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    for line in done.stderr.splitlines():
        if re.match(r"[A-Z]\w+ Error", line):
            complain(re.sub(r"[\"'].*?[\"']", "…", line)[:120])
    found: Said = {}
    for part in done.stdout.split(_MARK)[1:]:
        view, _, text = part.partition("\n")
        if text.strip():
            found[view] = _settled(text)
    return found


def _settled(text: str) -> str:
    """Return rows in an order of their own, without what two ingests differ in."""
    rows = [
        {k: _rounded(v) for k, v in row.items() if k not in VOLATILE} for row in json.loads(text)
    ]
    return "\n".join(sorted(json.dumps(row) for row in rows))


def _rounded(cell: object) -> object:
    return f"{cell:.10g}" if isinstance(cell, float) else cell


_READERS: Mapping[str, Callable[[Scene, Complain], Said]] = {
    "dakota-wh query": _by_command,
    "Python": _in_python,
    "duckdb 1.5, read-only": _read_only,
    "duckdb 1.5, read-write": _read_write,
}
_OURS = frozenset({"dakota-wh query", "Python"})
