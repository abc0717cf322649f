"""Real processes of the program, killed at random moments: SIGKILL, 200 and more times.

Of each kind of work the moments lie between its first change of the disk and its last one. After
each kill every run must be as it was or as it will be; where all runs are on one side, every view
must be there too, also in the duckdb shell; no certificate may lie; the work done again must give
the state after, and the files must be those that the same work leaves where nobody was killed.
Only what is killed is a process of its own.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.attacks.attack import Attack
from benchmarks.attacks.kill_states import (
    STORED,
    Known,
    files_of,
    learn,
    look,
    restore,
    side_of_files,
)
from benchmarks.attacks.kill_works import Work, placed, works
from benchmarks.attacks.program import call_here, first_change, kill, start
from benchmarks.attacks.state import answers, certificates, differing, kinds
from dakota_wh.warehouse.layout import has_files

SIZES = {"small": 1, "full": 30}
_TRIES = 8
#: How much longer than the changes took the moments are drawn: the machine is not always as quick.
_LONGER = 1.1


def run(size: str) -> Attack:
    """Kill."""
    report = Attack("Killed at random moments (SIGKILL)", size)
    times = SIZES[size]
    rows = []
    with tempfile.TemporaryDirectory(prefix="attack-kills-") as folder:
        place = Path(folder) / "place"
        for work in works():
            template = Path(folder) / "template" / work.name
            place.mkdir()
            for step in work.prepare:
                step(place)
            shutil.copytree(place, template, symlinks=True)
            known = learn(work, place, template)
            counts: Counter[str] = Counter()
            dice = random.Random(work.name)
            for _ in range(times):
                restore(place, template)
                one_kill(report, work, known, place, dice, counts)
            told = [counts[what] for what in ("old", "between", "new", "ended", "debris",
                                              "temporary")]  # fmt: skip
            span = round(1000 * known.span)
            rows.append([work.name, span, times, *told, report.faulty[work.name]])
            print(*rows[-1], *report.faults[-3:], sep="; ", file=sys.stderr, flush=True)
            shutil.rmtree(place)
    report.say(
        "Killed: at moments drawn evenly between the process's first change of the disk and its "
        "last one, which lie so many ms apart. `ended`: had ended by then; they were started again "
        "and are not among the killed. Before and after: on which side of the change every run "
        "and view was found, or every file for people; between: some runs, or files, on the one, "
        "some on the other, each of them whole. Debris: kills that "
        "left files in the warehouse which the next command of the kind swept; temporary: that "
        "left something in the temporary folder, or beside a file for people, which the "
        "first command of the next day swept."
    )
    heads = ["work", "ms", "killed", "before", "between", "after", "ended", "debris", "temporary"]
    report.table([*heads, "faults"], rows)
    return report


def one_kill(
    report: Attack, work: Work, known: Known, place: Path, dice: random.Random,
    counts: Counter[str],
) -> None:  # fmt: skip
    """Kill once, look, mend, and look again."""
    root, name = place / work.root, work.name
    report.tried(name)
    wait = _kill_in_time(work, known, place, dice, counts)
    about = f"killed {wait:.3f} s after its first change"
    side = look(report, work, known, root, about)
    counts[side_of_files(place, work, known) if work.files else side] += 1
    if has_files(root, "runs"):
        wrong = certificates(root) if side else []
        report.must(name, not wrong, f"{about}: {wrong[:3]}")
    for file, content in files_of(place, work).items():
        whole = content in (known.files_old.get(file), known.files_new.get(file))
        report.must(name, whole, f"{about}: {file} is neither the old nor the new one")
    before = kinds(root) if root.exists() else Counter()
    counts["temporary"] += bool(_left_over(place, work))
    for words in work.mend:
        _a_day_later(_left_over(place, work))
        done = call_here(placed(words), place, place / "tmp")
        report.must(name, done.code in work.may_end, f"{about}: {words}: {done.code} {done.err}")
    views = [view for view in STORED if view in known.new]
    wrong = differing(answers(root, views), {view: known.new[view] for view in views})
    report.must(name, not wrong, f"{about}: after mending {wrong} differ")
    wrong = certificates(root)
    report.must(name, not wrong, f"{about}: after mending {wrong[:3]}")
    stray, lacking = kinds(root) - known.kinds, known.kinds - kinds(root)
    report.must(
        name, not stray and not lacking, f"{about}: stray {dict(stray)}, not there {dict(lacking)}"
    )
    counts["debris"] += bool(before - known.kinds)
    left = _left_over(place, work)
    report.must(name, not left, f"{about}: still there {[p.name for p in left]}")
    report.must(
        name, files_of(place, work) == known.files_new, f"{about}: files are not the new ones"
    )


def _kill_in_time(
    work: Work, known: Known, place: Path, dice: random.Random, counts: Counter[str]
) -> float:
    """Kill the work some time after its first change; what ended before is done again."""
    template = place.parent / "template" / work.name
    folders = [place / name for name in (work.root, work.files) if name]
    for attempt in range(_TRIES):
        if attempt:
            restore(place, template)
        wait = dice.uniform(0.0, _LONGER * known.span)
        process = start(placed(work.words), place, place / "tmp")
        if first_change(process, folders):
            time.sleep(wait)
        ended = process.poll() is not None
        if not ended:
            kill(process)
        process.communicate()
        if not ended:
            return wait
        counts["ended"] += 1
    return wait


def _left_over(place: Path, work: Work) -> list[Path]:
    """Return what lies in the temporary folder, or hidden beside files for people."""
    found = [*(place / "tmp").iterdir()] if (place / "tmp").exists() else []
    if work.files:
        found += [p for p in (place / work.files).rglob("*") if p.name.startswith(".")]
    return [*found, *(place / work.root).glob(".dakota-wh/gathered/.*")]


def _a_day_later(paths: list[Path]) -> None:
    """Make things look as if they were written yesterday."""
    then = time.time() - 25 * 3600
    for path in paths:
        for one in [*path.rglob("*"), path] if path.is_dir() else [path]:
            os.utime(one, (then, then), follow_symlinks=False)
