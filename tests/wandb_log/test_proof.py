"""Whether a log is still the one that was read: what is looked at, and what is not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.ingest.source import Continuation
from dakota_wh.ingest.wandb_log import proof as under_test
from dakota_wh.ingest.wandb_log.proof import EDGE, SAMPLE, SAMPLES, proof, proves, sampled
from dakota_wh.ingest.wandb_log.snapshot import Snapshot
from tests.wandb_log.encoder import history, item, log, record, records, run
from tests.wandb_log.reader import only, place, read

MOST = 2 * EDGE + SAMPLES * SAMPLE


@given(st.integers(0, 3 * MOST) | st.integers(MOST - 3, MOST + 3) | st.integers(0, 2**50))
def test_what_is_looked_at(end: int) -> None:
    ranges = list(sampled(end))
    size = sum(stop - start for start, stop in ranges)
    assert (ranges[0][0], ranges[-1][1]) == (0, end)
    assert size == min(end, MOST)
    if end > MOST:
        assert ranges[0] == (0, EDGE)
        assert ranges[-1] == (end - EDGE, end)
        assert {stop - start for start, stop in ranges[1:-1]} == {SAMPLE}
        gaps = [after - before for (_, before), (after, _) in pairwise(ranges)]
        assert min(gaps) >= 0
        assert max(gaps) <= (end - MOST) // (SAMPLES - 1) + 1  # spread evenly


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the same rule in small, so that a log of some kilobytes is a long one."""
    monkeypatch.setattr(under_test, "EDGE", 1000)
    monkeypatch.setattr(under_test, "SAMPLES", 4)
    monkeypatch.setattr(under_test, "SAMPLE", 100)


def told(path: Path, end: int, *, whole: bool = False) -> str:
    file = Snapshot(path)
    try:
        return proof(file, end, whole=whole)
    finally:
        file.close()


def holds(path: Path, said: str, end: int) -> bool:
    file = Snapshot(path)
    try:
        return proves(said, file, end)
    finally:
        file.close()


@pytest.mark.usefixtures("small")
def test_a_change_is_seen_where_it_is_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "x.wandb"
    data = bytes(n % 251 for n in range(10_000))
    path.write_bytes(data)
    samples, whole = told(path, 9000), told(path, 9000, whole=True)
    assert whole == hashlib.blake2b(data[:9000], digest_size=20).hexdigest()
    looked_at = {at for start, stop in sampled(9000) for at in range(start, stop)}
    assert len(looked_at) == 2400
    for at in [0, 999, 1000, 1099, 1100, 4999, 7999, 8000, 8999, 9000]:
        changed = bytearray(data)
        changed[at] ^= 1
        path.write_bytes(changed)
        assert holds(path, samples, 9000) == (at not in looked_at)
        assert holds(path, whole, 9000) == (at >= 9000)
    path.write_bytes(data[:8999])
    assert not holds(path, samples, 9000)
    path.write_bytes(data + b"more")
    assert holds(path, samples, 9000)
    assert holds(path, whole, 9000)


def long_log(rows: int = 60) -> list[bytes]:
    bodies = [(17, run("abc"))]
    text = '"' + "t" * 200 + '"'
    bodies += [(2, history([item(["_step"], str(n)), item(["t"], text)], n)) for n in range(rows)]
    return records(bodies)


@dataclass
class ReadOnce:
    """A long log that was read, and what is to be given back at the next reading."""

    path: Path
    payloads: list[bytes]
    resume: dict[str, Any]


@pytest.fixture
def read_once(small: None, tmp_path: Path) -> ReadOnce:
    payloads = long_log()
    path = place(tmp_path, log(payloads))
    return ReadOnce(path, payloads, read(only(path)).facts.resume)


def grown(path: Path, payloads: list[bytes], resume: dict[str, Any]) -> Continuation:
    more = record(len(payloads) + 1, 2, history([item(["_step"], "999")]))
    path.write_bytes(path.read_bytes() + log([*payloads, more])[len(log(payloads)) :])
    got = read(only(path), resume)
    assert (got.continuation is Continuation.APPEND) == (got.rows == [{("_step",): "999"}])
    return got.continuation


def test_a_log_that_grew_goes_on_whichever_proof_was_stored(read_once: ReadOnce) -> None:
    path, payloads, resume = read_once.path, read_once.payloads, read_once.resume
    (mark,) = resume["segments"]
    assert mark["digest"].startswith("edges+")
    assert read(only(path), resume).continuation is Continuation.UNCHANGED
    mark["digest"] = hashlib.blake2b(log(payloads), digest_size=20).hexdigest()  # as once stored
    assert read(only(path), resume).continuation is Continuation.UNCHANGED
    assert grown(path, payloads, resume) is Continuation.APPEND


def test_another_log_of_the_same_name_is_read_whole(read_once: ReadOnce) -> None:
    path, payloads = read_once.path, read_once.payloads
    payloads[-1] = payloads[-1].replace(b"ttt", b"uuu")
    path.write_bytes(log(payloads))
    assert grown(path, payloads, read_once.resume) is Continuation.WHOLE


@pytest.mark.usefixtures("small")
def test_a_log_that_was_damaged_is_read_whole_once_it_is_repaired(tmp_path: Path) -> None:
    """As when a copy is read before all of it has come."""
    payloads = long_log(rows=700)  # several blocks of 32 KiB
    data = log(payloads)
    hole = bytearray(data)
    blocks = range(32_768 + 5000, 32_768 + 5100)
    assert not {at for start, stop in sampled(len(data)) for at in range(start, stop)} & {*blocks}
    hole[blocks.start : blocks.stop] = bytes(len(blocks))
    path = place(tmp_path, bytes(hole))
    got = read(only(path))
    assert got.facts.lost_records
    path.write_bytes(data)
    again = read(only(path), got.facts.resume)
    assert (again.continuation, len(again.rows)) == (Continuation.WHOLE, 700)
    assert not again.facts.lost_records
