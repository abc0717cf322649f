"""Names that others chose: no path leaves its folder, no SQL runs, no terminal or sheet obeys."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dakota_wh import api
from dakota_wh.agents.tools import Tools
from dakota_wh.rendering.as_json import json_text
from dakota_wh.rendering.values import shell_word
from tests.ingest.kit import Log
from tests.warehouse.kit import write_json

from .conftest import Call

NAMES = [
    "it's; DROP VIEW runs; --",
    'a"b',
    "../../outside",
    "..%2F..%2Foutside",
    "/etc/passwd",
    "C:\\x\\..",
    "two\nlines\r\nmore",
    "\x1b]0;title\x07\x1b[31mred",
    "\x9b31m\x90q",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "=HYPERLINK(\"http://x/?\"&A1)",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\u202eevil\u2066",
    "\u200b\ufeff",
    "{{7*7}}${7*7}%s%n",
    "$(touch outside)`touch outside`",
    "a|b]c[bold]x[/bold]",
    "NULL",
    "Case",
    "case",
    "é",
    "x" * 10_000,
]  # fmt: skip
#: A run's folder is a name of at most 255 bytes.
IDS = [name for name in NAMES if len(name) < 60]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse of runs whose ids, metrics, settings and texts are those names."""
    folder = tmp_path_factory.mktemp("names") / "inside"
    keys = [f"reward/{name}" for name in NAMES]
    rows: list[dict[str, Any]] = [
        {"_step": i, **{key: i * k for k, key in enumerate(keys)}, "note": NAMES[i % len(NAMES)]}
        for i in range(len(NAMES))
    ]
    config = {name: {name: name} for name in NAMES}
    place = folder / "in"
    export = write_json(place, "json", rows, entity=NAMES[0], project=NAMES[2], config=config)
    log = Log(folder, "log").begin("log", config, project=NAMES[9], name=NAMES[7]).log(*rows)
    table = place / "csv_history.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["_step", *keys, "note"])
        writer.writerows([row["_step"], *(row[key] for key in keys), row["note"]] for row in rows)
    warehouse = api.open(folder / "wh")
    landed = warehouse.ingest(export, log.write(), table)
    for name in IDS:
        few = [{"_step": i, "reward/mean": i, "note": name} for i in range(12)]
        landed += warehouse.ingest(write_json(folder / "ids", "r", few), store_as=name)
    assert [one.error for one in landed] == [None] * len(landed)
    return folder / "wh"


@pytest.fixture(autouse=True)
def nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test here open a connection to anything."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def outside(root: Path) -> set[str]:
    """Return what lies around the folder in which all was done, and at its top."""
    return {path.name for path in [*root.parents[1].iterdir(), *root.parent.iterdir()]}


def test_every_name_is_stored_as_it_is(root: Path) -> None:
    warehouse = api.open(root)
    assert {row["run_id"] for row in warehouse.runs().dicts()} == {"json", "log", "csv", *IDS}
    found = warehouse.sql("SELECT DISTINCT metric FROM metrics WHERE run_id = 'json'").rows()
    assert {f"reward/{name}" for name in NAMES} <= {metric for (metric,) in found}
    texts = {row["text"] for row in warehouse.query("config", runs=["json"]).dicts()}
    assert set(NAMES) <= texts
    for name in NAMES[:3] + NAMES[11:14]:  # as a pattern; a ? stands for any character, itself too
        values = warehouse.query("metrics", runs=["json"], metric=f"reward/{name}").rows()
        assert len(values) == len(NAMES)
    assert outside(root) == {"inside", "in", "ids", "wandb", "wh"}


def shown(call: Call, root: Path, *words: str) -> str:
    """Return what a command says to a person; nothing in it is a command to a terminal."""
    done = call(words[0], "--warehouse", root, *words[1:])
    assert done.code in (0, 7), done
    assert "unexpected" not in done.err
    said = done.out + done.err
    assert [c for c in said if not c.isprintable() and c != "\n"] == []
    return said


@pytest.mark.parametrize("name", [name for name in IDS if not name.isprintable()] + IDS[:3])
def test_a_run_is_shown_by_its_id(call: Call, root: Path, name: str) -> None:
    assert shown(call, root, "show", "--", name)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_a_word_to_copy_is_that_word_in_a_shell() -> None:
    words = [name for name in NAMES if len(name) < 99]
    script = "; ".join(f"printf '%s\\0' {shell_word(word)}" for word in words)
    assert script.isprintable()
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, timeout=20)
    assert done.stdout.decode().split("\0")[:-1] == words


