"""Names as the service gives them, and addresses as they are typed: all of them are only names."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dakota_wh.api import Warehouse
from dakota_wh.cli import run as run_program
from dakota_wh.ingest.wandb_api import fetching
from dakota_wh.ingest.wandb_api.pool import Workers
from dakota_wh.warehouse.integrity import examine
from tests.commands.test_hostile_names import NAMES
from tests.wandb_server.faults import Reply, status
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server, viewer

from .conftest import curve

#: What no run can have as its id here, for want of a folder's name.
NO_IDS = ["x" * 10_000, "nul\0inside", "SURROGATE"]
IDS = [name for name in NAMES if len(name) < 60]
OTHERS = ["nul\0inside", *NAMES]


class Said:
    """What the command line said, and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def must_be_plain(self, *codes: int, traceback: bool = False) -> None:
        """Insist on the exit code, and that a terminal is told nothing but text."""
        said = self.out + self.err
        assert self.code in codes, said
        assert [line for line in said.split("\n") if line and not line.isprintable()] == []
        assert "unexpected" not in said
        assert ("Traceback" in said) is traceback


class Program:
    """The command line in this process, as on a terminal, with the workers that are there."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *words: object) -> Said:
        self.capsys.readouterr()
        setattr(sys.stdout, "isatty", lambda: True)  # noqa: B010 - it is a new one in each test
        code = run_program([str(word) for word in words])
        return Said(code, *self.capsys.readouterr())


@pytest.fixture
def program(
    warehouse: Warehouse,
    running: tuple[Server, Workers],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Program:
    """Give the command line; the warehouse is the folder beside others."""

    def pool(account: Any, timeout: float, jobs: int) -> Any:
        return nullcontext(running[1].pool(account, timeout, 1))

    monkeypatch.setattr(fetching, "Pool", pool)
    monkeypatch.setenv("DAKOTA_WH_DIR", str(warehouse.path))
    monkeypatch.setenv("NO_COLOR", "1")
    return Program(capsys)


def half_characters(reply: Reply) -> Reply:
    """Put half a character, which JSON can name, where there is a word for it."""
    return replace(reply, body=reply.body.replace(b"SURROGATE", b"half \\ud800"))


def hostile(run_id: str, name: str) -> ServedRun:
    """Return a run of which everything has that name."""
    logged: dict[str, Any] = {f"reward/{name}": 0.5, "note": name}
    rows = curve(12, **logged)
    return ServedRun(
        "acme", "p", run_id, name=name, group=name, job_type=name, notes=name, tags=[name],
        sweep=name, commit=name, username=name, rows=rows, config={name: {name: name}},
        summary={name: name, "_step": 11},
    )  # fmt: skip


def test_names_that_the_service_gives(
    server: Server, program: Program, warehouse: Warehouse, tmp_path: Path
) -> None:
    for number, run_id in enumerate([*IDS, *NO_IDS]):
        server.add_run(hostile(run_id, OTHERS[number % len(OTHERS)]))
    server.fault("*", half_characters)
    done = program("ingest", "acme/p", "--state", "finished")
    done.must_be_plain(6)
    stored_runs = warehouse.runs().dicts()
    assert {row["completeness"] for row in stored_runs} == {"complete"}
    runs = {row["run_id"]: row["url"] for row in stored_runs}
    assert {*runs} == {*IDS}
    for run_id, url in runs.items():  # a page of that run, whatever its id says
        assert url.rpartition("/acme/p/runs/")[2] == quote(run_id, safe="")
    stored = warehouse.sql("SELECT DISTINCT metric FROM metrics").rows()
    assert {f"reward/{name}" for name in OTHERS[: len(IDS)]} <= {metric for (metric,) in stored}
    assert [one.faults for one in examine(warehouse.path) if one.faults] == []
    for words in (
        ["runs"],
        ["query", "config"],
        ["show", "--", IDS[0]],
        ["show", "--", "\x1b]0;title\x07\x1b[31mred"],
        ["check"],
        ["ingest", "acme/p", "--state", "finished", "--dry-run"],
        ["ingest", "acme/p", "--state", "finished", "--local-only"],
    ):
        program(*words).must_be_plain(0, 6, 7)
    for name in IDS[2:4]:
        program("remove", "--yes", "--", name).must_be_plain(0)
    assert {row["run_id"] for row in warehouse.runs().dicts()} == {*IDS} - {*IDS[2:4]}
    assert {path.name for path in tmp_path.iterdir()} <= {"home", warehouse.path.name}


def test_an_account_and_an_error_with_such_names(
    server: Server, program: Program, warehouse: Warehouse
) -> None:
    hostile_text = "\x1b]0;title\x07\x9b31m../../x\r\n\u202e=1+1"
    server.viewer = viewer("ann", hostile_text)
    try:
        server.add_run(ServedRun(hostile_text, "p", "r", rows=curve(12)))
        program("ingest", "r", "--project", "p").must_be_plain(0)
    finally:
        server.viewer = viewer("ann", "acme")
    program("runs").must_be_plain(0)
    assert warehouse.runs().dicts()[0]["entity"] == hostile_text
    server.add_run(ServedRun("acme", "p", "r", rows=curve(12)))
    server.fault("Run", status(400, hostile_text))
    said = program("ingest", "acme/p/r", "--as", "other", "--debug")
    assert "31m../../x" in said.err
    said.must_be_plain(1, traceback=True)


def test_files_with_such_names(
    server: Server, program: Program, warehouse: Warehouse, tmp_path: Path
) -> None:
    files = dict.fromkeys(OTHERS, b"text")
    server.add_run(ServedRun("acme", "p", "r", rows=curve(12), files=files))
    program("ingest", "acme/p/r", "--files", "--tables").must_be_plain(0)
    listed = warehouse.sql("SELECT name FROM files").rows()
    assert {name for (name,) in listed} == {*OTHERS}
    program("query", "files").must_be_plain(0)
    assert {path.name for path in tmp_path.iterdir()} <= {"home", warehouse.path.name}


ADDRESSES = [
    *(f"acme/p/{name}" for name in [*OTHERS, *NO_IDS] if "\0" not in name),
    *(name for name in OTHERS if "\0" not in name and not name.startswith("-")),
    *(f"{name}/p/x" for name in NAMES if not name.startswith("-")),
    *(f"acme/{name}" for name in NAMES),
    *(
        f"URL/acme/p/runs/{part}"
        for part in ("..%2F..%2Fx", "%00", "%0a%1b[31m", "%2e%2e", "%ff%fe", "%E2%80%AEx", "a%2525")
    ),
]


def test_addresses_that_are_typed(
    server: Server, program: Program, warehouse: Warehouse, tmp_path: Path
) -> None:
    server.add_run(ServedRun("acme", "p", "r", rows=curve(12)))
    before = {path.name for path in tmp_path.iterdir()}
    for address in ADDRESSES:
        what = address.replace("URL", server.url)
        program("ingest", "--project", "p", "--", what).must_be_plain(1, 2, 3, 4)
    made = {path.name for path in tmp_path.iterdir()} - before
    assert made <= {"home", warehouse.path.name}
