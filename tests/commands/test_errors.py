"""Every error is one line on stderr, with its exit code and what to type next."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dakota_wh import api
from dakota_wh.cli import run
from dakota_wh.errors import NotSignedIn, SourceUnreachable

from .conftest import ENVIRONMENT, Call, Dakota

#: Words, the exit code, and a part of the message. W is the warehouse.
TABLE = [
    ("query reward_trend W", 2, "Did you mean reward_trends"),
    ("query nothing_like_it W", 2, "`dakota-wh views` lists all"),
    ("query reward_trends --version 9 W", 2, "version"),
    ("query reward_trends --run nope W", 3, "It has: demoorch, demotrnr"),
    ("query runs --metric x W", 2, "cannot be filtered by --metric"),
    ("query runs --role boss W", 2, "'--role'"),
    ("query runs --limit -1 W", 2, "See: dakota-wh query --help"),
    ("query", 2, "Missing argument 'NAME'"),
    ("query runs --formt csv", 2, "No such option"),
    ("query runs --format xml W", 2, "'xml'"),
    ("quer", 2, "Did you mean 'query'?"),
    ("xyzzy", 2, "There is no command 'xyzzy'. See: dakota-wh --help"),
    ("--nope", 2, "See: dakota-wh --help"),
    ("query runs --warehouse nowhere", 1, "Ingest a run first"),
    ("show nope W", 3, "no run nope"),
    ("schema nope", 2, "no view 'nope'"),
    ("schema --version 1", 2, "needs the name of a view"),
    ("sql W", 2, "Give one SELECT"),
    ("sql -f missing.sql W", 3, "missing.sql"),
    ("sql DELETE W", 1, "SQL"),
    ("sql --memory-limit lots x W", 2, "'lots' is no size"),
    ("remove nope --yes W", 3, "no run nope"),
    ("ingest nope W", 3, "nope"),
    ("ingest", 2, "Missing argument 'WHAT...'"),
    ("rebuild --warehouse nowhere", 1, "no warehouse"),
    ("shell --warehouse nowhere", 1, "no warehouse"),
]


@pytest.mark.parametrize(("words", "code", "part"), TABLE)
def test_one_line_with_its_exit_code(
    call: Call, folder: Path, words: str, code: int, part: str
) -> None:
    args = words.split()
    if args[-1] == "W":
        args[-1:] = ["--warehouse", str(folder)]
    result = call(*args)
    assert result.code == code
    assert part in result.err
    assert result.err.startswith("dakota-wh: ")
    assert result.err.count("\n") == 1
    assert result.out == ""


def test_what_is_quoted_stays_on_the_line(call: Call, folder: Path) -> None:
    result = call("query", "a\nb\x1b[31m\u2028c", "--warehouse", folder)
    assert result.err.count("\n") == 1
    assert "\x1b" not in result.err


def test_debug_shows_the_traceback(call: Call) -> None:
    for args in (("--debug", "query", "x"), ("query", "x", "--debug")):
        result = call(*args)
        assert "Traceback (most recent call last)" in result.err
        assert result.err.splitlines()[-1].startswith("dakota-wh: There is no view 'x'.")


def test_the_unexpected_is_one_line_too(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("what\nnow")

    monkeypatch.setattr(api.Warehouse, "query", broken)
    result = call("query", "runs")
    assert result.code == 1
    assert result.err == (
        "dakota-wh: unexpected KeyError: 'what\\nnow'. Please report it; --debug shows the "
        "traceback.\n"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotSignedIn("no key"), 4),
        (SourceUnreachable("no net"), 5),
        (PermissionError(13, "Permission denied", "/x/y"), 1),
        (MemoryError(), 1),
        (KeyboardInterrupt(), 130),
        (RuntimeError("Query interrupted"), 130),
        (BrokenPipeError(), 141),
    ],
)
def test_errors_from_below(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(api.Warehouse, "query", broken)
    monkeypatch.setattr("dakota_wh.cli._forget_stdout", lambda: None)
    result = call("query", "runs")
    assert result.code == code
    # click begins a new line behind the terminal's ^C
    assert len(result.err.split("\n")) - result.err.startswith("\n") == (1 if code == 141 else 2)


def test_a_key_never_gets_out(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "0123456789abcdef" * 2

    def broken(*_: object, **__: object) -> None:
        raise NotSignedIn(f"The key {key} was refused.")

    monkeypatch.setenv("WANDB_API_KEY", key)
    monkeypatch.setattr(api.Warehouse, "query", broken)
    result = call("query", "runs", "--debug")
    assert result.code == 4
    assert key not in result.err
    assert "***" in result.err


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_while_a_query_runs(folder: Path) -> None:
    select = (
        "SELECT count(*) FROM range(9000000) a, range(9000000) b WHERE a.range % 7 = b.range % 5"
    )
    words = [sys.executable, "-m", "dakota_wh", "sql", select, "--warehouse", str(folder)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        try:
            time.sleep(2.5)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 130
    assert (out, err) == (b"", b"dakota-wh: interrupted\n")


def test_a_query_that_takes_too_long(call: Call, folder: Path) -> None:
    select = (
        "SELECT count(*) FROM range(9000000) a, range(9000000) b WHERE a.range % 7 = b.range % 5"
    )
    result = call("sql", select, "--timeout", "0.3", "--warehouse", folder)
    assert result.code == 1
    assert "--timeout" in result.err


@pytest.mark.parametrize("place", ["before", "after", "environment", "dotenv", "nowhere"])
def test_where_the_warehouse_is_named(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    words = ["runs", "--format", "csv"]
    if place == "before":
        words = ["--warehouse", str(folder), *words]
    elif place == "after":
        words += ["--warehouse", str(folder)]
        monkeypatch.setenv("DAKOTA_WH_DIR", "elsewhere")
    elif place == "environment":
        monkeypatch.setenv("DAKOTA_WH_DIR", str(folder))
        Path(".env").write_text("DAKOTA_WH_DIR=elsewhere\n")
    elif place == "dotenv":
        monkeypatch.setenv("DAKOTA_WH_DIR", "elsewhere")
        monkeypatch.delenv("DAKOTA_WH_DIR")  # whatever the program sets is undone
        Path(".env").write_text(f'DAKOTA_WH_DIR="{folder}"\nOTHER_THING=1\n')
    result = call(*words)
    assert result.code == (1 if place == "nowhere" else 0)
    assert ("demoorch" in result.out) == (place != "nowhere")
    assert "OTHER_THING" not in os.environ
    os.environ.pop("DAKOTA_WH_DIR", None)


def test_a_dotenv_in_another_encoding_is_told(call: Call) -> None:
    Path(".env").write_bytes("DAKOTA_WH_DIR=x".encode("utf-16"))
    result = call("views")
    assert result.code == 2
    assert "UTF-8" in result.err


def test_a_dotenv_replaces_no_variable(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would send whatever the environment holds to the server that the file names."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "word-of-mine")
    monkeypatch.setenv("WANDB_BASE_URL", "")
    monkeypatch.delenv("WANDB_BASE_URL")  # whatever the program sets is undone
    Path(".env").write_text("WANDB_BASE_URL=http://127.0.0.1:1/${AWS_SECRET_ACCESS_KEY}/$HOME\n")
    call("views")
    assert os.environ["WANDB_BASE_URL"] == "http://127.0.0.1:1/${AWS_SECRET_ACCESS_KEY}/$HOME"


@pytest.mark.parametrize("line", ["WANDB_X=a\0b", "WANDB_\0=a", "'WANDB_A=B'=c"])
def test_a_dotenv_with_what_is_no_variable_is_told(call: Call, line: str) -> None:
    Path(".env").write_text(f"{line}\n")
    result = call("views")
    assert result.code == 2
    assert "can be no variable" in result.err
    assert "unexpected" not in result.err


def test_a_dotenv_that_cannot_be_read_is_told(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read every file, so the system's refusal is made here."""
    Path(".env").write_text("DAKOTA_WH_DIR=x\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", ".env")

    monkeypatch.setattr("dotenv.dotenv_values", refuse)
    result = call("views")
    assert result.code == 2
    assert "cannot be read: Permission denied. Make it readable (chmod" in result.err


def test_a_key_in_base64_is_masked(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a server may say it that echoes the Authorization header."""
    key = "wandbKEY0123456789abcdef0123456789abcdef0123"
    basic = base64.b64encode(f"api:{key}".encode()).decode()
    monkeypatch.setenv("WANDB_API_KEY", key)
    for said in (key, basic):
        result = call("query", said)
        assert result.code != 0
        assert "***" in result.err
        assert said[8:-8] not in result.err


def test_a_process_gives_the_same_codes(dakota: Dakota) -> None:
    assert dakota("nope").returncode == 2
    assert dakota("--version").stdout.startswith(b"dakota-wh ")
    assert run(["--version"]) == 0
