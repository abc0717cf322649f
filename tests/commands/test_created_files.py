"""What is created keeps to the umask, is never for everybody to write, and calls nobody."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Call, Dakota


@pytest.fixture(params=[0o022, 0o027])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_created_files_keep_to_the_umask(
    call: Call, logs: Path, tmp_path: Path, umask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the warehouse, its catalogue, exports, pages and tables; and no socket is opened."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    todo = [
        "ingest {0}",
        "query runs -o runs.csv",
        "query runs -o runs.parquet",
        "export demotrnr --local-only --format csv --output-dir out",
    ]
    if umask == 0o027:
        todo += ["report demoorch -o page.html", "plot demotrnr --metric loss/mean -o chart.html"]
    for words in todo:
        done = call(*(word.format(logs) for word in words.split()), "--warehouse", "wh")
        assert done.code == 0, done.err
    made = list(tmp_path.rglob("*"))
    assert len(made) > 60
    wrong = {}
    for path in made:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & umask or mode & stat.S_IWOTH:
            wrong[path.relative_to(tmp_path).as_posix()] = oct(mode)
    assert wrong == {}
    assert (tmp_path / "wh" / "warehouse.duckdb").stat().st_mode & 0o600 == 0o600


def test_nothing_is_for_everybody_to_write(dakota: Dakota, logs: Path, tmp_path: Path) -> None:
    """Also where the umask would allow it."""
    done = dakota("ingest", logs, "--warehouse", tmp_path / "wh", umask=0)
    assert done.returncode == 0, done.stderr
    made = [tmp_path / "wh", *(tmp_path / "wh").rglob("*")]
    assert len(made) > 40
    assert [path for path in made if path.stat().st_mode & stat.S_IWOTH] == []
