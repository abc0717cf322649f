"""The files of one export: none of them before all of them, and no process in another's way."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dakota_wh.errors import WarehouseError
from dakota_wh.export.together import Files, together


def write(files: Files, path: Path, text: str) -> None:
    with files.new(path) as temporary:
        temporary.write_text(text)


def fail(files: Files, path: Path) -> None:
    write(files, path, "new")
    raise ZeroDivisionError


def test_two_at_once_do_not_meet(tmp_path: Path) -> None:
    """What one is still writing the other neither takes nor deletes."""
    with together(tmp_path) as slow:
        write(slow, tmp_path / "a", "slow")
        with together(tmp_path) as quick:
            write(quick, tmp_path / "a", "quick")
            write(quick, tmp_path / "b", "quick")
            assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
        assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "quick"
        write(slow, tmp_path / "b", "slow")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a": "slow",
        "b": "slow",
    }


def test_a_failure_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), together(tmp_path) as files:
        fail(files, tmp_path / "a")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}
    with pytest.raises(ZeroDivisionError), together(tmp_path / "new") as files:
        fail(files, tmp_path / "new" / "a")
    assert not (tmp_path / "new").exists()


def test_a_full_disk_names_the_file_that_was_to_be(tmp_path: Path) -> None:
    target = tmp_path / "x_history.csv"
    with pytest.raises(WarehouseError) as caught, together(tmp_path) as files, files.new(target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(caught.value) == (
        f"{target} cannot be written: No space left on device. "
        "Free some space there, or write elsewhere: --output-dir DIR"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_reading_is_not_called_one_of_writing(tmp_path: Path) -> None:
    lost, target = tmp_path / "part.parquet", tmp_path / "a"
    with pytest.raises(FileNotFoundError), together(tmp_path) as files, files.new(target):
        lost.read_bytes()


def test_what_a_killed_export_left_goes_with_the_next(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys; from dakota_wh.export.together import together\n"
        "with together(pathlib.Path(sys.argv[1])) as files:\n"
        "    with files.new(pathlib.Path(sys.argv[1], 'a')) as path:\n"
        "        path.write_text('half'); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=60, check=False)
    assert done.returncode == 9
    (left,) = tmp_path.iterdir()
    assert (left / "a").read_text() == "half"
    with together(tmp_path) as files:
        write(files, tmp_path / "b", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
