"""What the documentation shows is run: SQL in the older DuckDB's real shell, Python as it is."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dakota_wh import api, demo
from dakota_wh.cli import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"
SHELL = Path(sys.executable).with_name("duckdb")


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language on a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


QUERIES = blocks("cookbook.md", "sql")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the demo's warehouse."""
    root = tmp_path_factory.mktemp("docs") / "dakota-demo"
    api.open(root).ingest(demo.unpack(tmp_path_factory.mktemp("sample")))
    return root


def test_there_is_something_to_run() -> None:
    """A page whose blocks are no longer found would pass every other test."""
    assert len(QUERIES) >= 15
    assert len(blocks("python.md", "python")) >= 6


@pytest.mark.parametrize("query", QUERIES, ids=[f"query{i}" for i in range(len(QUERIES))])
def test_each_query_answers_in_the_older_shell(folder: Path, query: str) -> None:
    """It gives rows, and the same ones as here."""
    done = subprocess.run(
        [SHELL, "-readonly", "-csv", folder / "warehouse.duckdb"],
        input=query, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    shell = list(csv.DictReader(done.stdout.splitlines()))
    here = api.open(folder).sql(query)
    assert 0 < len(shell) == len(here)
    assert list(shell[0]) == here.columns


def test_the_python_page_runs(tmp_path: Path) -> None:
    """From its first line to its last, in one process and an empty folder."""
    program = "\n".join(blocks("python.md", "python"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "metrics/exact_match_reward is 0 at all 240 steps" in done.stdout
    assert "The warehouse has no run 29hn8w98." in done.stdout


def test_no_command_is_without_its_page() -> None:
    """The list is the program's own, so that a new command cannot be forgotten."""
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)$", text, re.MULTILINE) == list(COMMANDS)
