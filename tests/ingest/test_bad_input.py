"""Bad input and a hostile system: one line for a person, the right exit code, nothing lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dakota_wh import api, cli
from dakota_wh.api import Warehouse
from dakota_wh.errors import NoSuchSource, NotAWarehouse, SourceProblem, WarehouseError
from dakota_wh.ingest.landed import Action
from dakota_wh.warehouse import parquet
from tests.ingest.kit import (
    Log,
    Row,
    assert_same,
    fails,
    land,
    parts,
    roles_on_disk,
    tables,
    tree,
    write_csv,
    write_json,
)

ROWS: list[Row] = [{"step": n, "reward/mean": n / 7} for n in range(20)]


def files(warehouse: Warehouse) -> dict[str, tuple[int, str]]:
    return {name: what for name, what in tree(warehouse.path).items() if ".lock" not in name}


@pytest.fixture
def filled(warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    """Give a warehouse that holds a run which must survive whatever comes."""
    land(warehouse, write_csv(tmp_path / "good", "good", ROWS))
    return warehouse


# Sources ------------------------------------------------------------------------------------------


def missing(folder: Path) -> Path:
    return folder / "nothing here"


def empty_folder(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def no_export(folder: Path) -> Path:
    (folder / "project").mkdir()
    (folder / "project" / "README.md").write_text("# a project")
    (folder / "project" / "data.csv").write_text("a,b\n1,2\n")
    (folder / "project" / "settings.json").write_text('{"a": 1}')
    return folder / "project"


def some_text(folder: Path) -> Path:
    (folder / "notes.txt").write_text("hello")
    return folder / "notes.txt"


def other_json(folder: Path) -> Path:
    (folder / "other.json").write_text('{"a": [1, 2]}')
    return folder / "other.json"


@pytest.mark.parametrize("make", [missing, empty_folder, no_export, some_text, other_json])
def test_nothing_to_ingest(
    filled: Warehouse, tmp_path: Path, make: Callable[[Path], Path], capsys: Any
) -> None:
    path = make(tmp_path)
    before = files(filled)
    landed = fails(filled, path)
    assert isinstance(landed.error, NoSuchSource)
    assert path.name in landed.error.message
    assert files(filled) == before
    check_command_line(filled, path, 3, capsys)


def no_step(folder: Path) -> Path:
    path = folder / "r_history.csv"
    path.write_text("step,loss\n0,1\n")
    return path


def half_a_json(folder: Path) -> Path:
    path = write_json(folder, "r", ROWS)
    path.write_bytes(path.read_bytes()[:-100])
    return path


def half_a_row(folder: Path) -> Path:
    path = folder / "r_history.csv"
    path.write_text("_step,loss\n0,1\n1\n")
    return path


def half_a_parquet(folder: Path) -> Path:
    path = folder / "r_history.parquet"
    parquet.write_table(path, pa.table({"_step": [0, 1], "loss": [1.0, 2.0]}))
    path.write_bytes(path.read_bytes()[:-20])
    return path


def half_a_summary(folder: Path) -> Path:
    path = write_csv(folder, "r", ROWS, summary={"_step": 19})
    (folder / "r_summary.json").write_text('{"_step": 1')
    return path


def no_log(folder: Path) -> Path:
    path = folder / "run-r.wandb"
    path.write_bytes(b"this is no log of W&B" * 100)
    return path


def newer_log(folder: Path) -> Path:
    path = Log(folder, "r").begin("r").log(*ROWS).write()
    data = bytearray(path.read_bytes())
    data[6] = 9
    path.write_bytes(data)
    return path


def binary_csv(folder: Path) -> Path:
    path = folder / "r_history.csv"
    path.write_bytes(b"_step,loss\n0,\xff\xfe\n")
    return path


BROKEN = [
    no_step,
    half_a_json,
    half_a_row,
    half_a_parquet,
    half_a_summary,
    no_log,
    newer_log,
    binary_csv,
]


@pytest.mark.parametrize("make", BROKEN)
def test_what_cannot_be_read(
    filled: Warehouse, tmp_path: Path, make: Callable[[Path], Path], capsys: Any
) -> None:
    path = make(tmp_path)
    before = files(filled)
    landed = fails(filled, path)
    assert isinstance(landed.error, SourceProblem), landed.error
    assert landed.error.message.split()[0].rstrip(":").split("/")[-1].startswith(("r_", "run-r"))
    assert files(filled) == before
    check_command_line(filled, path, 1, capsys)
    assert files(filled) == before


@pytest.mark.parametrize("make", BROKEN)
def test_a_broken_copy_does_not_replace_the_run(
    warehouse: Warehouse, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    land(warehouse, write_csv(tmp_path / "good", "r", ROWS))
    before = files(warehouse)
    fails(warehouse, make(tmp_path))
    assert files(warehouse) == before
    fails(warehouse, tmp_path / make(tmp_path).name if make is not newer_log else make(tmp_path))
    assert files(warehouse) == before


def test_nothing_is_made_for_what_is_not_there(warehouse: Warehouse, tmp_path: Path) -> None:
    fails(warehouse, missing(tmp_path))
    assert not warehouse.path.exists()


def test_one_broken_run_among_others(filled: Warehouse, tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "exports"
    write_csv(folder, "one", ROWS)
    no_step(folder)
    write_csv(folder, "two", ROWS)
    landed = {one.run_id: one for one in filled.ingest(folder)}
    assert {run_id for run_id, one in landed.items() if one.error} == {"r"}
    assert {row["run_id"] for row in filled.runs().dicts()} == {"good", "one", "two"}
    code = cli.run(["ingest", str(folder), "--warehouse", str(filled.path)])
    errors = capsys.readouterr().err.splitlines()
    assert code == 6
    assert "r_history.csv has no column _step" in "\n".join(errors)


def check_command_line(warehouse: Warehouse, path: Path, code: int, capsys: Any) -> None:
    capsys.readouterr()
    assert cli.run(["ingest", str(path), "--warehouse", str(warehouse.path)]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert shown.err.startswith("dakota-wh: ")
    assert "Traceback" not in shown.err


# The warehouse's folder ---------------------------------------------------------------------------


def test_a_warehouse_that_is_a_file(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    source = write_csv(tmp_path / "good", "good", ROWS)
    with pytest.raises(NotAWarehouse, match="is a file") as caught:
        api.open(path).ingest(source)
    assert "--warehouse" in caught.value.hint
    check_command_line(api.open(path), source, 1, capsys)
    assert path.read_text() == "mine"


def test_a_warehouse_below_a_file(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "file").write_text("mine")
    warehouse = api.open(tmp_path / "file" / "warehouse")
    source = write_csv(tmp_path / "good", "good", ROWS)
    with pytest.raises(NotAWarehouse):
        warehouse.ingest(source)
    check_command_line(warehouse, source, 1, capsys)


def failing(number: int, at: int | None = None) -> Callable[..., Any]:
    """Return a write that fails at the given call, counted from 0; None: at all of them."""
    write = parquet.write_batches
    calls = iter(range(10_000))

    def written(path: Path, *rest: Any) -> None:
        call = next(calls)
        if at is None or call == at:
            raise OSError(number, os.strerror(number), str(path))
        write(path, *rest)

    return written


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "Permission denied"), (errno.ENOSPC, "No space"), (errno.EROFS, "Read-only")],
)
def test_a_system_that_refuses_to_write(
    filled: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    number: int,
    words: str,
) -> None:
    source = write_csv(tmp_path / "new", "new", ROWS)
    before = files(filled)
    with monkeypatch.context() as patched:
        patched.setattr(parquet, "write_batches", failing(number))
        landed = fails(filled, source)
        check_command_line(filled, source, 1, capsys)
    assert words in landed.note
    assert "new" in landed.note
    assert "Nothing that was stored is lost" in landed.error.hint if landed.error else False
    assert files(filled) == before
    assert land(filled, source).action is Action.STORED


@pytest.mark.usefixtures("with_catalogue")
def test_a_warehouse_that_cannot_be_made(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_csv(tmp_path / "new", "new", ROWS)
    monkeypatch.setattr(parquet, "write_batches", failing(errno.EACCES))
    with pytest.raises(NotAWarehouse, match="cannot be written: Permission denied"):
        warehouse.ingest(source)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "new", "new", ROWS)
    (tmp_path / "closed").mkdir(mode=0o555)
    with pytest.raises(NotAWarehouse):
        api.open(tmp_path / "closed" / "warehouse").ingest(source)


# A disk that fills, and a process that dies, at every single step ---------------------------------


class Killed(BaseException):
    """As if the process ended here."""


def grow(folder: Path) -> tuple[Path, Log]:
    log = Log(folder, "r").begin("r", {"lr": 1}).log(*ROWS)
    return log.write(), log


@pytest.mark.parametrize("change", ["new", "grown", "whole", "moved"])
def test_every_write_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """After each failure the old state is there; after the last one the new state."""
    warehouse = api.open(tmp_path / "warehouse")
    land(warehouse, write_csv(tmp_path / "good", "good", ROWS))
    path, log = grow(tmp_path)
    if change != "new":
        land(warehouse, path)
    more: list[Row] = [{"step": 20 + n, "reward/mean": 1.5, "new key": n} for n in range(5)]
    if change == "whole":
        more = [{"step": n, "reward/mean": 2.5} for n in range(3)]
    if change == "moved":
        more = [{"step": 30, "loss/mean": 1, "optim/lr": 1, "entropy/mean": 1, "is_masked": 1}]
    if change != "new":
        log.log(*more).summarise({"reward/mean": 9}).end()
        log.write()
    before, failures = tables(warehouse), 0
    for at in range(100):
        with monkeypatch.context() as patched:
            patched.setattr(parquet, "write_batches", failing(errno.ENOSPC, at))
            (landed,) = warehouse.ingest(path)
        if landed.error is None:
            break
        failures += 1
        assert "No space left on device" in landed.note
        if change != "moved":  # a move is published twice: all of it under the old role, first
            assert_same(tables(warehouse), before)
        assert len(warehouse.query("history", runs=["good"])) == len(ROWS)
    assert failures >= 5
    fresh = api.open(tmp_path / "fresh")
    land(fresh, write_csv(tmp_path / "good", "good", ROWS))
    land(fresh, path)
    assert_same(tables(warehouse), tables(fresh))
    land(warehouse, path)
    assert len(roles_on_disk(warehouse, "r")) == 1


@pytest.mark.parametrize("at", range(6))
def test_a_killed_ingest_leaves_the_last_good_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Killed between the renames that bring the parts in, with no clean-up at all."""
    warehouse = api.open(tmp_path / "warehouse")
    path, log = grow(tmp_path)
    land(warehouse, path)
    before = tables(warehouse)
    log.log({"step": 20, "reward/mean": 1.5}).summarise({"reward/mean": 1.5}).end()
    log.write()
    replace = Path.replace
    moves = iter(range(100))

    def killed(self: Path, target: Path) -> Path:
        if "staging" in self.parts and not self.name.startswith(".") and next(moves) == at:
            raise Killed
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)
        try:
            warehouse.ingest(path)
        except Killed:
            assert_same(tables(warehouse), before)
    landed = land(warehouse, path)
    assert (landed.rows, landed.completeness) == (21, "complete")
    fresh = api.open(tmp_path / "fresh")
    land(fresh, path)
    assert_same(tables(warehouse), tables(fresh))
    land(warehouse, path)
    assert not (warehouse.path / ".dakota-wh" / "staging" / "r").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    words = ["-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if mount is None or unmount is None:
        pytest.skip("there is no mount")
    done = subprocess.run([mount, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run([unmount, str(place)], check=True)


@pytest.mark.usefixtures("with_catalogue")
def test_a_disk_that_is_full(small_disk: Path, tmp_path: Path, capsys: Any) -> None:
    import random

    warehouse = api.open(small_disk / "warehouse")
    land(warehouse, write_csv(tmp_path / "good", "good", ROWS))
    before = files(warehouse)
    numbers = random.Random(1)
    rows = [{f"k{n}": numbers.random() for n in range(20)} for _ in range(25_000)]
    big = write_csv(tmp_path / "big", "big", rows)
    landed = fails(warehouse, big)
    assert "No space left on device" in landed.note
    assert files(warehouse) == before
    check_command_line(warehouse, big, 1, capsys)
    assert files(warehouse) == before
    assert land(warehouse, write_csv(tmp_path / "more", "more", ROWS)).action is Action.STORED


def test_a_stored_part_that_is_damaged(warehouse: Warehouse, tmp_path: Path, capsys: Any) -> None:
    path, log = grow(tmp_path)
    land(warehouse, path)
    (part,) = parts(warehouse, "history", "r")
    part.write_bytes(part.read_bytes()[:-30])
    log.log({"step": 20, "reward/mean": 0.5})
    log.write()
    landed = fails(warehouse, path)
    assert "--force" in str(landed.error)
    check_command_line(warehouse, path, 1, capsys)
    assert land(warehouse, path, force=True).rows == 21
    land(warehouse, path)  # the damaged one stays for readers until the next ingest
    assert len(warehouse.query("history")) == 21


def test_json_of_the_outcome(filled: Warehouse, tmp_path: Path, capsys: Any) -> None:
    words = ["ingest", str(missing(tmp_path)), "--warehouse", str(filled.path), "--format", "json"]
    assert cli.run(words) == 3
    (outcome,) = json.loads(capsys.readouterr().out)
    assert outcome["action"] == "failed"


def test_every_error_has_a_hint(tmp_path: Path) -> None:
    for make in (*BROKEN, missing, empty_folder, no_export, some_text, other_json):
        folder = tmp_path / make.__name__
        folder.mkdir()
        (landed,) = api.open(tmp_path / "warehouse").ingest(make(folder))
        assert isinstance(landed.error, WarehouseError)
        assert landed.error.hint


def test_a_step_that_is_no_number_is_no_history(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "r_history.csv"
    path.write_text("_step,reward/mean\nabc,0.5\n", encoding="utf-8")
    (landed,) = warehouse.ingest(path)
    assert isinstance(landed.error, SourceProblem)
    assert "_step" in landed.error.message
    assert len(warehouse.runs()) == 0
