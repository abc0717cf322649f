"""What a person sees on a terminal, and what a program sees without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dakota_wh.rendering.layout import width_of

from .conftest import Dakota, OnTerminal


@pytest.mark.parametrize("words", ["query reward_trends", "runs", "show demoorch", "views"])
def test_eighty_columns_are_enough(folder: Path, on_terminal: OnTerminal, words: str) -> None:
    seen = on_terminal(*words.split(), "--warehouse", folder, env={"NO_COLOR": "1"})
    lines = [line for line in seen.splitlines() if not line.startswith("  dakota-wh ")]
    assert all(width_of(line) <= 80 for line in lines)  # a command to copy stays on its line
    assert "\x1b" not in seen


def test_a_table_on_a_terminal_has_colours(folder: Path, on_terminal: OnTerminal) -> None:
    seen = on_terminal("query", "reward_trends", "--warehouse", folder, width=200)
    assert "\x1b[1m" in seen
    assert "metrics/exact_match_reward" in seen
    assert "0.27004" in seen


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_they_are_not_wanted(
    folder: Path, on_terminal: OnTerminal, env: dict[str, str]
) -> None:
    seen = on_terminal("query", "reward_trends", "--warehouse", folder, env=env)
    assert "\x1b" not in seen
    assert "reward" in seen


def test_very_narrow_terminals_get_records(folder: Path, on_terminal: OnTerminal) -> None:
    words = ("query", "reward_stats", "--limit", 2, "--warehouse", folder)
    seen = on_terminal(*words, width=40, env={"NO_COLOR": "1"})
    assert seen.splitlines()[0].split() == ["run_id", "demoorch"]


def test_columns_says_how_wide_it_is(folder: Path, on_terminal: OnTerminal) -> None:
    wide = on_terminal("runs", "--warehouse", folder, env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert "demo-grpo-orchestrator" in wide


def test_a_long_table_ends_and_says_so(folder: Path, on_terminal: OnTerminal) -> None:
    select = "SELECT range AS n FROM range(1200)"
    seen = on_terminal("sql", select, "--warehouse", folder, env={"NO_COLOR": "1"})
    assert "700 more rows are not shown" in seen
    assert len(seen.splitlines()) == 503


def test_data_cannot_speak_to_the_terminal(folder: Path, on_terminal: OnTerminal) -> None:
    select = "SELECT chr(27) || ']0;title' || chr(7) || '[bold]x[/bold]' AS text"
    seen = on_terminal("sql", select, "--warehouse", folder, env={"NO_COLOR": "1"})
    assert "\\x1b]0;title\\x07[bold]x[/bold]" in seen
    assert "\x1b" not in seen


def test_csv_in_a_pipe_and_talk_on_stderr(folder: Path, dakota: Dakota) -> None:
    done = dakota("query", "reward_trends", "--warehouse", folder)
    assert done.returncode == 0
    assert done.stdout.startswith(b"run_id,role,metric,samples,")
    assert done.stderr == b""
    done = dakota("query", "reward_trends", "--format", "table", "--warehouse", folder)
    assert done.stdout.startswith(b"run_id    role")
    assert b"\x1b" not in done.stdout


def test_parquet_does_not_go_to_a_terminal(folder: Path, on_terminal: OnTerminal) -> None:
    seen = on_terminal("runs", "--format", "parquet", "--warehouse", folder)
    assert seen == "dakota-wh: Parquet is not for a terminal. Write it to a file: -o FILE.parquet\n"


def test_ingest_draws_progress_on_a_terminal(
    tmp_path: Path, logs: Path, on_terminal: OnTerminal
) -> None:
    seen = on_terminal("ingest", logs, "--warehouse", tmp_path / "w")
    assert seen.rstrip().splitlines()[-1].startswith("stored     demotrnr  trainer")


def test_remove_asks(own_folder: Path, on_terminal: OnTerminal) -> None:
    seen = on_terminal("remove", "demoorch", "--warehouse", own_folder, keys="n\n")
    assert "Nothing was removed." in seen
    seen = on_terminal("remove", "demoorch", "--warehouse", own_folder, keys="y\n")
    assert "removed  demoorch" in seen
    seen = on_terminal("runs", "--warehouse", own_folder)
    assert "demoorch" not in seen


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_no_format_speaks_to_the_terminal(
    folder: Path, on_terminal: OnTerminal, dakota: Dakota, kind: str
) -> None:
    """Clear the screen, a bell, C1's CSI, and a text that turns the line round: all are spelled."""
    hostile = "\x1b[2Jä\x07\x9b31m\u202eevil"
    text = "chr(27) || '[2Jä' || chr(7) || chr(155) || '31m' || chr(8238) || 'evil'"
    words = ("sql", f"SELECT {text} AS a, 1 AS b", "--format", kind, "--warehouse", folder)
    seen = on_terminal(*words)
    assert "ä" in seen
    assert "evil" in seen
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & {*seen}
    piped = dakota(*words).stdout.decode()
    if kind == "json":
        assert json.loads(piped)[0]["a"] == hostile
        assert not {"\x9b", "\u202e"} & {*piped}
    else:
        assert hostile in piped  # a file or a pipe gets what is stored
