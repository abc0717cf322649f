"""Going on where an earlier pass ended gives what one whole pass gives."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakota_wh.ingest.source import Continuation, Ended
from dakota_wh.ingest.wandb_log import history as under_test
from tests.wandb_log.encoder import changes, chunk, history, item, log, number, record, records, run
from tests.wandb_log.reader import Pass, only, place, read


def growing(rows: int = 30, start: int = 0, closed: bool = True, pad: int = 300) -> list[bytes]:
    """Return the payloads of a run with history, summary, config, and removals on the way."""
    bodies: list[tuple[int, bytes]] = [(17, run("abc", config=changes([item(["lr"], "0.5")])))]
    for n in range(rows):
        text = '"' + "t" * pad + '"'
        bodies.append((2, history([item(["_step"], str(start + n)), item(["t"], text)], n)))
        bodies.append((3, changes([item(["_step"], str(n)), item(["nan", f"k{n % 7}"], "NaN")])))
        if n % 5 == 4:
            bodies.append((3, changes([], [item(["nan", f"k{n % 7}"]), item(["_step"])])))
            bodies.append((5, changes([item([f"c{n}"], "12345678901234567890")], [item(["lr"])])))
    if closed:
        bodies.append((18, b""))
    return records(bodies)


def told(facts: Any) -> str:
    """Return all that a pass knows, so that NaN equals NaN."""
    facts.resume = {}
    return repr(facts)


def polled(path: Path, data: bytes, cuts: list[int]) -> Pass:
    """Read a file that grows from cut to cut, each time from where the last pass ended."""
    rows: list[dict[tuple[str, ...], str]] = []
    resume: dict[str, Any] | None = None
    for cut in [*cuts, len(data)]:
        path.write_bytes(data[:cut])
        got = read(only(path), resume)
        assert got.continuation is not Continuation.WHOLE or resume is None
        assert got.rows == [] or got.continuation is not Continuation.UNCHANGED
        rows += got.rows
        resume = got.facts.resume
    got.rows = rows
    return got


@given(st.lists(st.integers(0, 25_000), max_size=6).map(sorted), st.integers(1, 9))
@settings(max_examples=40)
def test_polling_a_growing_file_equals_one_pass(cuts: list[int], batch: int) -> None:
    data = log(growing())
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(under_test, "BATCH_ROWS", batch)
        path = place(Path(folder), data)
        whole = read(only(path))
        pieces = polled(path, data, cuts)
    assert pieces.rows == whole.rows
    assert pieces.facts.resume == whole.facts.resume
    assert told(pieces.facts) == told(whole.facts)
    assert whole.facts.config == {f"c{n}": 12345678901234567890 for n in (4, 9, 14, 19, 24, 29)}


def test_unchanged_append_and_whole(tmp_path: Path) -> None:
    payloads = growing(rows=10, closed=False)
    more = record(len(payloads) + 1, 2, history([item(["_step"], "10")]))
    path = place(tmp_path, log(payloads))
    first = read(only(path))
    assert (first.continuation, first.facts.ended) == (Continuation.WHOLE, Ended.OPEN)
    resume = first.facts.resume
    os.utime(path, (1, 1))
    same = read(only(path), resume)
    assert (same.continuation, same.rows) == (Continuation.UNCHANGED, [])
    assert only(path).read(resume).facts().resume == resume  # without asking for rows first
    path.write_bytes(log([*payloads, more]))
    grown = read(only(path), resume)
    assert grown.continuation is Continuation.APPEND
    assert grown.rows == [{("_step",): "10"}]
    path.write_bytes(log(payloads[:5]))
    assert read(only(path), resume).continuation is Continuation.WHOLE
    changed = bytearray(log([*payloads, more]))
    changed[60] ^= 1
    path.write_bytes(changed)
    assert read(only(path), resume).continuation is Continuation.WHOLE


@pytest.mark.parametrize("resume", [{}, {"format": 99}, {"format": 1, "segments": 3}, {"x": [1]}])
def test_a_resume_of_another_kind_means_all_of_it(tmp_path: Path, resume: dict[str, Any]) -> None:
    got = read(only(place(tmp_path, log(growing()))), resume)
    assert (got.continuation, len(got.rows)) == (Continuation.WHOLE, 30)


def test_a_second_segment_is_appended_and_its_end_is_the_end(tmp_path: Path) -> None:
    first = growing(rows=8)
    place(tmp_path, log(first))
    got = read(only(tmp_path))
    assert got.facts.ended is Ended.FINISHED
    second = records([(17, run("abc", start=1_700_009_999)), (2, history([item(["_step"], "0")]))])
    path = place(tmp_path, log(second), stamp="20250102_000000")
    later = read(only(tmp_path), got.facts.resume)
    assert later.continuation is Continuation.APPEND
    assert (later.rows, later.segments) == ([{("_step",): "0"}], [1])
    assert later.facts.ended is Ended.OPEN
    assert later.facts.created_at == got.facts.created_at
    path.write_bytes(log([*second, record(3, 18, number(1, 1))]))
    last = read(only(tmp_path), later.facts.resume)
    assert (last.continuation, last.rows) == (Continuation.APPEND, [])
    assert (last.facts.ended, last.facts.state) == (Ended.FAILED, "failed")
    whole = read(only(tmp_path))
    assert last.facts.resume == whole.facts.resume
    assert whole.segments == [0] * 8 + [1]
    assert read(only(tmp_path), last.facts.resume).continuation is Continuation.UNCHANGED


def test_an_earlier_segment_that_grew_means_all_of_it(tmp_path: Path) -> None:
    first = growing(rows=8, closed=False)
    path = place(tmp_path, log(first))
    second = records([(17, run("abc", start=1_700_009_999)), (2, history([item(["_step"], "0")]))])
    place(tmp_path, log(second), stamp="20250102_000000")
    resume = read(only(tmp_path)).facts.resume
    path.write_bytes(log([*first, record(len(first) + 1, 2, history([item(["_step"], "8")]))]))
    got = read(only(tmp_path), resume)
    assert (got.continuation, got.segments) == (Continuation.WHOLE, [0] * 9 + [1])


def test_segments_given_one_after_the_other_equal_both_at_once(tmp_path: Path) -> None:
    first = place(tmp_path, log(growing(rows=8)))
    second = records([(17, run("abc", start=1_700_009_999)), (2, history([item(["_step"], "0")]))])
    other = place(tmp_path, log(second), stamp="20250102_000000")
    resume = read(only(first)).facts.resume
    got = read(only(other), resume)
    assert (got.continuation, got.segments) == (Continuation.APPEND, [1])
    assert got.facts.resume == read(only(tmp_path)).facts.resume
    for again in (first, other, tmp_path):
        assert read(only(again), got.facts.resume).continuation is Continuation.UNCHANGED


def test_an_earlier_segment_given_later_is_not_appended(tmp_path: Path) -> None:
    first = place(tmp_path, log(growing(rows=8)))
    second = records([(17, run("abc", start=1_700_009_999)), (2, history([item(["_step"], "0")]))])
    other = place(tmp_path, log(second), stamp="20250102_000000")
    got = read(only(first), read(only(other)).facts.resume)
    assert got.continuation is Continuation.WHOLE
    assert got.facts.missing == ("offline-run-20250102_000000-abc/run-abc.wandb",)


def test_a_log_under_another_name_is_not_appended_to_itself(tmp_path: Path) -> None:
    data = log(growing(rows=8))
    first = place(tmp_path / "a", data)
    copy = place(tmp_path / "b", data, stamp="20250103_000000")
    got = read(only(copy), read(only(first)).facts.resume)
    assert (got.continuation, len(got.rows)) == (Continuation.WHOLE, 8)


def test_a_torn_tail_that_turns_out_damaged_is_reported_once(tmp_path: Path) -> None:
    data = bytearray(log(growing(rows=400)))
    data[40_000] ^= 0xFF
    path = place(tmp_path, bytes(data[:45_000]))
    first = read(only(path))
    assert first.facts.torn
    path.write_bytes(data)
    got = read(only(path), first.facts.resume)
    whole = read(only(path))
    assert first.rows + got.rows == whole.rows
    assert got.facts.resume == whole.facts.resume
    assert len(got.facts.skipped) == 1
    assert got.facts.lost_records == whole.facts.lost_records > 0
    assert not got.facts.torn


def test_a_killed_run_of_an_old_client_has_its_summary_from_history(tmp_path: Path) -> None:
    bodies = [(17, run("abc"))]
    bodies += [
        (
            2,
            history(
                [item(["_step"], str(n), legacy=True), item([f"k{n % 2}"], f"{n}.0", legacy=True)]
            ),
        )
        for n in range(6)
    ]
    payloads = records(bodies)
    path = place(tmp_path, log(payloads[:4]))
    first = read(only(path))
    path.write_bytes(log(payloads))
    second = read(only(path), first.facts.resume)
    assert second.facts.summary == {"_step": 5, "k0": 4.0, "k1": 5.0}
    assert any("killed" in text for text in second.facts.warnings)
    payloads.append(record(8, 3, changes([item(["own"], "1")])))
    path.write_bytes(log(payloads))
    third = read(only(path), second.facts.resume)
    assert (third.facts.summary, third.facts.warnings) == ({"own": 1}, ())


def test_the_run_record_written_last_counts(tmp_path: Path) -> None:
    payloads = records(
        [
            (17, run("abc", project="p", name="old", notes="n", host="secret-host")),
            (12, chunk(1, "acc") + chunk(4, "epoch")),
            (12, chunk(2, "val/*") + chunk(4, "step")),
            (12, chunk(1, "epoch")),
            (
                17,
                run("abc", project="p", entity="e", name="new") + chunk(10, "t1") + chunk(10, "t2"),
            ),
            (26, chunk(1, "secret-environment")),
            (23, b""),
            (18, number(1, -1)),
        ]
    )
    found = only(place(tmp_path, log(payloads)))
    assert (found.run_id, found.project, found.kind) == ("abc", "p", "wandb-log")
    facts = read(found).facts
    assert (facts.entity, facts.name, facts.notes, facts.tags) == ("e", "new", None, ("t1", "t2"))
    assert [(m.metric, m.step_metric) for m in facts.step_metrics] == [
        ("acc", "epoch"),
        ("val/*", "step"),
    ]
    assert facts.state == "failed"
    assert "secret" not in repr(facts)
    assert "secret" not in json.dumps(facts.resume)


def test_an_exit_that_is_not_complete_ends_no_run(tmp_path: Path) -> None:
    payloads = records([(17, run("abc")), (18, number(3, 1))])
    facts = read(only(place(tmp_path, log(payloads)))).facts
    assert (facts.state, facts.ended) == (None, Ended.OPEN)
