"""Pairs that a person fixes: before every score, through ingest and rebuild, until undone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dakota_wh.api import Warehouse
from dakota_wh.errors import (
    NoSuchRun,
    NotAWarehouse,
    NothingFound,
    UsageProblem,
    WarehouseError,
)
from dakota_wh.warehouse import pairs
from tests.ingest.kit import Log, Row, land, tree

START = 1_700_000_000.0


def log_of(folder: Path, run_id: str, *, start: float = 0.0, rows: int = 30) -> Path:
    """A run named after its role: ``o…`` an orchestrator, ``t…`` a trainer."""
    trainer = run_id[0] == "t"
    log = Log(folder, run_id).begin(run_id, start=int(start))
    for step in range(rows):
        time = START + start + 10 * step + (3 if trainer else 0)
        sides: tuple[Row, Row] = (
            {"reward/mean": step / rows, "progress/ckpt_step": step, "metrics/a": 0.5},
            {"loss/mean": -step / rows, "entropy/mean": 1.0, "optim/lr": 1e-6},
        )
        log.log({"step": step, "_timestamp": time, **sides[trainer]})
    return log.end().write()


Fill = Callable[..., None]


@pytest.fixture
def fill(warehouse: Warehouse, tmp_path: Path) -> Fill:
    def fill(*run_ids: str, **options: float) -> None:
        for run_id in run_ids:
            land(warehouse, log_of(tmp_path, run_id, **options))  # type: ignore[arg-type]

    return fill


def paired(warehouse: Warehouse) -> list[tuple[str, str, float | None, str]]:
    names = ("orchestrator_run_id", "trainer_run_id", "score", "evidence")
    return [tuple(row[n] for n in names) for row in warehouse.query("run_pairs").dicts()]


def test_fixed_before_scored_and_undone(warehouse: Warehouse, fill: Fill) -> None:
    fill("o1", "o2", "t1", "t2")
    assert paired(warehouse) == []  # all start at once: ambiguous
    assert warehouse.pair("o1", "t2")
    assert paired(warehouse)[0] == ("o1", "t2", None, "fixed by hand")
    (rest,) = paired(warehouse)[1:]
    assert rest[:2] == ("o2", "t1")  # the two that are left are no longer ambiguous
    candidates = warehouse.query("run_pair_candidates").dicts()
    assert [(c["orchestrator_run_id"], c["trainer_run_id"]) for c in candidates] == [("o2", "t1")]
    joined = warehouse.query("reward_loss_by_step", runs=["o1"]).dicts()
    assert [row["loss"] for row in joined] == [-step / 30 for step in range(30)]
    assert not warehouse.pair("o1", "t2")
    assert warehouse.pair("o1", "t2", remove=True)
    assert paired(warehouse) == []


def test_a_view_of_one_run_sees_its_partner(warehouse: Warehouse, fill: Fill) -> None:
    fill("o1", "t1")
    warehouse.pair("o1", "t1")
    (row,) = warehouse.query("run_overview", runs=["t1"]).dicts()
    assert (row["run_id"], row["partner_run_id"]) == ("t1", "o1")


def test_it_survives_ingest_rebuild_and_removal(
    warehouse: Warehouse, fill: Fill, tmp_path: Path
) -> None:
    fill("o1", "o2", "t1", "t2")
    warehouse.pair("o2", "t1")
    fill("o2", rows=40)
    for run_id in ("o2", "t1"):
        land(warehouse, log_of(tmp_path, run_id, rows=40), force=True)
    warehouse.rebuild()
    assert ("o2", "t1", None, "fixed by hand") in paired(warehouse)
    warehouse.remove("t1")
    assert [p[:2] for p in paired(warehouse)] == []  # o2 may be any candidate's again
    assert len(warehouse.query("fixed_pairs")) == 1
    fill("t1")
    assert ("o2", "t1", None, "fixed by hand") in paired(warehouse)
    warehouse.remove("t1")
    warehouse.pair("o2", "t1", remove=True)
    assert len(warehouse.query("fixed_pairs")) == 0


def test_a_pair_that_every_score_speaks_against(warehouse: Warehouse, fill: Fill) -> None:
    fill("o1", "t1")
    fill("t2", start=100_000.0)
    assert [p[:2] for p in paired(warehouse)] == [("o1", "t1")]
    warehouse.pair("o1", "t2")
    assert [p[:2] for p in paired(warehouse)] == [("o1", "t2")]


def test_a_run_of_any_role_can_be_fixed(warehouse: Warehouse, fill: Fill, tmp_path: Path) -> None:
    fill("t1")
    land(warehouse, log_of(tmp_path, "o1"), role="single")
    assert [p[:2] for p in paired(warehouse)] == [("o1", "o1")]
    warehouse.pair("o1", "t1")
    assert [p[:2] for p in paired(warehouse)] == [("o1", "t1")]


def test_refusals(warehouse: Warehouse, fill: Fill) -> None:
    with pytest.raises(NotAWarehouse):
        warehouse.pair("o1", "t1")
    fill("o1", "o2", "t1", "t2")
    with pytest.raises(NoSuchRun, match="no run nope"):
        warehouse.pair("o1", "nope")
    with pytest.raises(UsageProblem, match="is one"):
        warehouse.pair("o1", "o1")
    with pytest.raises(UsageProblem, match="The orchestrator comes first"):
        warehouse.pair("t1", "o1")
    with pytest.raises(NothingFound, match="query fixed_pairs"):
        warehouse.pair("o1", "t1", remove=True)
    warehouse.pair("o1", "t1")
    before = tree(warehouse.path / "pairs")
    for wanted in (("o1", "t2"), ("o2", "t1")):
        with pytest.raises(WarehouseError, match="pair o1 t1 --remove"):
            warehouse.pair(*wanted)
    assert not warehouse.pair("o1", "t1")
    assert tree(warehouse.path / "pairs") == before


def test_ids_that_no_folder_is_called_like(warehouse: Warehouse, tmp_path: Path) -> None:
    odd, trainer = "o/'../*=ü", "T"
    land(warehouse, log_of(tmp_path, "o1"), store_as=odd)
    land(warehouse, log_of(tmp_path, "t1"), store_as=trainer)
    warehouse.pair(odd, trainer)
    assert [p[:2] for p in paired(warehouse)] == [(odd, trainer)]
    (found,) = pairs.fixed_pairs(warehouse.path)
    assert found.path.is_relative_to(warehouse.path / "pairs" / "role=orchestrator")
    warehouse.pair(odd, trainer, remove=True)
    assert pairs.fixed_pairs(warehouse.path) == []


def test_what_a_killed_writer_left_and_a_damaged_file(warehouse: Warehouse, fill: Fill) -> None:
    fill("o1", "t1")
    folder = warehouse.path / "pairs" / "role=orchestrator" / "run_id=o1"
    folder.mkdir(parents=True)
    leftover = folder / ".pair-0000000000000001.parquet.tmp"
    leftover.write_bytes(b"PAR1 half")
    warehouse.pair("o1", "t1")
    assert not leftover.exists()
    (folder / "pair-0000000000000002.parquet").write_bytes(b"nothing")
    with pytest.raises(NotAWarehouse, match="damaged"):
        warehouse.pair("o1", "t1", remove=True)


def test_two_processes_do_not_pair_one_run_twice(warehouse: Warehouse, fill: Fill) -> None:
    fill("o1", "o2", "o3", "t1")
    code = (
        "import sys; from dakota_wh import open, errors\n"
        "try: open(sys.argv[1]).pair(sys.argv[2], 't1')\n"
        "except errors.WarehouseError: sys.exit(5)"
    )
    racers = [
        subprocess.Popen([sys.executable, "-c", code, str(warehouse.path), run])
        for run in ("o1", "o2", "o3")
    ]
    assert sorted(racer.wait(60) for racer in racers) == [0, 5, 5]
    assert len(pairs.fixed_pairs(warehouse.path)) == 1
