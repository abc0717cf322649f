"""``check``: findings on stdout, their count on stderr, and the exit code of a gate."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from dakota_wh import api
from tests.ingest.kit import Log

if TYPE_CHECKING:
    from tests.commands.conftest import Call

COLUMNS = ["severity", "run_id", "check", "metric", "what", "numbers", "evidence"]


def own(step: int) -> dict[str, float]:
    """What makes a run one of prime-rl, and a metric that never changes and need not."""
    return {"progress/ckpt_step": step, "lr": 0.5}


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse of one run with a dead component, and a reward that is a number once."""
    folder = tmp_path_factory.mktemp("sick")
    rows = [
        {"step": s, "reward/mean": s / 30, "metrics/a": s / 30, "metrics/dead": 0, **own(s)}
        for s in range(30)
    ]
    log = Log(folder, "r").begin("r").log(*rows).end()
    api.open(folder / "w").ingest(log.write())
    return folder / "w"


def test_table_and_exit_codes(call: Call, sick: Path) -> None:
    where = ("--warehouse", str(sick), "--format", "table")
    done = call("check", *where)
    assert done.code == 7
    assert "metrics/dead is 0 at all 30 steps" in done.out
    assert "SELECT" not in done.out
    assert done.err == "1 warning, 1 remark\n"
    for severity, code in (("info", 7), ("warning", 7), ("error", 0), ("never", 0)):
        assert call("check", "--fail-on", severity, *where).code == code


def test_json_has_numbers_and_runnable_evidence(call: Call, sick: Path) -> None:
    done = call("check", "r", "--warehouse", str(sick), "--format", "json")
    documents = json.loads(done.out)
    assert [list(document) for document in documents] == [COLUMNS] * 2
    dead = documents[0]
    assert (dead["severity"], dead["run_id"], dead["check"]) == ("warning", "r", "dead")
    assert dead["numbers"]["samples"] == 30
    assert dead["numbers"]["thresholds"] == {"least_samples": 10.0}
    shown = call("sql", dead["evidence"], "--warehouse", str(sick), "--format", "csv")
    assert (shown.code, shown.out) == (0, "step,value\n")


def test_other_formats(call: Call, sick: Path, tmp_path: Path) -> None:
    done = call("check", "--warehouse", str(sick), "--format", "csv")
    (header, dead, _) = csv.reader(io.StringIO(done.out))
    assert header == COLUMNS
    assert json.loads(dead[5])["samples"] == 30
    file = tmp_path / "findings.parquet"
    assert call("check", "--warehouse", str(sick), "-o", str(file)).code == 7
    with duckdb.connect() as connection:
        query = f"SELECT \"check\", numbers::JSON->>'samples' FROM '{file}'"
        assert connection.execute(query).fetchone() == ("dead", "30")


def test_nothing_found(call: Call, sick: Path) -> None:
    where = ("--warehouse", str(sick), "--set", "dead.least_samples=31")
    done = call("check", *where, "--set", "constant_others.least_samples=31", "--format", "table")
    assert done == (0, "", "nothing found\n")
    more = ("--set", "constant_others.least_samples=31", "--format", "json")
    assert call("check", *where, *more).out == "[]\n"


def test_required(call: Call, sick: Path) -> None:
    gate = ("check", "--fail-on", "error", "--warehouse", str(sick), "--format", "table")
    assert call(*gate, "--require-nonzero", "reward/mean").code == 0
    done = call(*gate, "--require-nonzero", "reward/mean", "--require-nonzero", "metrics/*")
    assert done.code == 7
    assert "metrics/dead is required" in done.out
    assert call(*gate, "--require-nonzero", "nope").code == 7


def test_rules_are_listed(call: Call, tmp_path: Path) -> None:
    done = call("check", "--rules", "--format", "csv", "--warehouse", str(tmp_path / "none"))
    assert done.code == 0
    rows = list(csv.DictReader(io.StringIO(done.out)))
    defaults = {(row["check"], row["parameter"]): row["default"] for row in rows}
    assert defaults["length_collapse", "least_drop"] == "0.5"
    assert ("required_nonzero", "required") not in defaults


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nope"], 3, "no run nope"),
        (["--set", "x.y=1"], 2, "no threshold"),
        (["--set", "dead.least_samples=many"], 2, "RULE.PARAMETER=NUMBER"),
        (["--set", "dead.least_samples=nan"], 2, "cannot be nan"),
        (["--set", "dead.least_samples=-1"], 2, "cannot be -1"),
        (["--require-nonzero", ""], 2, "needs a name"),
        (["--fail-on", "often"], 2, "often"),
    ],
)
def test_refusals(call: Call, sick: Path, words: list[str], code: int, said: str) -> None:
    done = call("check", *words, "--warehouse", str(sick))
    assert done.code == code
    assert said in done.err
    assert done.out == ""


def test_without_a_warehouse(call: Call, tmp_path: Path) -> None:
    assert call("check", "--warehouse", str(tmp_path / "none")).code == 1
