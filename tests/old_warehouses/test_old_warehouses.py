"""A warehouse of every released version opens in this one; a newer one is refused by name."""

from __future__ import annotations

import json
import math
import re
import subprocess
import tarfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.cli import COMMANDS, run
from dakota_wh.ingest.landed import Action
from dakota_wh.warehouse.integrity import examine
from dakota_wh.warehouse.layout import LAYOUT_VERSION
from tests.old_warehouses.make import answers, sources
from tests.warehouse.kit import constant_run, run_shell

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VERSIONS = sorted(path.name for path in HERE.iterdir() if (path / "warehouse.tar.xz").exists())
#: What a run's derivation anew may say otherwise, since rules of meaning may have grown.
MEANING = {"role_evidence", "step_evidence", "evidence", "dakota_wh"}


def unpacked(version: str, folder: Path) -> Path:
    """Put a fixture into a folder: the warehouse ``wh``, and what it said."""
    with tarfile.open(HERE / version / "warehouse.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    return folder / "wh"


def in_order(rows: list[dict[str, Any]], columns: list[str]) -> list[list[Any]]:
    """Return rows by their texts and whole numbers, since floats may differ in the last bits."""
    cells = [[row[name] for name in columns] for row in rows]
    return sorted(cells, key=lambda row: repr([c for c in row if not isinstance(c, float)]))


def same(cell: Any, wanted: Any) -> bool:
    if isinstance(cell, float) and isinstance(wanted, (int, float)):
        return math.isclose(cell, wanted, rel_tol=1e-9, abs_tol=1e-12)
    return bool(cell == wanted)


def agree(
    found: Mapping[str, list[dict[str, Any]]],
    wanted: Mapping[str, list[dict[str, Any]]],
    *,
    without: set[str] | None = None,
) -> None:
    """Check that views say what they said, in the columns that they had."""
    for relation, rows in wanted.items():
        mine = found[relation]
        assert len(mine) == len(rows), relation
        columns = [name for name in (rows[0] if rows else {}) if name not in (without or set())]
        for row, old in zip(in_order(mine, columns), in_order(rows, columns), strict=True):
            for name, cell, before in zip(columns, row, old, strict=True):
                assert same(cell, before), (relation, name, cell, before)


def test_every_released_version_has_a_fixture() -> None:
    """A section of the changelog or a tag is a release; make.py writes what it lacks."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = set(re.findall(r"^## \[?v?(\d+\.\d+\.\d+)", changelog, flags=re.MULTILINE))
    if (ROOT / ".git").exists():
        asked = subprocess.run(["git", "tag"], cwd=ROOT, capture_output=True, text=True, check=True)
        released |= set(re.findall(r"^v?(\d+\.\d+\.\d+)$", asked.stdout, flags=re.MULTILINE))
    missing = sorted(released - set(VERSIONS))
    assert not missing, f"python -m tests.old_warehouses.make, with the program of {missing}"
    written = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert written["project"]["version"] in VERSIONS, "of the version at hand there is one as well"
    for version in VERSIONS:
        size = sum(path.stat().st_size for path in (HERE / version).iterdir())
        assert size <= 60_000, f"{version} is too large to keep"


@pytest.mark.parametrize("version", VERSIONS)
def test_it_answers_as_it_did_and_goes_on(version: str, tmp_path: Path) -> None:
    root = unpacked(version, tmp_path)
    wanted = json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))
    agree(answers(root, list(wanted)), wanted)
    assert not [fault for one in examine(root) for fault in one.faults]
    shell = run_shell(root, "SELECT count(*) FROM runs;", "-csv", "-noheader")
    assert shell.stdout.strip() == str(len(wanted["runs_v1"])), shell.stderr
    # A new run, and those that are here once more: from the source, and derived anew.
    paths = sources(tmp_path / "in")
    landed = open_warehouse(root).ingest(*paths, constant_run(tmp_path / "in", "new", 1.0))
    assert [one.error for one in landed] == [None] * 4
    assert Action.STORED is landed[-1].action
    assert not any(one.error for one in open_warehouse(root).rebuild())
    open_warehouse(root).remove("new")
    agree(answers(root, list(wanted)), wanted, without=MEANING)
    assert not [fault for one in examine(root) for fault in one.faults]


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse one of whose runs a later program has stored."""
    folder = tmp_path_factory.mktemp("newer")
    root = unpacked(VERSIONS[-1], folder)
    sources(folder / "in")
    (path,) = root.glob("runs/role=*/run_id=orch/run-*.parquet")
    row = pq.read_table(path)
    place = row.schema.get_field_index("layout")
    layout = pa.array([LAYOUT_VERSION + 1], pa.int64())
    pq.write_table(row.set_column(place, "layout", layout), path)
    return root


#: What each command that reads a warehouse is asked; ``.`` stands for its folder's parent.
ASKED = {
    "ingest": "ingest {0}/in/orch",
    "watch": "watch {0}/in/orch --times 1",
    "query": "query reward_trends",
    "sql": "sql SELECT(1)FROM(runs)",
    "runs": "runs",
    "show": "show orch",
    "check": "check",
    "compare": "compare orch trainer",
    "plot": "plot orch",
    "report": "report orch -o {0}/page.html",
    "analyze": "analyze --orchestrator-run orch --local-only --output-dir {0}/a",
    "export": "export orch --local-only --output-dir {0}/e",
    "pair": "pair orch trainer",
    "rebuild": "rebuild",
    "remove": "remove orch --yes",
    "sync": "sync {0}/wh {0}/copy",
    "doctor": "doctor --offline",
}
#: These read none, or hand it to the duckdb shell, or wait for a client.
OTHERS = {"views", "schema", "shell", "completion", "mcp", "demo"}


@pytest.mark.parametrize("command", ASKED)
def test_a_newer_one_is_refused_by_every_command(
    newer: Path, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in newer.glob("*/role=[!z]*/*/*.parquet")}
    words = ASKED[command].format(newer.parent).split()
    if command != "sync":
        words += ["--warehouse", str(newer)]
    code = run(words)
    out, err = capfd.readouterr()
    assert code not in (0, 2), (out, err)
    said = " ".join((out + err).split())
    assert f"stored by a newer dakota-wh (layout {LAYOUT_VERSION + 1})" in said
    if command != "doctor":
        assert "unexpected" not in err
        assert "pip install -U dakota-wh" in said
    after = {path: path.read_bytes() for path in newer.glob("*/role=[!z]*/*/*.parquet")}
    orch = {path: content for path, content in before.items() if "run_id=orch" in path.parts}
    assert orch.items() <= after.items()


def test_every_command_was_asked() -> None:
    assert {*ASKED, *OTHERS} == {*COMMANDS}
