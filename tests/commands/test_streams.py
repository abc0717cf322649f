"""Pipes that close, disks that are full, files that must appear whole, narrow encodings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dakota_wh.cli import PROGRAM
from dakota_wh.commands.output import Output
from dakota_wh.errors import UsageProblem
from dakota_wh.rendering.rows import Listing
from dakota_wh.rendering.whole_file import replacing

from .conftest import ENVIRONMENT, Call, Dakota

ROWS = Listing(["a"], ["BIGINT"], [(1,)])


def test_a_reader_that_leaves_early_is_no_error(folder: Path) -> None:
    words = [sys.executable, "-m", "dakota_wh", "query", "metrics", "--warehouse", str(folder)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"run_id,")
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_in_one_line(folder: Path, dakota: Dakota) -> None:
    for words in (["runs"], ["query", "metrics"], ["schema"]):
        with Path("/dev/full").open("wb") as full:
            done = dakota(*words, "--warehouse", folder, stdout=full)
        assert (done.returncode, done.stderr) == (1, b"dakota-wh: No space left on device.\n")


def test_no_stdout_at_all(folder: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "dakota_wh", "views"]
    for more, code in (([], 1), (["-o", str(tmp_path / "views.csv")], 0)):
        done = subprocess.run(
            ["sh", "-c", '"$@" >&-', "sh", *words, *more],
            env=ENVIRONMENT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == code
        assert done.stderr.count(b"\n") == code


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_narrow_encodings_do_not_stop_anything(folder: Path, dakota: Dakota, encoding: str) -> None:
    env = {"PYTHONIOENCODING": encoding}
    select = "SELECT 'é ✓ 😀' AS x"
    done = dakota("sql", select, "--format", "json", "--warehouse", folder, env=env)
    assert json.loads(done.stdout.decode(encoding)) == [{"x": "é ✓ 😀"}]
    # Data for a program is UTF-8: an escape would be another text.
    done = dakota("sql", select, "--format", "csv", "--warehouse", folder, env=env)
    assert done.stdout.decode() == "x\né ✓ 😀\n"
    done = dakota("sql", select, "--format", "table", "--warehouse", folder, env=env)
    assert done.returncode == 0
    assert "\\u2713" in done.stdout.decode(encoding)
    assert dakota("schema", env=env).returncode == 0


def write_half(file: Path) -> None:
    """Fail in the middle of writing."""
    with replacing(file) as out:
        out.write(b"half")
        raise ZeroDivisionError


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("old")
    file.chmod(0o640)
    with pytest.raises(ZeroDivisionError):
        write_half(file)
    assert file.read_text() == "old"
    Output(None, file).write(ROWS)
    assert file.read_text() == "a\n1\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["rows.csv"]


def test_a_link_keeps_leading_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    Output(None, tmp_path / "link.csv").write(ROWS)
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "a\n1\n"


def test_a_device_is_written_and_not_replaced() -> None:
    Output("csv", Path("/dev/null")).write(ROWS)
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("x.csv", b"a\n"),
        ("x.TSV", b"a\n"),
        ("x.json", b"[\n{"),
        ("x.jsonl", b'{"a"'),
        ("x.ndjson", b'{"a"'),
        ("x.md", b"| a |"),
        ("x.txt", b"a\n-\n1"),
        ("x.parquet", b"PAR1"),
    ],
)
def test_the_suffix_says_the_format(tmp_path: Path, name: str, begins: bytes) -> None:
    Output(None, tmp_path / name).write(ROWS)
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_the_format_wins_over_the_suffix(tmp_path: Path) -> None:
    Output("json", tmp_path / "x.csv").write(ROWS)
    assert json.loads((tmp_path / "x.csv").read_text()) == [{"a": 1}]
    with pytest.raises(UsageProblem, match=r"x\.docx"):
        Output(None, tmp_path / "x.docx").write(ROWS)


def test_an_unknown_suffix_is_told_before_the_work(call: Call, tmp_path: Path) -> None:
    result = call("query", "metrics", "-o", tmp_path / "x.docx", "--warehouse", "nowhere")
    assert result.code == 2
    assert result.err.startswith(f"{PROGRAM}: The name 'x.docx' does not say")


def test_a_missing_folder_is_told(call: Call, folder: Path) -> None:
    result = call("runs", "-o", "no/where.csv", "--warehouse", folder)
    assert result.code == 1
    assert "there is no folder" in result.err