@pytest.mark.parametrize(
    "words",
    [
        "runs --format table",
        "query metrics --run json --limit 90 --format table",
        "query config --format table --run log",
        "query history --run csv --limit 30 --format table",
        "query reward_trends --run json --format markdown",
        "check json --format table",
        "compare json log --format table",
        "plot json",
    ],
)
def test_nothing_speaks_to_the_terminal(call: Call, root: Path, words: str) -> None:
    assert shown(call, root, *words.split())


@pytest.mark.parametrize("format_", ["csv", "tsv"])
@pytest.mark.parametrize("view", ["runs", "config", "series", "reward_stats", "history"])
def test_no_cell_is_a_formula(call: Call, root: Path, view: str, format_: str) -> None:
    more = ["--run", "json"] if view == "history" else []
    done = call("query", view, "--format", format_, *more, "--warehouse", root)
    assert done.code == 0
    separator = "," if format_ == "csv" else "\t"
    rows = list(csv.reader(io.StringIO(done.out, newline=""), delimiter=separator))
    assert len({len(row) for row in rows}) == 1
    number = re.compile(r"[+-]?[0-9.]+(e[+-]?[0-9]+)?")
    live = [c for row in rows for c in row if c.strip()[:1] in tuple("=+-@＝＋－＠") and c]
    assert [cell for cell in live if not number.fullmatch(cell)] == []


def test_json_and_agents_get_the_exact_names(call: Call, root: Path) -> None:
    done = call("query", "runs", "--format", "json", "--warehouse", root)
    assert set(IDS) <= {row["run_id"] for row in json.loads(done.out)}
    answer = json.loads(json_text(Tools(api.open(root)).list_runs()))
    assert set(IDS) <= {row[0] for row in answer["rows"]}
    assert "DROP VIEW" not in Tools(api.open(root)).run_sql("SELECT 1 AS a")["rows"]


@pytest.mark.parametrize(
    "words",
    [
        "query reward_trends --metric {0}",
        "query runs --run {0}",
        "query {0}",
        "show {0}",
        "report {0} -o page.html",
        "plot {0} --metric {0}",
        "compare {0} json",
        "check {0} --require-nonzero {0}",
        "pair {0} json",
        "remove nobody{0} --yes",
        "export nobody{0} --local-only",
        "schema {0}",
    ],
)
def test_words_that_are_attacks_are_only_words(
    call: Call, root: Path, tmp_path: Path, words: str
) -> None:
    """Names that no run has, with a NUL and without: one line, an exit code, nothing done."""
    for name in ("x'; DROP VIEW runs; --\x1b[31m", "../../" + "x" * 10_000, "nul\x00"):
        done = call(*(word.format(name) for word in words.split()), "--warehouse", root)
        assert done.code in (0, 1, 2, 3), (words, name[:40], done.err[:300])
        assert "unexpected" not in done.err, done.err
        said = done.out + done.err
        assert [c for c in said if not c.isprintable() and c != "\n"] == []
        assert len(done.err.splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []
    assert len(api.open(root).runs()) == 3 + len(IDS)


def test_exports_stay_in_their_folder(call: Call, root: Path, tmp_path: Path) -> None:
    """What hostile names do in a page is tried in a browser, in tests/report."""
    for name in (name for name in IDS if "outside" in name or "etc" in name):
        done = call("export", "--local-only", "--format", "csv", "--output-dir", "out",
                    "--warehouse", root, "--", name)  # fmt: skip
        assert done.code == 0, done.err
        assert all(Path(line).resolve().is_relative_to(tmp_path) for line in done.out.splitlines())
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert outside(root) == {"inside", "in", "ids", "wandb", "wh"}


def test_a_name_that_no_folder_can_have_is_said(call: Call, root: Path) -> None:
    source = next((root.parent / "in").glob("*.json"))
    long = "too long"
    for name, why in (("x" * 10_000, long), ("a\x00b", "NUL"), ("\U0001f600" * 70, long)):
        done = call("ingest", source, "--as", name, "--warehouse", root)
        assert done.code in (1, 2, 6)
        assert why in done.err + done.out
        assert len(done.err.splitlines()) <= 3
