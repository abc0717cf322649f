"""Real processes of the program, killed at random moments: SIGKILL, 200 and more times.

Of each kind of work the moments lie between its first change of the disk and its end. After each
kill every view must answer with the state before or the state after, the duckdb shell too; no
certificate may lie; the work done again must give the state after, and the files must be those
that the same work leaves where nobody was killed. Only what is killed is a process of its own.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.attacks.attack import Attack
from benchmarks.attacks.kill_works import Work, placed, works
from benchmarks.attacks.program import call_here, first_change, kill, span, start
from benchmarks.attacks.state import Answers, answers, certificates, differing, in_the_shell, kinds

SIZES = {"small": 1, "full": 20}
_TRIES = 8
#: What is asked once more when all is mended: the tables, on which every view rests.
_STORED = ("runs", "history", "metrics", "series", "series_numbers", "steps", "summary", "config",
           "reward_components", "timed_metrics")  # fmt: skip
#: When an export was made.
_WHEN = re.compile(rb"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?")
_SHELL_ASKS = (
    "SELECT (SELECT count(*) FROM runs), (SELECT sum(rows) FROM runs), (SELECT count(*) FROM "
    "metrics), (SELECT count(*) FROM history), (SELECT round(sum(value), 6) FROM metrics)"
)


@dataclass(slots=True)
class Known:
    """What a work leaves when nobody is killed, and when it writes."""

    old: Answers
    new: Answers
    shell: tuple[str, str]
    kinds: Counter[str]
    first: float
    last: float
    files_old: dict[str, bytes] = field(default_factory=dict)
    files_new: dict[str, bytes] = field(default_factory=dict)


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
            told = [counts[what] for what in ("old", "new", "ended", "debris", "temporary")]
            rows.append([work.name, times, *told, report.faulty[work.name]])
            print(*rows[-1], *report.faults[-3:], sep="; ", file=sys.stderr, flush=True)
            shutil.rmtree(place)
    report.say(
        "Killed: at moments drawn evenly between the process's first change of the disk and its "
        "end. `ended`: had ended by then; they were started again and are not among the killed. "
        "Before and after: on which side of the change every view was found. Debris: kills that "
        "left files in the warehouse which the next command of the kind swept; temporary: that "
        "left something in the temporary folder, or beside a file for people, which the "
        "first command of the next day swept."
    )
    heads = ["work", "killed", "before", "after", "ended", "debris", "temporary", "faults"]
    report.table(heads, rows)
    return report


def restore(place: Path, template: Path) -> None:
    """Put everything back as it was prepared."""
    shutil.rmtree(place)
    shutil.copytree(template, place, symlinks=True)


def learn(work: Work, place: Path, template: Path) -> Known:
    """Do the work without a kill: both states, the files that stay, and when it writes."""
    root = place / work.root
    is_there = (root / "runs").exists()
    old, shell_old = (
        (answers(root, work.views), in_the_shell(root, _SHELL_ASKS)) if is_there else ({}, "")
    )
    files_old = _files(place, work)
    restore(place, template)
    process = start(placed(work.words), place, place / "tmp")
    first, last = span(process, [place / name for name in (work.root, work.files) if name])
    if process.wait():
        raise SystemExit(f"{work.name}: {process.stderr.read() if process.stderr else ''}")
    new, shell_new, files_new = (
        answers(root, work.views),
        in_the_shell(root, _SHELL_ASKS),
        _files(place, work),
    )
    for words in work.mend:
        if call_here(placed(words), place, place / "tmp").code not in work.may_end:
            raise SystemExit(f"{work.name}: {words} failed")
    return Known(old, new, (shell_old, shell_new), kinds(root), first, last, files_old, files_new)


def _files(place: Path, work: Work) -> dict[str, bytes]:
    """Return the files for people that are there, but for temporary ones."""
    if not work.files:
        return {}
    folder = place / work.files
    return {
        path.relative_to(folder).as_posix(): _WHEN.sub(b"now", path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def one_kill(
    report: Attack, work: Work, known: Known, place: Path, dice: random.Random,
    counts: Counter[str],
) -> None:  # fmt: skip
    """Kill once, look, mend, and look again."""
    root, name = place / work.root, work.name
    report.tried(name)
    wait = _kill_in_time(work, known, place, dice, counts)
    about = f"killed {wait:.3f} s after its first change"
    side = _look(report, work, known, root, about)
    counts[side] += 1
    if (root / "runs").exists():
        wrong = certificates(root) if side else []
        report.must(name, not wrong, f"{about}: {wrong[:3]}")
    for file, content in _files(place, work).items():
        whole = content in (known.files_old.get(file), known.files_new.get(file))
        report.must(name, whole, f"{about}: {file} is neither the old nor the new one")
    before = kinds(root) if root.exists() else Counter()
    counts["temporary"] += bool(_left_over(place, work))
    for words in work.mend:
        _a_day_later(_left_over(place, work))
        done = call_here(placed(words), place, place / "tmp")
        report.must(name, done.code in work.may_end, f"{about}: {words}: {done.code} {done.err}")
    views = [view for view in _STORED if view in known.new]
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
        name, _files(place, work) == known.files_new, f"{about}: files are not the new ones"
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
        wait = dice.uniform(0.0, known.last - known.first)
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
        known.last -= 0.15 * (known.last - known.first)  # the machine is quicker than it was
    return wait


def _look(report: Attack, work: Work, known: Known, root: Path, about: str) -> str:
    """Return on which side a warehouse is that a killed process left."""
    if not (root / "runs" / "role=zz_schema").exists():
        report.must(work.name, not known.old, f"{about}: the warehouse is gone")
        return "old"
    found = answers(root, work.views)
    if not any(found["runs"]) and not known.old:
        return "old"
    sides = [side for side, wanted in (("new", known.new), ("old", known.old))
             if wanted and not differing(found, wanted)]  # fmt: skip
    if not sides:
        words = f"not the old one: {differing(found, known.old)}, not the new one: "
        report.fault(work.name, f"{about}: {words}{differing(found, known.new)}")
        return ""
    if (root / "warehouse.duckdb").exists():
        try:
            said = in_the_shell(root, _SHELL_ASKS)
            report.must(work.name, said in known.shell, f"{about}: the shell says {said}")
        except OSError as error:
            report.fault(work.name, f"{about}: the shell says {error}")
    return sides[0]


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
