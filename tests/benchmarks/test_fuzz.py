"""A little of what ``benchmarks/fuzz`` does for hours: bent inputs, the same each time.

What its long runs found is in the tests of the reader that was at fault.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from benchmarks.fuzz import seeds
from benchmarks.fuzz.loop import Found, attempt
from benchmarks.fuzz.program import NAMES
from benchmarks.fuzz.target import Lied, Target, bent, must
from benchmarks.fuzz.targets import TARGETS
from benchmarks.fuzz.watch import judge
from benchmarks.fuzz.wire import LogForm, joined, parsed, records
from dakota_wh.errors import SourceProblem
from tests.wandb_log.encoder import log

#: Few enough to take a second or so each.
TRIES = {
    "log": 40,
    "csv": 120,
    "json": 120,
    "parquet": 120,
    "service": 120,
    "table": 200,
    "stored": 8,
}


def test_the_names_are_those_of_the_targets() -> None:
    assert tuple(TARGETS) == NAMES == tuple(TRIES)


@pytest.mark.parametrize("name", TRIES)
def test_bent_inputs_do_no_harm(name: str, tmp_path: Path) -> None:
    target, rng = TARGETS[name](tmp_path), Random(20250101)
    inputs = [target.mutate(rng.choice(target.seeds), rng, bent) for _ in range(TRIES[name])]
    faults = [judge(target, data, memory=False) for data in inputs]
    assert [fault.text for fault in faults if fault] == []


def test_a_log_is_taken_apart_and_put_together_again() -> None:
    for data in seeds.logs():
        payloads = records(data)
        assert payloads is not None
        assert log(payloads) == data
        for payload in payloads:
            fields = parsed(payload)
            assert fields is not None
            assert joined(fields) == payload
    assert records(seeds.logs()[0][:-1]) is None


def target_that(words: str) -> Target:
    """Return a target that does what an input's bytes say."""

    def act(data: bytes) -> None:
        if data.endswith(b"lie"):
            must(False, "it lied")
        if data.endswith(b"key"):
            raise KeyError(data)
        if data.endswith(b"told"):
            raise SourceProblem("It is damaged.", hint="Export it again.")
        if data.endswith(b"blame"):
            raise SourceProblem("Run x could not be stored: no.", hint="Check the disk.")

    return Target(words, LogForm(), lambda: [b"first input"], act)


def test_what_counts_as_a_fault_is_kept_once_and_small(tmp_path: Path) -> None:
    target, found = target_that("t"), Found(tmp_path / "done.json")
    for data in (b"all is well", b"is told", b"a long lie", b"a lie", b"a key", b"to blame"):
        attempt(target, data, found, tmp_path)
    assert (found.tries, sorted(found.faults.values())) == (6, [1, 1, 2])
    assert json.loads((tmp_path / "done.json").read_text())["faults"] == found.faults
    kept = [path for path in (tmp_path / "faults" / "t").iterdir() if not path.suffix]
    assert {path.read_bytes() for path in kept} == {b"a lie", b"a key", b"to blame"}
    with pytest.raises(Lied):
        must(False, "it lied")
