"""Readers beside writers, writers beside writers, and locks whose holders are dead."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.errors import WarehouseError
from dakota_wh.ingest.landed import Action
from dakota_wh.warehouse.layout import TABLES, stored_run_ids
from dakota_wh.warehouse.run_lock import run_lock
from tests.warehouse.kit import SHELL, constant_run, files_of, ingest, write_csv

METRICS = 8


def version(folder: Path, number: int, run_id: str = "run") -> Path:
    """Write a run in which everything says ``number``, and which has that many rows more."""
    rows = 300 + number
    metrics = {f"m/{i}": [float(number)] * rows for i in range(METRICS)}
    return write_csv(folder / f"v{number}", run_id, {"_step": range(rows), **metrics})


def writer(root: Path, rounds: int, sources: Sequence[Path]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.warehouse.writer",
            str(root),
            str(rounds),
            *map(str, sources),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def finished(process: subprocess.Popen[str]) -> int:
    """End a writer and return how often it ingested."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return int(out)


ASKED = [
    ("metrics", f"SELECT count(*) / {METRICS}, count(DISTINCT value), min(value) FROM metrics"),
    ("history", 'SELECT count(*), count(DISTINCT "m/3"), min("m/5") FROM history'),
    ("steps", "SELECT count(*), 1, max(step) - 299 FROM steps"),
    ("runs", "SELECT max(rows), count(*), max(last_step) - 299 FROM runs"),
    ("series", f"SELECT min(samples), count(*) / {METRICS}, max(samples) - 300 FROM series"),
]


def test_readers_see_old_or_new_while_a_run_is_replaced(tmp_path: Path) -> None:
    """Both engines ask all the while; the shell may fail, but never with a wrong answer."""
    root = tmp_path / "wh"
    sources = [version(tmp_path, number) for number in range(20)]
    ingest(root, sources[0])
    rounds = 90
    statements = [
        f"SELECT '{name}', x.* FROM ({question}) AS x;\n"
        for _ in range(rounds)
        for name, question in ASKED
    ]
    script, said, complaints = (tmp_path / name for name in ("script.sql", "said", "errors"))
    script.write_text("".join(statements))
    process = writer(root, 0, sources)
    go(process)
    options = ["-init", "/dev/null", "-readonly", "-csv", "-noheader"]
    with (
        script.open() as asked,
        said.open("w") as answers,
        complaints.open("w") as wrong,
    ):
        shell = subprocess.Popen(
            [str(SHELL), *options, str(root / "warehouse.duckdb")],
            stdin=asked,
            stdout=answers,
            stderr=wrong,
        )
        mine: Counter[str] = Counter()
        warehouse = open_warehouse(root)
        while shell.poll() is None:
            for name, question in ASKED:
                ((rows, kinds, value),) = warehouse.sql(question).rows()
                assert (rows, kinds) == (300 + value, 1), name
                mine[name] += 1
            ((rows, low, high),) = {
                (len(some), min(some), max(some))
                for some in [[r[-1] for r in warehouse.query("metrics", runs=["run"])]]
            }
            assert rows == METRICS * (300 + low)
            assert low == high
            mine["one run"] += 1
    errors = complaints.read_text()
    ingested = finished(process)
    seen = [line.split(",") for line in said.read_text().splitlines()]
    for name, rows, kinds, value in seen:
        assert (float(rows), float(kinds)) == (300 + float(value), 1), name
    failures = re.findall(r"^(\w+ Error)", errors, flags=re.MULTILINE)
    assert set(failures) <= {"IO Error", "Invalid Error"}, errors
    assert len(seen) + len(failures) >= len(statements)
    assert len(seen) > len(statements) // 2
    assert len({value for *_, value in seen}) > 2
    print(f"ingests {ingested}, our reads {dict(mine)}, shell {len(seen)}, failed {len(failures)}")


def test_two_writers_of_one_run(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    writers = [writer(root, 12, [version(tmp_path, n), version(tmp_path, n + 2)]) for n in (0, 1)]
    for process in writers:
        go(process)
    assert [finished(process) for process in writers] == [12, 12]
    warehouse = open_warehouse(root)
    for _, question in ASKED:
        ((rows, kinds, value),) = warehouse.sql(question).rows()
        assert (rows, kinds) == (300 + value, 1)
        assert value in (2, 3)
    ((generation,),) = warehouse.sql("SELECT generation FROM runs").rows()
    assert generation == 24, "each ingest was published, one after the other"
    ingest(root, version(tmp_path, int(value)))
    rest = [path for path in files_of(root) if "run_id=run" in path]
    assert len(rest) == len({Path(path).parent for path in rest})


def test_many_writers_begin_a_warehouse_together(tmp_path: Path) -> None:
    """The folder, its zero-row files and its catalogue are made by all of them at once."""
    runs = [constant_run(tmp_path / "in", f"run{n}", float(n)) for n in range(3)]
    processes = []
    for attempt in range(2):
        root = tmp_path / f"wh{attempt}"
        processes.append([writer(root, 1, [path]) for path in runs])
    for attempt, some in enumerate(processes):
        root = tmp_path / f"wh{attempt}"
        for process in some:
            go(process)
        assert [finished(process) for process in some] == [1, 1, 1]
        assert stored_run_ids(root) == [f"run{n}" for n in range(3)]
        assert len(open_warehouse(root).query("metrics")) == 3 * 50
        left = [path for path in files_of(root) if path.endswith(".tmp")]
        assert not left
        assert {path.name for path in root.iterdir()} >= {*TABLES, "warehouse.duckdb"}


def test_a_lock_whose_holder_is_dead_does_not_hold(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    code = (
        "import os, sys; from pathlib import Path\n"
        "from dakota_wh.warehouse.run_lock import run_lock\n"
        "lock = run_lock(Path(sys.argv[1]), 'run'); lock.__enter__(); print('held', flush=True)\n"
        "sys.stdin.readline(); os.kill(os.getpid(), 9)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        _held_by(holder, root)
    assert holder.returncode == -9
    assert (root / ".dakota-wh" / "locks" / "run.lock").exists()
    (landed,) = ingest(root, constant_run(tmp_path / "in", "run", 1.0))
    assert landed.action is Action.STORED


def _held_by(holder: subprocess.Popen[str], root: Path) -> None:
    """Check that a living holder is waited for, by this run's writers only; then let it die."""
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == "held\n"
    with (
        pytest.raises(WarehouseError, match="run is being ingested"),
        run_lock(root, "run", wait=0.2),
    ):
        pass
    with run_lock(root, "Run", wait=0.2), run_lock(root, "other", wait=0.2):
        pass
    holder.stdin.close()
