"""A log that two processes read in ranges gives what one pass gives, whatever becomes of either."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh import api
from dakota_wh.ingest.source import RunFacts
from dakota_wh.ingest.wandb_log import second_process, together
from dakota_wh.ingest.wandb_log.ranges import Found, read_range
from dakota_wh.ingest.wandb_log.second_process import SecondProcess
from dakota_wh.ingest.wandb_log.snapshot import BLOCK, Snapshot
from tests.wandb_log.encoder import changes, history, item, log, records, run
from tests.wandb_log.reader import Pass, only, place, read


class Here:
    """Stands for the other process, in this one; it is gone after so many answers."""

    lives = 1000

    def __init__(self, path: Path, identity: tuple[int, int]) -> None:
        self._file = Snapshot(path)
        self._left = self.lives
        self._asked: deque[tuple[int, int, int]] = deque()

    def ask(self, start: int, stop: int, segment: int) -> bool:
        self._asked.append((start, stop, segment))
        return True

    def has_answer(self) -> bool:
        return len(self._asked) > 1

    def answer(self) -> Found | None:
        self._left -= 1
        if self._left < 0:
            return None
        return read_range(self._file, *self._asked.popleft())

    def close(self) -> None:
        self._file.close()


@contextmanager
def in_ranges(blocks: int = 1, other: Any = Here) -> Iterator[list[int]]:
    """Read logs of a few blocks in ranges; give where each range that was taken ends."""
    taken: list[int] = []

    def counted(*arguments: Any) -> Iterator[Found]:
        for found in found_ranges(*arguments):
            taken.append(found.good_end)
            yield found

    found_ranges = together.found_ranges
    with (
        patch.object(together, "RANGE", blocks * BLOCK),
        patch.object(together, "FEWEST", 1),
        patch.object(together, "SecondProcess", other),
        patch.object(together, "_cores", lambda: 2),
        patch("dakota_wh.ingest.wandb_log.reading.found_ranges", counted),
    ):
        yield taken


def logged(rows: int, pad: int, *, summaries: bool = True) -> list[bytes]:
    """Return the records of a run: rows of some length, and all that changes on the way."""
    bodies: list[tuple[int, bytes]] = [(17, run("abc", config=changes([item(["lr"], "0.5")])))]
    for n in range(rows):
        text = '"' + "t" * (pad * (n % 5)) + '"'
        cells = [item(["_step"], str(n)), item(["t"], text), item(["x"], f"{n}.25")]
        cells += [item(["d", "e"], "[1]"), item(["now"], "true")] if n % 3 == 0 else []
        bodies.append((2, history(cells, n)))
        if summaries:
            bodies.append((3, changes([item(["x"], str(n)), item(["nan", f"k{n % 7}"], "NaN")])))
            if n % 5 == 4:
                bodies.append((3, changes([], [item(["nan", f"k{n % 7}"]), item(["x"])])))
        if n % 11 == 7:
            bodies.append((5, changes([item([f"c{n}"], "12345678901234567890")], [item(["lr"])])))
            bodies.append((17, run("abc", name=f"name {n}", config=b"")))
        if n % 13 == 5:
            bodies.append((7, b"\x12\x00"))  # a kind that nobody wants
    return records([*bodies, (18, b"")])


def same(got: Pass, expected: Pass) -> None:
    assert got.rows == expected.rows
    assert got.segments == expected.segments
    assert _known(got.facts) == _known(expected.facts)


def _known(facts: RunFacts) -> str:
    """Return all that is known as text; the order of a dict's keys says nothing."""
    told = asdict(facts)
    fold = told["resume"]["fold"]
    fold |= {name: json.loads(fold[name]) for name in ("summary", "config")}
    return json.dumps(told, sort_keys=True, default=str)


@given(
    st.integers(1, 90),
    st.sampled_from([0, 40, 700, 9000, 40_000]),
    st.integers(1, 3),
    st.booleans(),
    st.integers(0, 4),
)
@settings(max_examples=40)
def test_ranges_give_what_one_pass_gives(
    rows: int, pad: int, blocks: int, summaries: bool, lives: int
) -> None:
    """Records of many blocks, of none, over the edges; the other process ends at any time."""
    with tempfile.TemporaryDirectory() as folder, patch.object(Here, "lives", lives):
        path = place(Path(folder), log(logged(rows, pad, summaries=summaries)))
        expected = read(only(path))
        with in_ranges(blocks) as taken:
            same(read(only(path)), expected)
        assert taken == sorted(set(taken))
        assert taken or path.stat().st_size < 3 * blocks * BLOCK or pad == 40_000


