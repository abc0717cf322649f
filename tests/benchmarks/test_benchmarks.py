"""The programs in benchmarks/: listed, importable, and their value checks hold on small data."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import made_log, made_run
from benchmarks.agreement import Answer, must_agree
from benchmarks.attacks.attack import Attack
from benchmarks.programs import OTHERS, PROGRAMS
from dakota_wh import api
from tests.wandb_log import encoder

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAKOTA_WH_BENCHMARKS", str(tmp_path))


def test_the_list_names_every_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    named = [line.split()[0] for line in done.stdout.splitlines()]
    assert named == [*PROGRAMS, *OTHERS]
    assert all(len(line.split()) > 3 for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_has_both_sizes(name: str) -> None:
    module = import_module(f"benchmarks.{name}")
    assert callable(module.run)
    assert set(getattr(module, "SIZES", {"small": (), "full": ()})) == {"small", "full"}


@pytest.mark.parametrize("name", ["disk", "many_runs"])
def test_the_smallest_size_runs_through(name: str) -> None:
    text = import_module(f"benchmarks.{name}").run("small").text()
    assert "size small" in text
    assert text.count("\n| ") > 3
    assert "aim" not in text  # aims are for the full size


def test_an_attack_counts_its_tries_and_shows_its_faults() -> None:
    report = Attack("an attack", "small")
    report.tried("kills", 3)
    assert report.must("kills", True, "fine")
    assert "**3 tries, 0 faults.**" in report.text()
    assert not report.must("kills", False, "a run is gone")
    assert "**3 tries, 1 faults.**\n- kills: a run is gone" in report.text()


def test_answers_that_differ_end_the_program() -> None:
    reference: Answer = {("run", "reward"): (3, 0.5, None)}
    assert must_agree("same", {("run", "reward"): (3, 0.5 + 1e-12, None)}, reference) == 3
    others: list[Answer] = [
        {("run", "reward"): (3, 0.500001, None)},
        {("run", "reward"): (3, 0.5, 0.0)},
        {("run", "loss"): (3, 0.5, None)},
        {},
    ]
    for other in others:
        with pytest.raises(SystemExit):
            must_agree("other", other, reference)
    with pytest.raises(SystemExit):
        must_agree("nothing", {}, {})


def test_a_made_log_is_what_the_encoder_writes(tmp_path: Path) -> None:
    made = made_run.MadeRun("run", "name", ["loss", "reward"], 7, seed=5)
    made_log.write_log(made, tmp_path / "run.wandb")
    bodies = [(17, encoder.run("run", entity="acme", project="bench", name="name"))]
    (part,) = made_log.slices(made)
    columns = part.columns()
    for row in zip(*(column.tolist() for column in columns.values()), strict=True):
        items = [
            encoder.item([key], repr(value).removesuffix(".0"))
            for key, value in zip(columns, row, strict=True)
        ]
        bodies += [(2, encoder.history(items, step=None)), (3, encoder.changes(items))]
    bodies.append((18, encoder.number(2, 60)))
    assert (tmp_path / "run.wandb").read_bytes() == encoder.log(encoder.records(bodies))


def test_a_log_that_goes_on_is_read_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "offline-run-20260101_000000-run" / "run-run.wandb"
    log.parent.mkdir()
    made = made_run.MadeRun("run", "name", made_run.orchestrator_names(9), 300, seed=5)
    made_log.begin_log(made, log)
    warehouse = api.open(tmp_path / "warehouse")
    warehouse.ingest(log)
    more = made_run.MadeRun("run", "name", made.names, 40, seed=5, first=300)
    made_log.continue_log(more, log)
    (landed,) = warehouse.ingest(log)
    assert (landed.rows, landed.new_rows, landed.warnings) == (340, 40, ())
