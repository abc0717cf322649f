"""The states that a killed work may leave: learnt from one that nobody kills, and found again."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.attacks.attack import Attack
from benchmarks.attacks.kill_works import Work, placed
from benchmarks.attacks.program import call_here, span, start
from benchmarks.attacks.state import (
    Answers,
    answers,
    differing,
    generations,
    in_the_shell,
    kinds,
    of_run,
)
from dakota_wh.warehouse.layout import has_files

#: What is asked once more when all is mended: the tables, on which every view rests.
STORED = ("runs", "history", "metrics", "series", "series_numbers", "steps", "summary", "config",
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
    #: Seconds between its first change and its last one.
    span: float
    #: How often each run was written anew, before and after.
    runs_old: dict[str, int]
    runs_new: dict[str, int]
    files_old: dict[str, bytes] = field(default_factory=dict)
    files_new: dict[str, bytes] = field(default_factory=dict)

    def of(self, side: str) -> Answers:
        """Return what every view answers on a side."""
        return self.new if side == "new" else self.old


def restore(place: Path, template: Path) -> None:
    """Put everything back as it was prepared."""
    shutil.rmtree(place)
    shutil.copytree(template, place, symlinks=True)


def learn(work: Work, place: Path, template: Path) -> Known:
    """Do the work without a kill: both states, the files that stay, and when it writes."""
    root = place / work.root
    is_there = has_files(root, "runs")
    old, shell_old = (
        (answers(root, work.views), in_the_shell(root, _SHELL_ASKS)) if is_there else ({}, "")
    )
    files_old, runs_old = files_of(place, work), generations(root)
    restore(place, template)
    process = start(placed(work.words), place, place / "tmp")
    between = span(process, [place / name for name in (work.root, work.files) if name])
    if process.wait():
        raise SystemExit(f"{work.name}: {process.stderr.read() if process.stderr else ''}")
    new, shell_new, files_new = (
        answers(root, work.views),
        in_the_shell(root, _SHELL_ASKS),
        files_of(place, work),
    )
    runs_new = generations(root)
    for words in work.mend:
        if call_here(placed(words), place, place / "tmp").code not in work.may_end:
            raise SystemExit(f"{work.name}: {words} failed")
    shell = (shell_old, shell_new)
    stay = kinds(root)
    return Known(old, new, shell, stay, between, runs_old, runs_new, files_old, files_new)


def files_of(place: Path, work: Work) -> dict[str, bytes]:
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


def look(report: Attack, work: Work, known: Known, root: Path, about: str) -> str:
    """Return on which side a warehouse is that a killed process left."""
    if not has_files(root, "runs"):
        report.must(work.name, not known.old, f"{about}: the warehouse is gone")
        return "old"
    sides = _sides(report, work, known, root, about)
    found = answers(root, work.views)
    if {*sides.values()} == {"old", "new"}:
        for run_id in known.runs_old | known.runs_new:
            side = sides.get(run_id, "old")
            wanted = of_run(known.of(side), run_id)
            now = of_run({view: found[view] for view in STORED if view in found}, run_id)
            wrong = [view for view, rows in now.items() if rows != wanted.get(view, [])]
            report.must(work.name, not wrong, f"{about}: {run_id} is not {side} in {wrong}")
        return "between"
    side = next(iter(sides.values()), "new")
    wanted = known.of(side)
    if not wanted:  # there was no warehouse
        report.must(work.name, not any(found["runs"]), f"{about}: there are runs")
        return side
    wrong = differing(found, wanted)
    if not report.must(work.name, not wrong, f"{about}: not the {side} state: {wrong}"):
        return ""
    if (root / "warehouse.duckdb").exists():
        try:
            said = in_the_shell(root, _SHELL_ASKS)
            of_side = known.shell[side == "new"]
            report.must(work.name, said == of_side, f"{about}: the shell says {said}")
        except OSError as error:
            report.fault(work.name, f"{about}: the shell says {error}")
    return side


def _sides(report: Attack, work: Work, known: Known, root: Path, about: str) -> dict[str, str]:
    """Return on which side each run is that the work changes, by its generation."""
    found = generations(root)
    sides = {}
    for run_id in known.runs_old | known.runs_new | found:
        old, new, now = (of.get(run_id) for of in (known.runs_old, known.runs_new, found))
        report.must(work.name, now in (old, new), f"{about}: {run_id} has generation {now}")
        if old != new:
            sides[run_id] = "new" if now == new else "old"
    return sides


def side_of_files(place: Path, work: Work, known: Known) -> str:
    """Return on which side of the change the files for people are."""
    found = files_of(place, work)
    if found == known.files_new:
        return "new"
    return "old" if found == known.files_old else "between"
