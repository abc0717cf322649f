"""Framing under damage: what is whole is read, once; what is not is reported."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.source import Continuation
from dakota_wh.ingest.wandb_log import find_logs, snapshot
from dakota_wh.ingest.wandb_log.framing import End, Scan
from dakota_wh.ingest.wandb_log.snapshot import BLOCK, Snapshot
from tests.wandb_log.encoder import history, item, log, record, records, run
from tests.wandb_log.reader import only, place, read


def scan(data: bytes, start: int = 0) -> tuple[list[bytes], Scan]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.wandb")
        path.write_bytes(data)
        file = Snapshot(path)
        found = Scan(file, start)
        payloads = [bytes(payload) for payload in found.records()]
        file.close()
    return payloads, found


def small_log(rows: int = 12, run_id: str = "abc") -> tuple[bytes, list[bytes]]:
    bodies = [(17, run(run_id, project="p"))]
    bodies += [
        (2, history([item(["_step"], str(n)), item(["loss"], f"{n}.5")])) for n in range(rows)
    ]
    bodies.append((18, b""))
    payloads = records(bodies)
    return log(payloads), payloads


@given(
    st.lists(st.integers(0, 3 * BLOCK) | st.integers(0, 40) | st.integers(BLOCK - 30, BLOCK)),
)
@settings(max_examples=60)
def test_what_was_framed_is_read_back(sizes: list[int]) -> None:
    payloads = [bytes([n % 251]) * size for n, size in enumerate(sizes)]
    data = log(payloads)
    found, end = scan(data)
    assert found == payloads
    assert (end.end, end.good_end, end.skipped) == (End.CLEAN, len(data), [])


def test_truncated_anywhere_gives_a_prefix_and_goes_on_from_there(tmp_path: Path) -> None:
    data, payloads = small_log()
    for size in range(len(data) + 1):
        found, end = scan(data[:size])
        assert found == payloads[: len(found)]
        rest, whole = scan(data, end.good_end)
        assert found + rest == payloads
        assert whole.end is End.CLEAN
        assert (end.end is End.CLEAN) == (size > 0 and (end.good_end == size))
    path = place(tmp_path, b"")
    for size in range(0, len(data), 7):
        path.write_bytes(data[:size])
        first = read(only(path))
        path.write_bytes(data)
        second = read(only(path), first.facts.resume)
        assert second.continuation is Continuation.APPEND
        assert len(first.rows + second.rows) == 12
        assert [row["_step",] for row in first.rows + second.rows] == [str(n) for n in range(12)]
        assert first.facts.torn == (
            size not in (0, 7) and first.facts.resume["segments"][0]["good_end"] < size
        )
        assert second.facts.state == "finished"
        assert second.facts.lost_records == 0


def big_log() -> tuple[bytes, list[bytes]]:
    payloads = [record(n, 2, bytes([n % 256]) * (997 * n % 9000)) for n in range(1, 60)]
    return log(payloads), payloads


@given(st.data())
@settings(max_examples=150)
def test_one_flipped_byte_costs_what_it_touches(data: st.DataObject) -> None:
    whole, payloads = big_log()
    at = data.draw(st.integers(7, len(whole) - 1))
    bent = bytearray(whole)
    bent[at] ^= data.draw(st.integers(1, 255))
    found, end = scan(bytes(bent))
    wanted = iter(payloads)
    assert all(payload in wanted for payload in found)  # in order, nothing new
    lost = len(payloads) - len(found)
    if lost:
        spans = [*end.skipped, (end.good_end, len(whole))]
        assert any(start <= at < stop for start, stop in spans)
        # A block is given up, and the record that reaches into it or out of it.
        assert sum(stop - start for start, stop in end.skipped) < 2 * BLOCK + 2 * 9000


def test_zeroed_middle_is_skipped_and_the_gap_counted(tmp_path: Path) -> None:
    rows = [(2, history([item(["_step"], str(n)), item(["x"], "1" * 500)])) for n in range(1000)]
    data = bytearray(log(records([(17, run("abc")), *rows, (18, b"")])))
    data[100_000:180_000] = bytes(80_000)
    got = read(only(place(tmp_path, bytes(data))))
    steps = [int(row["_step",]) for row in got.rows]
    missing = set(range(1000)) - set(steps)
    assert steps == sorted(steps)
    assert got.facts.lost_records == len(missing) > 100
    ((name, start, end),) = got.facts.skipped
    assert name.endswith("/run-abc.wandb")
    assert start <= 100_000 < 180_000 <= end < 180_000 + 2 * BLOCK
    assert not got.facts.torn
    assert got.facts.state == "finished"


@pytest.mark.parametrize(
    "tail", [b"\0" * 65_536, b"\0" * 3, b"\xa5\x17garbage" * 9000, b"\xff" * 9]
)
def test_a_bad_tail_loses_nothing(tmp_path: Path, tail: bytes) -> None:
    data, _ = small_log()
    got = read(only(place(tmp_path, data + tail)))
    assert len(got.rows) == 12
    assert got.facts.state == "finished"
    assert got.facts.lost_records == 0
    assert got.facts.torn == (len(tail) not in (65_536,))
    assert bool(got.facts.skipped) == (len(tail) > BLOCK and tail[0] != 0)


def test_zeros_after_an_open_log_are_torn(tmp_path: Path) -> None:
    data = log(records([(17, run("abc")), (2, history([item(["x"], "1")]))]))
    got = read(only(place(tmp_path, data + bytes(BLOCK))))
    assert (len(got.rows), got.facts.torn, got.facts.state) == (1, True, None)


def test_a_record_without_its_end_is_dropped_not_joined() -> None:
    first, second = record(1, 2, b"a" * 40_000), record(2, 2, b"b" * 50)
    data = log([first, second])
    # The last part of the first record vanishes together with its block.
    hole = data[:BLOCK] + bytes(7) + data[BLOCK + 7 :]
    found, end = scan(hole)
    assert found == []
    assert end.end is End.TORN


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b":W&B\xe1\xbe\x01" + bytes(90), "newer W&B"),
        (b":W&B\xe1\xbe\x01", "version byte 1"),
        (b"PAR1" + bytes(90), "not a W&B log"),
        (b"x", "not a W&B log"),
    ],
    ids=["version 1", "version 1 alone", "another format", "one byte"],
)
def test_other_files_are_refused_with_words(tmp_path: Path, data: bytes, says: str) -> None:
    path = place(tmp_path, data)
    with pytest.raises(SourceProblem, match=says) as caught:
        find_logs(path)
    assert caught.value.hint
    assert str(tmp_path) not in str(caught.value)
    # In a folder it does not stand in the way of others, until it is read.
    place(tmp_path, small_log(run_id="good")[0], run_id="good")
    logs = {log.run_id: log for log in find_logs(tmp_path)}
    assert len(read(logs["good"]).rows) == 12
    with pytest.raises(SourceProblem, match=says):
        logs["abc"].read(None)


@pytest.mark.parametrize("size", [0, 3, 7])
def test_nothing_flushed_yet(tmp_path: Path, size: int) -> None:
    data, _ = small_log()
    got = read(only(place(tmp_path, data[:size])))
    assert (got.rows, got.facts.torn, got.facts.run_id) == ([], size == 3, "abc")
    assert any("flushed" in text for text in got.facts.warnings) == (size != 3)


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_random_bytes_never_raise(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        got = read(only(place(Path(folder), log([data, data[::-1]]) + data)))
    assert got.rows == [] or data


def test_a_record_that_is_not_a_record_is_counted(tmp_path: Path) -> None:
    good = [(17, run("abc")), (2, history([item(["x"], "1")]))]
    payloads = records(
        [*good, (2, b"\x0a\xff\xff\xff\xff\xff\x7f"), (3, b"\x0a\x7f"), (5, b"\x0a\x7f")]
    )
    got = read(only(place(tmp_path, log([*payloads, b"\xff" * 20, record(7, 2, history([]))]))))
    assert [row.get(("x",)) for row in got.rows] == ["1", None]
    assert got.facts.lost_records == 4


def test_a_file_that_shrinks_under_the_reader_ends_torn(tmp_path: Path) -> None:
    path = tmp_path / "x.wandb"
    payloads = [record(n, 2, bytes(200_000)) for n in range(1, 60)]
    path.write_bytes(log(payloads))
    file = Snapshot(path)
    found = Scan(file)
    passing = found.records()
    assert bytes(next(passing)) == payloads[0]
    path.write_bytes(log(payloads)[:100_000])
    rest = [bytes(payload) for payload in passing]
    assert rest == payloads[1 : len(rest) + 1]
    assert len(rest) < 58
    assert found.end is End.TORN
    file.close()


def test_a_long_hole_is_crossed_in_one_step(tmp_path: Path) -> None:
    data = small_log()[0]
    hole = log([record(1, 2, bytes(30_000)), record(2, 2, bytes(30_000))])
    path = tmp_path / "x.wandb"
    with path.open("wb") as file:
        file.write(data + bytes(BLOCK - len(data)))
        file.truncate(64 * 1024 * 1024)
        file.seek(0, os.SEEK_END)
        file.write(hole[BLOCK:])
    found, end = scan(path.read_bytes())
    assert len(found) == 14
    assert end.end is End.TORN
    # Boundary after boundary, as garbage is crossed, and nothing is made of it.
    found, end = scan(data + os.urandom(2_000_000) + bytes(40))
    assert len(found) == 14
    assert end.dead_tail == len(data)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.booleans())
@settings(max_examples=40)
def test_what_is_no_data_is_zeros(places: list[int], can_tell: bool) -> None:
    """A file with holes: before the place that is told everything is 0, and it is not beyond."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if not can_tell:  # as on Windows
            patch.setattr(snapshot, "_SEEK_DATA", None)
        path = Path(folder, "x.wandb")
        with path.open("wb") as made:
            made.truncate(41 * BLOCK)
            for place_ in places:
                made.seek(place_ * BLOCK)
                made.write(b"x" * BLOCK)
        data = path.read_bytes()
        for held in (True, False):
            file = Snapshot(path)
            if not held:
                file.let_go()
            for at in range(0, 41 * BLOCK, BLOCK // 2 + 1):
                after = file.next_data(at)
                assert at <= after <= file.size
                assert not data[at:after].strip(b"\0")
                if not can_tell:
                    assert after == at
            file.close()


def test_a_tail_of_zeros_without_end_is_passed_over(tmp_path: Path) -> None:
    """64 GiB that were reserved and never written; read byte by byte that took 20 minutes."""
    data, payloads = small_log()
    path = tmp_path / "x.wandb"
    path.write_bytes(data)
    os.truncate(path, 64 * 1024**3)
    if path.stat().st_blocks * 512 > 1024**2:
        pytest.skip("this file system keeps no holes")
    file = Snapshot(path)
    found = Scan(file)
    assert [bytes(payload) for payload in found.records()] == payloads
    assert found.end is End.ZEROS
    assert found.good_end == len(data)
    file.close()
