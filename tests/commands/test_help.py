"""Help is there for every command, its examples parse, and none of it needs heavy imports."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from dakota_wh.cli import COMMANDS, cli
from dakota_wh.commands.invocation import Command

from .conftest import ENVIRONMENT, Call

#: What no reading command may load; rich only where a terminal is.
HEAVY = (
    "wandb",
    "pyarrow",
    "numpy",
    "pandas",
    "polars",
    "rich",
    "dotenv",
    "http.client",
    "asyncio",
)

LOADED = """
import sys
from dakota_wh.cli import run
code = run(sys.argv[1:])
sys.stdout.flush()
print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""


def loaded_by(*words: str) -> str:
    """Return which of the heavy modules a call loads, as Python writes the list."""
    code = LOADED.format(heavy=(*HEAVY, "duckdb"))
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=ENVIRONMENT, capture_output=True, check=True
    )
    return done.stderr.decode().splitlines()[0]


@pytest.mark.parametrize(
    "words",
    [
        "query reward_trends W",
        "query reward_trends --format json W",
        "query runs --format table W",
        "sql SELECT+count(*)+FROM+metrics W",
        "runs W",
    ],
)
def test_asking_starts_light(folder: Path, words: str) -> None:
    args = [word.replace("+", " ") for word in words.split()[:-1]]
    assert loaded_by(*args, "--warehouse", str(folder)) == "['duckdb']"


@pytest.mark.parametrize(
    "words", ["--help", "--version", "", "views", "schema runs", "ingest --help", "demo --help"]
)
def test_reading_about_it_starts_lighter(words: str) -> None:
    assert loaded_by(*words.split()) == "[]"


def command(name: str) -> click.Command:
    """Return a command of the group."""
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def test_every_command_is_there_and_named_so() -> None:
    assert [command(name).name for name in COMMANDS] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help(call: Call, name: str, flag: str) -> None:
    result = call(name, flag)
    assert result.code == 0
    assert result.out.startswith(f"Usage: dakota-wh {name}")
    for line in (command(name).epilog or "").strip().splitlines():
        assert f"  {line}\n" in result.out  # verbatim, on one line


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_parse(name: str) -> None:
    found = command(name)
    assert isinstance(found, Command)
    examples = (found.epilog or "").strip().splitlines()
    assert 2 <= len(examples) <= 6
    assert any(example.startswith(f"dakota-wh {name}") for example in examples)
    for example in examples:
        words = shlex.split(example)
        assert words[0] == "dakota-wh"
        found = command(words[1])
        arguments = [word for word in words[2:] if word != "<"]
        cut = arguments.index(">") if ">" in arguments else None
        arguments = arguments[:cut] if "<" not in words else arguments[:-1]
        with click.Context(cli) as group, found.make_context(words[1], arguments, parent=group):
            pass


def test_the_group_lists_them_all(call: Call) -> None:
    for words in ((), ("--help",), ("-h",)):
        result = call(*words)
        assert result.code == 0
        assert all(f"  {name} " in result.out for name in COMMANDS)


def test_shell_completion_knows_the_commands() -> None:
    env = {**ENVIRONMENT, "_DAKOTA_WH_COMPLETE": "bash_complete", "COMP_WORDS": "dakota-wh qu"}
    done = subprocess.run(
        [sys.executable, "-m", "dakota_wh"],
        env={**env, "COMP_CWORD": "1"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"plain,query\n"


def test_views_and_schema(call: Call) -> None:
    views = json.loads(call("views", "--format", "json").out)
    assert {"runs", "history", "metrics", "reward_trends"} <= {view["view"] for view in views}
    assert all(view["description"] and view["row"] and view["versions"] for view in views)
    (schema,) = json.loads(call("schema", "reward_trends", "--format", "json").out)
    page = call("schema", "reward_trends").out
    assert all(column["name"] in page for column in schema["columns"])
    assert all(column["description"] in page for column in schema["columns"])
    assert schema["formula"] in page
    assert "SELECT" in call("schema", "reward_trends_v1", "--sql").out
    everything = call("schema").out
    assert all(f"{view['view']} (version" in everything for view in views)
    assert call("views", "-o", "views.parquet").code == 0
