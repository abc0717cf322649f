"""A full disk, a folder that may not be written, one that goes away, a clock that jumps.

After each trouble: one line and an exit code that says so, every view as before or as after, no
certificate that lies; and when the trouble is over, the same command makes all well.

The full disk is a tmpfs of some kilobytes less than the work needs, where this process may mount
one; else a limit on the size of files. Permission is denied to a child of another user, so this
asks for root. The clock is moved inside of the child, before the program starts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.attacks import sources
from benchmarks.attacks.attack import Attack
from benchmarks.attacks.program import DAKOTA, Ended, call, environment, finish, start
from benchmarks.attacks.state import Answers, answers, certificates, differing
from dakota_wh import api

#: Tries of each kind.
SIZES = {"small": 2, "full": 12}
_NOBODY = 65534
_DAY = 86_400
#: Seconds that the clock is off at an ingest; 1970 is where a machine without a battery begins.
_JUMPS = {"a day back": -_DAY, "a year on": 365 * _DAY, "1970": None, "as it is": 0}
_JUMPING = (
    "import sys, time; by = sys.argv.pop(1); real = time.time; start = real()\n"
    "now = (lambda: real() - start + 5) if by == 'None' else (lambda: real() + float(by))\n"
    "time.time = now; time.time_ns = lambda: int(now() * 1e9)\n"
    "import datetime as d\n"
    "class Moved(d.datetime):\n"
    "    @classmethod\n"
    "    def now(cls, tz=None): return cls.fromtimestamp(now(), tz)\n"
    "    @classmethod\n"
    "    def utcnow(cls): return cls.fromtimestamp(now(), d.UTC).replace(tzinfo=None)\n"
    "d.datetime = Moved\n"
    "from dakota_wh.cli import main; main()"
)
_ORCH = "in/offline-run-20260101_000000-orch"
_OTHER = "in/csv"


def run(size: str) -> Attack:
    """Make trouble."""
    report = Attack("Troubles of disk, rights, folder and clock", size)
    rows = []
    for name, trouble in (
        ("disk full", _full_disk),
        ("permission denied", _no_right),
        ("folder deleted", _deleted),
        ("clock jumps", _clock),
    ):
        with tempfile.TemporaryDirectory(prefix="attack-troubles-") as folder:
            how = trouble(report, name, Path(folder), SIZES[size])
        rows.append([name, report.tries[name], how, report.faulty[name]])
    report.table(["trouble", "tries", "how", "faults"], rows)
    return report


def _prepare(place: Path) -> tuple[Answers, Answers]:
    """Make a warehouse of two runs, and the changed log of one; return both states' answers."""
    sources.small(place / _OTHER, "other", 3.0)
    sources.log(place / "in", sources.orchestrator())
    _well(place, "ingest", _ORCH, _OTHER)
    old = answers(place / "wh")
    sources.log(place / "in", sources.orchestrator(steps=sources.STEPS + 400, seed=5))
    shutil.copytree(place / "wh", place / "new")
    api.open(place / "new").ingest(place / _ORCH, force=True)
    return old, answers(place / "new")


def _well(place: Path, *words: str) -> None:
    done = call([*words, "--warehouse", "wh"], place)
    if done.code:
        raise SystemExit(f"{words}: {done.err}")


def _judge(
    report: Attack, name: str, root: Path, done: Ended, states: tuple[Answers, Answers], about: str
) -> bool:
    """Hold what a troubled ingest left to both states; return whether it went well all the same."""
    said = done.err.strip().splitlines()
    report.must(name, done.code in (0, 1, 6), f"{about}: exit {done.code}: {said[-2:]}")
    report.must(name, "Traceback" not in done.err, f"{about}: {done.err[-300:]}")
    report.must(name, "dakota-wh: unexpected" not in done.err, f"{about}: {said[-2:]}")
    report.must(name, not done.code or len(said) <= 4, f"{about}: {len(said)} lines: {said}")
    found = answers(root)
    sides = [not differing(found, state) for state in states]
    report.must(name, any(sides), f"{about}: {differing(found, states[0])} differ")
    report.must(name, not done.code or sides[0], f"{about}: failed, and yet not as before")
    faulty = certificates(root)
    report.must(name, not faulty, f"{about}: {faulty[:3]}")
    return not done.code


def _mend(report: Attack, name: str, place: Path, new: Answers, about: str) -> None:
    for words in (["ingest", _ORCH, "--force"], ["ingest", _ORCH]):
        done = call([*words, "--warehouse", "wh"], place)
        report.must(name, done.code == 0, f"{about}: afterwards {done.code}: {done.err}")
    wrong = differing(answers(place / "wh"), new)
    report.must(name, not wrong, f"{about}: afterwards {wrong} differ")
    staged = [*(place / "wh").glob(".dakota-wh/staging/*"), *(place / "wh").rglob(".*.tmp")]
    report.must(name, not staged, f"{about}: still there {staged[:3]}")


def _full_disk(report: Attack, name: str, place: Path, times: int) -> str:
    """Leave ever less room, from nearly enough to none."""
    states = _prepare(place)
    used = sum(p.stat().st_size for p in (place / "wh").rglob("*") if p.is_file())
    template = place / "template"
    (place / "wh").rename(template)
    failed = 0
    with _mounted(place / "wh") as sized:
        if not sized:
            return "no tmpfs can be mounted here: not tried"
        for number in range(times):
            room = int(number * 260_000 / times)
            sized(used + 200_000 + room)
            shutil.copytree(template, place / "wh", dirs_exist_ok=True)
            _fill(place / "wh" / "ballast", leave=room)
            report.tried(name)
            about = f"{room:,} bytes left"
            done = call(["ingest", _ORCH, "--force", "--warehouse", "wh"], place)
            failed += not _judge(report, name, place / "wh", done, states, about)
            (place / "wh" / "ballast").unlink()
            sized(used + 8_000_000)
            _mend(report, name, place, states[1], about)
            for path in (place / "wh").iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return f"a tmpfs; {failed} ingests failed"


