"""What the certificate says, for every way in which a run can be, or be given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dakota_wh import api
from dakota_wh.ingest.landed import Landed
from dakota_wh.ingest.wandb_api.fetching import Fetch
from tests.wandb_server.exact import Row
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

from .conftest import curve, use_environment

ROWS = curve(30)
LAST = ROWS[-1]
GAPS = [row for row in ROWS if row["_step"] % 3 != 1]
WITHOUT = [{key: row[key] for key in row if key != "loss"} for row in ROWS]
#: What a service says that leaves its counts out.
NOTHING: dict[str, Any] = {"historyLineCount": None, "historyKeys": None}


def counted(count: int) -> dict[str, Any]:
    """Return what the service counts under a key."""
    types = [{"type": "number", "count": count}, {"type": "nil", "count": 5}]
    return {"typeCounts": types, "monotonic": False}


def exported(*rows: Row, up_to: int = 29, **more: Any) -> dict[str, Any]:
    """Return a run of 30 rows whose files hold other rows."""
    return {"rows": ROWS, "exported_up_to": up_to, "exported_rows": list(rows), **more}


#: The run as it is served, then verdict, rows, and words of the evidence.
CASES: dict[str, tuple[dict[str, Any], str, int, str]] = {
    "growing": ({"rows": ROWS, "state": "running"}, "growing", 30, "the run is running"),
    "finished": ({"rows": ROWS, "summary": LAST}, "complete", 30, "all 30 that the service counts"),
    "crashed": ({"rows": ROWS, "state": "crashed"}, "complete", 30, "a heartbeat lost"),
    "empty": ({}, "complete", 0, "the service counts none"),
    "empty-running": ({"state": "running"}, "growing", 0, "no rows"),
    "gaps": ({"rows": GAPS, "summary": GAPS[-1]}, "complete", 20, "10 never logged"),
    "says-more": ({"rows": ROWS, "claims": {"historyLineCount": 34}}, "unknown", 30,
                  "counts 34, though no step is missing"),
    "says-more-steps": ({"rows": ROWS, "claims": {"historyLineCount": 40, "historyKeys":
                         {"keys": {}, "sets": [], "lastStep": 39}}}, "truncated", 30,
                        "the service's last step is 39"),
    "rows-between": ({"rows": GAPS, "claims": {"historyLineCount": 29}}, "sampled", 20,
                     "counts 29: rows between are missing"),
    "gives-none": ({"claims": {"historyLineCount": 12, "historyKeys":
                    {"keys": {}, "sets": [], "lastStep": 11}}}, "truncated", 0, "counts 12"),
    "older-export": ({"rows": ROWS[:20], "exported_up_to": 19, "summary": LAST}, "truncated", 20,
                     "the summary's last step is 29"),
    "twice": ({"rows": [*ROWS, {**LAST, "extra": 1.0}]}, "complete", 31,
              "1 of them a second row of their step"),
    "uncounted": ({"rows": ROWS, "claims": {"historyLineCount": None}}, "complete", 30,
                  "counts no rows"),
    "odd-state": ({"rows": ROWS, "state": "weird"}, "unknown", 30, "state is weird"),
    "best": ({"rows": ROWS, "summary": {**LAST, "loss": 0.001}}, "complete", 30,
             "1 of 5 numbers of the summary are not the last logged ones (loss)"),
    "says-nothing": ({"rows": ROWS, "claims": NOTHING}, "unknown", 30,
                     "does not say either which step is the last"),
    "says-and-gives-nothing": ({"claims": NOTHING}, "unknown", 0, "no rows"),
    "only-counted": ({"rows": ROWS, "claims": {"historyKeys": None}}, "complete", 30, "all 30"),
    "last-as-text": ({"rows": ROWS, "summary": {"_step": 29.0}, "claims": {"historyLineCount":
                      None, "historyKeys": {"keys": {}, "sets": [], "lastStep": "29"}}},
                     "complete", 30, "counts no rows"),
    "last-of-before": ({"rows": ROWS, "claims": {"lastStep": 14}}, "complete", 30, "all 30"),
    "doubled-and-lost": (exported(*[r for r in ROWS[:10] for _ in "12"], up_to=19), "sampled", 30,
                         "10 of them a second row of their step"),
    "rewound": ({**exported(*ROWS, up_to=9), "rows": ROWS[:10]}, "unknown", 30,
                "the service counts 10; the service's last step is 9"),
    "without-a-key": (exported(*WITHOUT, summary=LAST), "truncated", 30,
                      "of loss the service counts 30 values, none of them are here"),
    "half-a-key": (exported(*ROWS[:15], *WITHOUT[15:], summary=LAST), "unknown", 30,
                   "of loss the service counts 30 values, 15 of them are here"),
    "dotted-keys": ({"rows": [{**row, "a": {"b": 1.0}} for row in ROWS], "claims":
                     {"historyKeys": {"lastStep": 29, "keys": {"a.b": counted(30)}}}},
                    "complete", 30, "all 30"),
    "dotted-key-lost": ({"rows": [{**row, "a": {"b": 1.0}} for row in ROWS], "claims":
                         {"historyKeys": {"lastStep": 29, "keys": {"a.b": counted(30),
                                          "a.c": counted(8)}}}},
                        "truncated", 30, "of a.c the service counts 8 values, none"),
    "nested-keys": ({"rows": [{**row, "a": {"b": 1.0, "c": {"d": 2}}, "none": None} for row in
                     ROWS], "exported_up_to": 29}, "complete", 30, "all 30"),
}  # fmt: skip


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Landed]]:
    """Ingest all cases at once."""
    place = tmp_path_factory.mktemp("certificates")
    with Server() as server, pytest.MonkeyPatch.context() as patch:
        use_environment(patch, server.url, place / "home")
        for name, (served, *_) in CASES.items():
            server.add_run(ServedRun("acme", "p", name, **served))
        found = api.open(place / "w").ingest("acme/p", fetch=Fetch(jobs=2, state=("all",)))
        yield {one.run_id: one for one in found}


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_is_right(landed: dict[str, Landed], name: str) -> None:
    _, verdict, rows, words = CASES[name]
    one = landed[name]
    assert one.error is None
    assert (one.completeness, one.rows) == (verdict, rows)
    assert words in one.note


def test_a_run_without_rows_says_what_to_do(landed: dict[str, Landed]) -> None:
    assert "No data available" in landed["empty"].warnings[0]
    assert "No data available yet" in landed["empty-running"].warnings[0]
    assert "Empty history data" in landed["gives-none"].warnings[0]
    assert "does not say whether there are any" in landed["says-and-gives-nothing"].warnings[0]


def test_a_value_that_is_missing_is_no_value_set_by_hand(landed: dict[str, Landed]) -> None:
    for name in ("without-a-key", "half-a-key"):
        assert "set by hand" not in landed[name].note
