"""``dakota-wh compare``: the page, the formats, the notes on stderr, the exit codes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import duckdb
import pytest

from dakota_wh.api import Warehouse
from dakota_wh.commands import compare as command
from dakota_wh.compare import alignment, comparison, settings

if TYPE_CHECKING:
    from tests.compare.conftest import Called

    Call = Callable[..., Called]

BASE, BOLD = "base=base0,base1,base2", "bold=bold0,bold1,bold2"


def test_a_page_of_two_runs(call: Call, seeds: Warehouse) -> None:
    done = call(seeds, "base0", "bold0", "--format", "table")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "baseline    base0 (single, complete)"
    assert lines[2] == "aligned on  step"
    assert "Last 25 % of the common range" in lines
    assert "All of the common range" in lines
    (reward, _) = [line.split() for line in lines if line.startswith("  reward ")]
    assert reward[-1] == "better"
    assert "Settings that differ" in lines
    assert "one run of its kind" in done.err
    assert done.err.startswith("dakota-wh: ")


@pytest.mark.parametrize("width", [80, 120])
def test_a_page_keeps_to_its_width(seeds: Warehouse, width: int) -> None:
    for what in (("base0", "bold0", "bold1"), (BASE, BOLD)):
        for line in command._page(seeds.compare(*what), width):
            assert len(line) <= width, line


def test_a_page_of_groups(call: Call, seeds: Warehouse) -> None:
    done = call(seeds, BASE, BOLD, "--format", "table", "--last", "0.5")
    assert done.code == 0
    assert "base: base0 (single, complete), base1" in done.out
    assert "Last 50 % of the common range: bold less base" in done.out
    assert "IQM" in done.out
    assert "With 3 seeds" in done.err


def test_json_has_everything(call: Call, seeds: Warehouse) -> None:
    done = call(seeds, BASE, BOLD, "--format", "json", "--metric", "reward", "--resamples", 200)
    document = json.loads(done.out)
    assert document["subjects"] == ["base", "bold"]
    assert (document["grouped"], document["resamples"]) == (True, 200)
    for name in comparison.TABLES:
        assert document[name], name
    assert document["notes"]


def test_tables_alone(call: Call, seeds: Warehouse) -> None:
    where = ("--metric", "reward", "--resamples", 100)
    for name in comparison.TABLES:
        done = call(seeds, BASE, BOLD, "--show", name, "--format", "json", *where)
        assert done.code == 0
        assert json.loads(done.out), name
    shown = call(seeds, "base0", "bold0", "--show", "scores", "--format", "table")
    assert shown.out.splitlines()[0].split()[:3] == ["metric", "kind", "window"]


def test_other_formats_have_the_differences(call: Call, seeds: Warehouse) -> None:
    done = call(seeds, "base0", "bold0", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert rows[0]["metric"] == "reward"
    assert float(rows[0]["low"]) < float(rows[0]["difference"]) < float(rows[0]["high"])
    for file in ("out.parquet", "out.md", "out.ndjson", "out.txt", "out.json"):
        assert call(seeds, "base0", "bold0", "-o", file).code == 0, file
    with duckdb.connect() as connection:
        query = "SELECT count(*), any_value(verdict) FROM 'out.parquet' WHERE metric = 'reward'"
        assert connection.execute(query).fetchone() == (2, "better")
    with open("out.json", encoding="utf-8") as opened:
        assert json.load(opened)["baseline"] == "base0"
    with open("out.txt", encoding="utf-8") as opened:
        assert opened.readline() == "baseline    base0 (single, complete)\n"


def test_groups_that_are_found(call: Call, seeds: Warehouse) -> None:
    done = call(seeds, "--by", "config", "--baseline", "lr=1e-05", "--format", "csv")
    assert done.code == 0
    (row, *_) = csv.DictReader(io.StringIO(done.out))
    assert (row["group"], row["baseline"], row["verdict"]) == ("lr=1e-06", "lr=1e-05", "worse")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "Name two runs"),
        (["base0"], 2, "Name two runs"),
        (["base0", "base0"], 2, "named twice"),
        (["base0", "nope"], 3, "no run nope"),
        (["base0", "bold0", "--metric", "nope*"], 3, "metric like"),
        (["base0", "bold0", "--last", "2"], 2, "common range"),
        (["base0", "bold0", "--align", "epochs"], 2, "epochs"),
        (["base0", "bold0", "--by", "lr"], 2, "grouped by"),
        (["--by", "group"], 3, "no group"),
        (["base0", "bold0", "-o", "x.docx"], 2, "does not say"),
    ],
)
def test_refusals(call: Call, seeds: Warehouse, words: list[str], code: int, said: str) -> None:
    done = call(seeds, *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_without_a_warehouse(call: Call, tmp_path: object) -> None:
    from dakota_wh import api

    assert call(api.open(f"{tmp_path}/none"), "a", "b").code == 1


def test_the_options_are_those_of_the_library() -> None:
    defaults = {p.name: p.default for p in command.command.params}
    library = settings.Settings()
    for name in ("align", "last", "confidence", "resamples", "seed"):
        assert defaults[name] == getattr(library, name), name
    assert command._AXES == alignment.AXES
    assert command._TABLES == comparison.TABLES