@given(st.data(), st.sampled_from(["flip", "cut", "zeros", "lost"]))
@settings(max_examples=40)
def test_a_damaged_log_is_read_as_ever(data: st.DataObject, damage: str) -> None:
    payloads = logged(60, 700)
    if damage == "lost":  # a record that was never written: the numbers leap
        del payloads[data.draw(st.integers(0, len(payloads) - 2))]
    raw = bytearray(log(payloads))
    at = data.draw(st.integers(7, len(raw) - 1))
    if damage == "flip":
        raw[at] ^= 1 << data.draw(st.integers(0, 7))
    elif damage == "cut":
        del raw[at:]
    elif damage == "zeros":
        raw[at : at + 40_000] = bytes(len(raw[at : at + 40_000]))
    with tempfile.TemporaryDirectory() as folder:
        path = place(Path(folder), bytes(raw))
        expected = read(only(path))
        with in_ranges():
            same(read(only(path)), expected)


def test_a_log_that_grew_goes_on_in_ranges(tmp_path: Path) -> None:
    data = log(logged(80, 2000))
    path = place(tmp_path, data[: len(data) // 3])
    first = read(only(path))
    path.write_bytes(data)
    expected = read(only(path), first.facts.resume)
    with in_ranges() as taken:
        same(read(only(path), first.facts.resume), expected)
    assert len(taken) > 3


def _stored(root: Path) -> list[str]:
    warehouse = api.open(root)
    asked = (
        "SELECT * FROM history ORDER BY _step",
        "SELECT * FROM metrics ORDER BY metric, step",
        "SELECT * FROM series ORDER BY metric",
        "SELECT key, value, text FROM summary ORDER BY key",
        "SELECT rows, completeness, evidence, name FROM runs",
    )
    return [repr(warehouse.sql(one).rows()) for one in asked]


@pytest.fixture(scope="module")
def by_one(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Give a log, and what is stored of it by one process."""
    folder = tmp_path_factory.mktemp("one")
    path = place(folder, log(logged(150, 1500)))
    (landed,) = api.open(folder / "wh").ingest(path)
    assert landed.rows == 150
    return path, _stored(folder / "wh")


class Killed(SecondProcess):
    """One that is killed as soon as it has answered once."""

    def answer(self) -> Found | None:
        found = super().answer()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        return found


@pytest.mark.parametrize("other", [SecondProcess, Killed])
def test_what_is_stored_is_the_same(
    by_one: tuple[Path, list[str]], tmp_path: Path, other: type[SecondProcess]
) -> None:
    path, expected = by_one
    with in_ranges(other=other) as taken:
        (landed,) = api.open(tmp_path / "wh").ingest(path)
    assert landed.error is None
    assert len(taken) > 5
    assert _stored(tmp_path / "wh") == expected


@pytest.mark.parametrize(
    "command", [(sys.executable, "-c", "raise SystemExit(3)"), ("/there/is/no/such/program",)]
)
def test_one_that_does_not_start_is_done_without(
    by_one: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    path, _ = by_one
    expected = read(only(path))
    monkeypatch.setattr(second_process, "_COMMAND", command)
    with in_ranges(other=SecondProcess):
        same(read(only(path)), expected)


def test_it_reads_no_other_file(tmp_path: Path) -> None:
    path = place(tmp_path, log(logged(30, 700)))
    other = SecondProcess(path, (0, 0))
    other.ask(7, BLOCK, 0)
    assert other.answer() is None
    other.close()


_STARTS_IT = """
import sys, time
from pathlib import Path
from dakota_wh.ingest.wandb_log.second_process import SecondProcess
from dakota_wh.ingest.wandb_log.snapshot import BLOCK, Snapshot
path = Path(sys.argv[1])
other = SecondProcess(path, Snapshot(path).identity)
other.ask(7, BLOCK, 0)
assert other.answer().last_num
print(other._process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_it_ends_with_the_one_who_started_it(tmp_path: Path) -> None:
    path = place(tmp_path, log(logged(30, 700)))
    words = [sys.executable, "-c", _STARTS_IT, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        pid = int(one.stdout.readline())
        assert _runs(pid)
        one.kill()
    deadline = time.monotonic() + 60
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