@contextmanager
def _mounted(place: Path) -> Iterator[Callable[[int], None] | None]:
    """Give what sets the size of a tmpfs at a new folder; None where none can be mounted."""
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        yield None
        return

    def sized(size: int) -> None:
        option = f"remount,size={size // 4096 * 4096}"
        subprocess.run(["mount", "-o", option, str(place)], capture_output=True, check=True)

    try:
        yield sized
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _fill(path: Path, leave: int) -> None:
    """Write a file until only so many bytes are free."""
    status = os.statvfs(path.parent)
    free = status.f_bavail * status.f_frsize
    with path.open("wb") as file:
        file.write(bytes(max(0, free - leave)))


def _no_right(report: Attack, name: str, place: Path, times: int) -> str:
    """Take the right to write away from one folder of the warehouse, another one each time."""
    if os.geteuid():
        return "needs root, to start a process of another user: not tried"
    states = _prepare(place)
    template = place / "template"
    (place / "wh").rename(template)
    os.chmod(place, 0o755)  # the temporary folder is only its owner's
    denied = ["", "runs", "history", "metrics", ".dakota-wh", ".dakota-wh/locks", "series",
              "summary", "config", "steps", "components", "timed"]  # fmt: skip
    failed = 0
    for number in range(times):
        shutil.rmtree(place / "wh", ignore_errors=True)
        shutil.copytree(template, place / "wh")
        for path in [place / "wh", *(place / "wh").rglob("*")]:
            os.chown(path, _NOBODY, _NOBODY)
        folder = place / "wh" / denied[number % len(denied)]
        for path in [folder, *(p for p in folder.rglob("*") if p.is_dir())]:
            path.chmod(0o555)
        report.tried(name)
        user = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
        words = ["setpriv", *user, sys.executable, DAKOTA, "ingest", _ORCH, "--force"]
        tmp = place / "tmp"
        tmp.mkdir(exist_ok=True)
        tmp.chmod(0o777)
        got = subprocess.run(
            [*words, "--warehouse", "wh"], cwd=place, env=environment(tmp) | {"HOME": str(tmp)},
            capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
        done = Ended(got.returncode, got.stdout, got.stderr)
        about = f"no right in {denied[number % len(denied)] or 'the folder'}"
        failed += not _judge(report, name, place / "wh", done, states, about)
        for path in [place / "wh", *(place / "wh").rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        _mend(report, name, place, states[1], about)
    return f"a child of another user; {failed} ingests failed"


def _deleted(report: Attack, name: str, place: Path, times: int) -> str:
    """Delete the whole warehouse while an ingest writes to it."""
    states = _prepare(place)
    for number in range(times):
        report.tried(name)
        process = start(["ingest", _ORCH, _OTHER, "--force", "--warehouse", "wh"], place)
        time.sleep(0.3 + 1.2 * number / times)
        shutil.rmtree(place / "wh", ignore_errors=True)
        done = finish(process)
        about = f"deleted at try {number}"
        report.must(name, done.code in (0, 1, 6), f"{about}: {done.code} {done.err[-200:]}")
        report.must(name, "dakota-wh: unexpected" not in done.err, f"{about}: {done.err[-300:]}")
        report.must(name, "Traceback" not in done.err, f"{about}: {done.err[-300:]}")
        for words in (["ingest", _ORCH, _OTHER], ["ingest", _ORCH, _OTHER]):
            again = call([*words, "--warehouse", "wh"], place)
            report.must(name, again.code == 0, f"{about}: afterwards {again.err[-300:]}")
        wrong = differing(answers(place / "wh"), states[1])
        report.must(name, not wrong, f"{about}: afterwards {wrong} differ")
    return "rm -r at another moment each time"


def _clock(report: Attack, name: str, place: Path, times: int) -> str:
    """Ingest under clocks that jump; what is stored must not depend on them."""
    sources.small(place / _OTHER, "other", 3.0)
    log = sources.log(place / "in", sources.orchestrator(), open_=True)
    steps = sources.STEPS
    for number in range(times):
        what, by = list(_JUMPS.items())[number % len(_JUMPS)]
        report.tried(name)
        words = [sys.executable, "-c", _JUMPING, str(by), "ingest", _ORCH, _OTHER]
        done = subprocess.run(
            [*words, "--warehouse", "wh"], cwd=place, env=environment(), capture_output=True,
            text=True, check=False, timeout=240,
        )  # fmt: skip
        about = f"{what}, try {number}"
        report.must(name, done.returncode == 0, f"{about}: {done.stderr[-300:]}")
        shutil.rmtree(place / "fresh", ignore_errors=True)
        api.open(place / "fresh").ingest(place / _ORCH, place / _OTHER)
        wrong = differing(answers(place / "wh"), answers(place / "fresh"))
        report.must(name, not wrong, f"{about}: {wrong} are not those of a fresh ingest")
        sources.grow(log, sources.orchestrator(steps=steps), 10)
        steps += 10
    return "time.time and datetime of the child"
