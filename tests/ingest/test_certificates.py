"""The completeness certificate: what is proved, what is missing, and how we know."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.ingest.certificate import certify, look
from dakota_wh.ingest.pass_through import opened
from dakota_wh.ingest.source import Continuation
from dakota_wh.warehouse.history import HistoryWriter
from tests.ingest.kit import (
    Log,
    Row,
    land,
    last_values,
    stored_run,
    write_csv,
    write_json,
)

ROWS: list[Row] = [{"reward/mean": n / 7, "loss": (n * n) % 13} for n in range(40)]
SUMMARY = last_values(ROWS)


def stepped(rows: list[Row]) -> list[Row]:
    return [{"_step": n, **row} for n, row in enumerate(rows)]


def certified(warehouse: Warehouse, path: Path) -> Row:
    landed = land(warehouse, path)
    row = stored_run(warehouse, landed.run_id)
    assert (landed.completeness, landed.note) == (row["completeness"], row["evidence"])
    assert len(warehouse.query("history")) == row["rows"]
    return row


@pytest.mark.parametrize("write", [write_csv, write_json])
def test_all_steps_up_to_the_last_of_the_summary(
    warehouse: Warehouse, tmp_path: Path, write: Callable[..., Path]
) -> None:
    row = certified(warehouse, write(tmp_path, "r", ROWS, summary=SUMMARY))
    assert (row["completeness"], row["sampled"], row["expected_rows"]) == ("complete", "no", 40)
    assert "40 rows, _step 0-39 with 0 missing, the summary's last is 39" in row["evidence"]
    assert "all 3 numbers" in row["evidence"]


def test_a_log_with_an_exit_record(warehouse: Warehouse, tmp_path: Path) -> None:
    row = certified(warehouse, Log(tmp_path, "r").begin("r").log(*ROWS).end().write())
    assert (row["completeness"], row["sampled"], row["expected_rows"]) == ("complete", "no", 40)
    assert row["evidence"] == "the log ends with an exit record after 40 rows"
    assert row["state"] == "finished"


def test_a_run_that_failed_is_complete_all_the_same(warehouse: Warehouse, tmp_path: Path) -> None:
    row = certified(warehouse, Log(tmp_path, "r").begin("r").log(*ROWS).end(1).write())
    assert (row["completeness"], row["state"]) == ("complete", "failed")


def test_a_log_without_an_end_is_growing(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").log(*ROWS)
    row = certified(warehouse, log.write())
    assert (row["completeness"], row["expected_rows"]) == ("growing", None)
    assert "at row 40 without an exit record" in row["evidence"]


def test_a_log_that_ends_within_a_record_is_growing(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").log(*ROWS)
    path = log.write()
    path.write_bytes(log.data()[:-5])
    row = certified(warehouse, path)
    assert (row["completeness"], row["rows"]) == ("growing", 39)
    assert "in the middle of a record" in row["evidence"]


def test_damage_within_a_log(warehouse: Warehouse, tmp_path: Path) -> None:
    log = Log(tmp_path, "r").begin("r").log(*({"text": "x" * 900, "n": n} for n in range(200)))
    path = log.end().write()
    data = bytearray(path.read_bytes())
    data[70_000] ^= 0xFF
    path.write_bytes(data)
    row = certified(warehouse, path)
    assert row["completeness"] == "truncated"
    assert 0 < row["lost_records"] < 40
    assert row["rows"] + row["lost_records"] == 200
    assert f"{row['lost_records']} records lost" in row["evidence"]
    assert "bytes 7" in row["evidence"] or "bytes 6" in row["evidence"]


def test_an_earlier_attempt_that_broke_off_within_a_record(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """The end of the last attempt proves nothing of what the first one lost."""
    first = Log(tmp_path, "r").begin("r").log(*ROWS)
    path = first.write()
    path.write_bytes(first.data()[:-5])
    again = Log(tmp_path, "r", stamp="20250102_000000").begin("r", start=9000).log(*ROWS).end()
    again.write()
    row = certified(warehouse, tmp_path / "wandb")
    assert (row["rows"], row["segments"]) == (79, 2)
    assert row["completeness"] == "truncated"
    assert "in the middle of a record" in row["evidence"]


def test_an_export_that_ends_early(warehouse: Warehouse, tmp_path: Path) -> None:
    row = certified(warehouse, write_csv(tmp_path, "r", ROWS[:25], summary=SUMMARY))
    assert (row["completeness"], row["expected_rows"]) == ("truncated", 40)
    assert "25 rows, _step 0-24 with 0 missing, the summary's last is 39" in row["evidence"]
    assert "3 of 3 numbers of the summary are not the last stored" in row["evidence"]


def test_every_second_row(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = stepped(ROWS)[::2]
    row = certified(warehouse, write_csv(tmp_path, "r", rows, summary=SUMMARY))
    assert (row["completeness"], row["sampled"], row["expected_rows"]) == ("sampled", "yes", 40)
    assert "20 rows, _step 0-38 with 19 missing, the summary's last is 39" in row["evidence"]


def test_five_hundred_rows_are_what_is_sampled_by_default(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    rows = [{"_step": 2 * n, "loss": n} for n in range(500)]
    row = certified(warehouse, write_csv(tmp_path, "r", rows))
    assert (row["completeness"], row["sampled"]) == ("sampled", "yes")
    assert "500 rows are what run.history() samples by default" in row["evidence"]


def test_without_a_summary_nothing_is_proved(warehouse: Warehouse, tmp_path: Path) -> None:
    row = certified(warehouse, write_csv(tmp_path, "r", ROWS))
    assert (row["completeness"], row["sampled"], row["expected_rows"]) == (
        "unknown",
        "unknown",
        None,
    )
    assert "no summary" in row["evidence"]


def test_a_summary_older_than_the_history_proves_nothing(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    row = certified(warehouse, write_csv(tmp_path, "r", ROWS, summary=last_values(ROWS[:20])))
    assert row["completeness"] == "unknown"
    assert "the summary's last is 19" in row["evidence"]


def test_steps_that_were_never_logged_prove_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [{"_step": 10 * n, "loss": n} for n in range(1, 20)]
    row = certified(warehouse, write_csv(tmp_path, "r", rows, summary=last_values(rows)))
    assert (row["completeness"], row["sampled"]) == ("unknown", "unknown")
    assert "may never have been logged" in row["evidence"]


def test_steps_from_one_without_a_gap_are_not_called_sampled(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """A summary may hold the best value instead of the last (define_metric summary="max")."""
    rows = [{"_step": n, "loss": float(n % 7)} for n in range(1, 20)]
    summary = last_values(rows) | {"loss": 6.0}
    row = certified(warehouse, write_csv(tmp_path, "r", rows, summary=summary))
    assert row["completeness"] == "unknown"


def test_the_count_of_the_service_proves_sparse_steps(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [{"_step": 10 * n, "loss": n} for n in range(20)]
    summary = last_values(rows)
    path = write_csv(tmp_path, "r", rows, summary=summary, historyLineCount=20)
    row = certified(warehouse, path)
    assert (row["completeness"], row["expected_rows"]) == ("complete", 20)
    path = write_csv(tmp_path, "r", rows, summary=summary, historyLineCount=21)
    row = certified(api.open(tmp_path / "other"), path)
    assert (row["completeness"], row["sampled"], row["expected_rows"]) == ("sampled", "yes", 21)
    assert "20 rows of the 21 that the service counts" in row["evidence"]


def test_the_count_of_an_export_is_not_that_of_the_service(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """``history_shape`` says how many rows were exported, sampled or not."""
    rows = stepped(ROWS)[::3]
    assert rows[-1]["_step"] == SUMMARY["_step"]
    path = write_json(
        tmp_path, "r", rows, summary=SUMMARY, more={"history_shape": {"rows": len(rows)}}
    )
    assert certified(warehouse, path)["completeness"] != "complete"


def test_an_export_of_a_running_run_is_growing(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write_csv(tmp_path, "r", ROWS, summary=SUMMARY, state="running")
    row = certified(warehouse, path)
    assert (row["completeness"], row["state"]) == ("growing", "running")
    assert "40 rows" in row["evidence"]


def test_a_sampled_export_of_a_running_run_is_sampled(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write_csv(tmp_path, "r", stepped(ROWS)[::2], summary=SUMMARY, state="running")
    row = certified(warehouse, path)
    assert (row["completeness"], row["sampled"]) == ("sampled", "yes")


def test_statistics_carry_the_verdict(warehouse: Warehouse, tmp_path: Path) -> None:
    land(warehouse, write_csv(tmp_path, "a", ROWS, summary=SUMMARY))
    land(warehouse, write_csv(tmp_path, "b", stepped(ROWS)[::2], summary=SUMMARY))
    for view in ("reward_stats", "reward_trends", "training_stats", "training_trends"):
        found = {row["run_id"]: row["completeness"] for row in warehouse.query(view).dicts()}
        assert found == {"a": "complete", "b": "sampled"}, view


@pytest.mark.parametrize("huge", [2**53 + 1, 10**400])
def test_integers_that_no_double_holds_agree(
    warehouse: Warehouse, tmp_path: Path, huge: int
) -> None:
    rows: list[Row] = [{"tokens": huge, "loss": 1.0}] * 3
    row = certified(warehouse, write_json(tmp_path, "r", rows, summary=last_values(rows)))
    assert row["completeness"] == "complete"
    assert "are not the last stored" not in row["evidence"]


# What any part of a run's rows may be called. The writer of the warehouse is used without its
# folder, so that a thousand of them take seconds.


@st.composite
def runs(draw: st.DrawFn) -> list[Row]:
    """Draw a whole run as W&B has it: ``_step`` from 0 on; keys in all rows or in some."""
    count = draw(st.integers(1, 60))
    values = st.none() | st.floats(allow_nan=True, allow_infinity=True, width=32)
    rows: list[Row] = []
    for step in range(count):
        row: Row = {"_step": step, "loss": step / 3}
        value = draw(values)
        rows.append(row if value is None else row | {"eval": value})
    return rows


def verdict(rows: list[Row], summary: Row) -> str:
    folder = Path(tempfile.mkdtemp(prefix="certificate"))
    try:
        path = write_csv(folder, "r", rows, summary=summary)
        (source,) = _sources(path)
        reading = source.read(None)
        assert reading.continuation is Continuation.WHOLE
        writer = HistoryWriter(folder / "history")
        for batch in reading.rows():
            writer.add(batch.count, batch.columns, batch.segment)
        writer.flush()
        facts = reading.facts()
        with opened(writer.written) as history:
            return certify(facts, source.kind, look(history, facts.summary)).verdict
    finally:
        shutil.rmtree(folder)


def _sources(path: Path) -> list[Any]:
    from dakota_wh.ingest.recognise import recognise

    return list(recognise(str(path)))


SLOW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@SLOW
@given(runs(), st.data())
def test_a_part_of_a_run_is_never_called_complete(rows: list[Row], data: st.DataObject) -> None:
    kept = data.draw(
        st.sets(st.sampled_from(range(len(rows)))).filter(lambda s: len(s) < len(rows))
    )
    part = [rows[n] for n in sorted(kept)]
    assert verdict(part, last_values(rows)) != "complete"


@SLOW
@given(runs())
def test_all_of_a_run_is_always_called_complete(rows: list[Row]) -> None:
    assert verdict(rows, last_values(rows)) == "complete"


def test_a_folder_of_both_kinds_of_export(tmp_path: Path) -> None:
    """One run, exported sampled and in full: the full one stays, in whatever order they come."""
    sampled = write_csv(tmp_path / "a", "r", stepped(ROWS)[::2], summary=SUMMARY)
    full = write_json(tmp_path / "b", "r", ROWS, summary=SUMMARY)
    for n, order in enumerate(([sampled, full], [full, sampled])):
        warehouse = api.open(tmp_path / f"warehouse{n}")
        warehouse.ingest(*order)
        assert stored_run(warehouse, "r")["completeness"] == "complete"
        assert stored_run(warehouse, "r")["rows"] == 40
