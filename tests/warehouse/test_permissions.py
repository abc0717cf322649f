"""A folder that cannot be listed is an error that names it; a file that cannot is no damage."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import NotReadable
from dakota_wh.warehouse import integrity
from dakota_wh.warehouse.access import blamed_on_access, is_no_damage, not_readable
from dakota_wh.warehouse.connection import what_mends
from dakota_wh.warehouse.embedded import EmbeddedDuckDB
from dakota_wh.warehouse.layout import run_folders, stored_run_ids
from dakota_wh.warehouse.run_row import newest
from tests.warehouse.kit import constant_run, ingest
from tests.warehouse.unprivileged import as_user

DESTROYS = ("remove", "rebuild", "again with --force")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("held")
    for run in ("one", "two"):
        ingest(place / "wh", constant_run(place / "in", run, 1.0))
    return place / "wh"


@contextmanager
def closed(path: Path) -> Iterator[None]:
    """Take all rights from a file or folder for a while."""
    before = path.stat().st_mode
    path.chmod(0)
    try:
        yield
    finally:
        path.chmod(before)


def folder(root: Path, table: str, run: str) -> Path:
    (found,) = run_folders(root, table, run)
    return found


def told(said: tuple[int, str], path: Path) -> str:
    """Hold an answer to one line with exit 1 that names a path and how to open it."""
    code, text = said
    assert code == 1, text
    assert text.count("\n") == 1, text
    assert f"{path} cannot be read: Permission denied." in text
    assert f"chmod -R u+rwX {path}" in text
    assert not any(word in text for word in DESTROYS)
    return text


@pytest.mark.parametrize("what", ["table", "role", "run"])
def test_no_run_vanishes_from_the_list(stored: Path, what: str) -> None:
    """The one run, its role, the table: whichever is closed."""
    one = folder(stored, "runs", "one")
    path = {"run": one, "role": one.parent, "table": one.parent.parent}[what]
    with closed(path):
        told(as_user("runs", "--warehouse", stored), path)
    assert stored_run_ids(stored) == ["one", "two"]


@pytest.mark.parametrize(
    "words",
    [
        ("sql", "SELECT * FROM metrics"),
        ("query", "reward_stats", "--run", "one"),
        ("export", "one", "--local-only", "--output-dir", "@out"),
        ("sync", "@wh", "@copy"),
    ],
    ids=lambda words: words[0],
)
def test_no_part_is_called_gone(stored: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    path = folder(stored, "history" if words[0] == "export" else "metrics", "one")
    places = {"@wh": stored, "@out": tmp_path / "out", "@copy": tmp_path / "copy"}
    typed = [places.get(word, word) for word in words]
    with closed(path):
        more = () if words[0] == "sync" else ("--warehouse", stored)
        told(as_user(*typed, *more), path)


def test_another_engine_is_not_asked_of_half_a_warehouse(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lists the files for it, a pattern passes over what is closed."""
    path = folder(stored, "metrics", "one")
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda at, mode: str(at) != str(path) and allowed(at, mode))
    with pytest.raises(NotReadable, match="run_id=one cannot be read"):
        open_warehouse(stored).query("metrics", engine=EmbeddedDuckDB())


def test_a_run_of_a_closed_folder_is_not_unknown_and_not_written_over(
    stored: Path, tmp_path: Path
) -> None:
    path = folder(stored, "runs", "one")
    rows = sorted(path.iterdir())
    with closed(path):
        told(as_user("remove", "one", "--yes", "--warehouse", stored), path)
        source = constant_run(tmp_path, "one", 2.0)
        code, text = as_user("ingest", source, "--local-only", "--warehouse", stored)
        assert (code, str(path) in text) == (1, True), text
    assert sorted(path.iterdir()) == rows


def test_a_pair_in_a_closed_folder_is_no_free_run(stored: Path) -> None:
    """It was fixed; a second pair of the same run must not come beside it."""
    assert open_warehouse(stored).pair("one", "two")
    path = folder(stored, "pairs", "one")
    with closed(path):
        told(as_user("pair", "two", "one", "--warehouse", stored), path)
        told(as_user("pair", "one", "two", "--remove", "--warehouse", stored), path)
    assert open_warehouse(stored).pair("one", "two", remove=True)


@pytest.mark.parametrize("words", [("sql", "SELECT * FROM config"), ("export", "one")])
def test_a_closed_part_is_no_damaged_one(
    stored: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = next(folder(stored, "config", "one").glob("part-*.parquet"))
    more = ("--output-dir", tmp_path) if words[0] == "export" else ()
    with closed(path):
        code, text = as_user(*words, *more, "--warehouse", stored)
    assert code == 1
    assert str(path) in text
    assert f"chmod -R u+rwX {path}" in text
    assert not any(word in text for word in DESTROYS)


def test_the_doctor_lives_and_says_what_opens_it(stored: Path) -> None:
    one = folder(stored, "runs", "one")
    part = next(folder(stored, "config", "one").glob("part-*.parquet"))
    steps, state = folder(stored, "steps", "one"), stored / ".dakota-wh"
    with closed(part), closed(steps):
        code, text = as_user("doctor", "--offline", "--format", "csv", "--warehouse", stored)
    assert code == 1
    for path in (part, steps):
        assert f"chmod -R u+rwX {path}" in text
    assert "2 runs" in text
    for path in (one, one.parent, one.parent.parent, state):
        with closed(path):
            code, text = as_user("doctor", "--offline", "--quick", "--warehouse", stored)
        assert code == 1
        assert f"chmod -R u+rwX {path}" in " ".join(text.split())
        assert not any(word in text for word in DESTROYS[:1])


def test_only_its_owner_can_open_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = PermissionError(errno.EACCES, "x")
    assert f"chmod -R u+rwX {tmp_path}" in not_readable(tmp_path, refused).hint
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert f'sudo chown -R "$USER" {tmp_path}' in not_readable(tmp_path, refused).hint


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES])
def test_the_system_fails_and_not_the_file(
    stored: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Three errors that a file meets on the way, where all of it is read and hashed."""

    def fails(path: Path) -> str:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(integrity, "hash_of", fails)
    for run in integrity.examine(stored):
        assert run.faults
        assert not any(word in fault.do for fault in run.faults for word in DESTROYS)
        assert os.strerror(number) in run.faults[0].what
        row = newest(stored, run.run_id)
        assert row is not None
        with pytest.raises(NotReadable, match=os.strerror(number)):
            integrity.check_parts(stored, row, ["history"])


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES])
def test_an_engines_words_of_the_system(number: int) -> None:
    part = "/w/config/role=single/run_id=a/part-00000-0000000000000001.parquet"
    said = duckdb.IOException(f'IO Error: Cannot open file "{part}": {os.strerror(number)}')
    found = blamed_on_access(said)
    assert found is not None
    assert part in found.message
    assert not any(word in what_mends(said) for word in DESTROYS)
    assert "remove" in what_mends(duckdb.IOException(f'No magic bytes in "{part}"'))


def test_what_is_gone_or_malformed_is_damage() -> None:
    assert not is_no_damage(FileNotFoundError(errno.ENOENT, "x"))
    assert not is_no_damage(OSError("Parquet magic bytes not found"))
