"""``warehouse.duckdb``: views that answer in the real 1.5 shell, and that nobody of ours opens."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dakota_wh.api import open as open_warehouse
from dakota_wh.sql import views
from dakota_wh.warehouse import catalogue, folder
from dakota_wh.warehouse.connection import connect
from tests.warehouse.kit import (
    SHELL,
    Rows,
    constant_run,
    fetch,
    ingest,
    run_shell,
    shell_answers,
    write_csv,
)


def pair_of_runs(tmp_path: Path, root: Path) -> None:
    """Ingest an orchestrator and its trainer, with values that are not finite."""
    steps = range(40)
    rewards = [0.1 * (i % 7) - 0.02 * i for i in steps]
    orchestrator = {
        "_step": steps,
        "_timestamp": [1000.0 + 10 * i for i in steps],
        "_runtime": [10.0 * i for i in steps],
        "step": steps,
        "reward/mean": [*rewards[:-1], "NaN"],
        "progress/train_samples": [8 * i for i in steps],
        "batch/async_level": [1] * 40,
        "text": ["word"] * 40,
    }
    trainer = {
        "_step": steps,
        "_timestamp": [1005.0 + 10 * i for i in steps],
        "_runtime": [10.0 * i for i in steps],
        "step": steps,
        "loss/mean": [1.0 / (i + 1) for i in steps],
        "optim/lr": [1e-6] * 40,
        "optim/grad_norm": [*["inf"], *[0.5] * 39],
    }
    for name, columns in (("orch", orchestrator), ("train", trainer)):
        role = {"orch": "orchestrator", "train": "trainer"}[name]
        path = write_csv(
            tmp_path / "in",
            name,
            columns,
            summary={"_step": 39},
            config={"model": {"name": "m"}, "max_steps": 40},
        )
        ingest(root, path, role=role)


def same(one: Rows, other: Rows) -> bool:
    """Return whether rows are equal in some order, floats to 1e-9."""

    def key(row: tuple[Any, ...]) -> str:
        return repr([cell for cell in row if not isinstance(cell, float)]) + repr(
            [f"{cell:.6g}" for cell in row if isinstance(cell, float)]
        )

    def equal(a: object, b: object) -> bool:
        if isinstance(a, float) and isinstance(b, float):
            return a == b or math.isclose(a, b, rel_tol=1e-9) or (a != a and b != b)
        return a == b and type(a) is type(b)

    rows = zip(sorted(one, key=key), sorted(other, key=key), strict=False)
    return len(one) == len(other) and all(map(equal, a, b) for a, b in rows if len(a) == len(b))


def mine(root: Path, names: list[str]) -> dict[str, tuple[list[str], Rows]]:
    connection = connect(root, names)
    try:
        return {name: fetch(connection, f"SELECT * FROM {name}") for name in names}
    finally:
        connection.close()


@pytest.mark.usefixtures("all_views")
@pytest.mark.parametrize("filled", [False, True], ids=["empty", "with runs"])
def test_every_view_answers_alike_in_both_engines(tmp_path: Path, filled: bool) -> None:
    root = tmp_path / "wh"
    if filled:
        pair_of_runs(tmp_path, root)
    else:
        folder.create(root)
        catalogue.ensure(root)
    names = list(views.aliases()) if filled else [view.relation for view in views.all_views()]
    shell, here = shell_answers(root, names), mine(root, names)
    for name in names:
        assert shell[name][0] == here[name][0], name
        assert same(shell[name][1], here[name][1]), name
        assert filled or not here[name][1], name
    if filled:
        for name in ("runs", "history", "metrics", "reward_trends", "reward_stats", "run_pairs"):
            assert here[name][1], f"{name} has rows to compare"


@pytest.mark.usefixtures("all_views")
def test_the_storage_is_of_the_oldest_readable_version(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    folder.create(root)
    catalogue.ensure(root)
    done = run_shell(root, "SELECT tags FROM duckdb_databases() WHERE NOT internal;", "-line")
    assert "v1.0.0" in done.stdout, done.stderr
    (counted,) = shell_answers(root, ["(SELECT count(*) FROM duckdb_tables())"]).values()
    assert counted[1] == [(0,)], "views and nothing else"
    comments = "(SELECT count(*) FROM duckdb_views() WHERE NOT internal AND comment IS NULL"
    comments += " AND view_name NOT LIKE 'stored%')"
    assert shell_answers(root, [comments])[comments][1] == [(0,)]


PLACES = [
    'it\'s "two" words;b--',
    "ünï 😀 tab\t new\nline pct%41 $HOME ~ #x",
    "[x]*?{a,b}",
    "role=x/run_id=zzz",
    "key=1/metric=m/_part=3/a=b",
]


@pytest.fixture(scope="module")
def made_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse of one run, to be copied."""
    folder = tmp_path_factory.mktemp("before")
    ingest(folder / "wh", constant_run(folder / "in", "Run", 2.5), role="trainer")
    return folder / "wh"


@pytest.mark.parametrize("place", PLACES)
def test_a_warehouse_may_lie_anywhere_and_move(
    tmp_path: Path, made_before: Path, place: str
) -> None:
    """Made at one place, read there by both engines; moved, read again; and no folder's name wins.

    A folder called ``name=value`` above the warehouse must not become a column of it.
    """
    second = tmp_path / place / "wh"
    shutil.copytree(made_before, second)
    questions = {
        "(SELECT run_id, role, rows FROM runs)": [("Run", "trainer", 25)],
        "(SELECT DISTINCT run_id, role, metric, value FROM metrics WHERE run_id = 'Run')": [
            ("Run", "trainer", "loss", 2.5),
            ("Run", "trainer", "reward/mean", 2.5),
        ],
        "(SELECT run_id, key, value FROM config)": [("Run", "version", 2.5)],
        "(SELECT count(*), min(_step) FROM history WHERE role = 'trainer')": [(25, 0)],
        "(SELECT count(*) FROM steps WHERE run_id = 'zzz' OR role = 'x')": [(0,)],
    }
    warehouse = open_warehouse(second)
    assert len(warehouse.query("metrics", runs=["Run"])) == 50  # which refreshes the catalogue
    columns = "run_id role _step _runtime _timestamp loss note::json reward/mean"
    assert warehouse.query("history").columns == columns.split()
    for question, expected in questions.items():
        assert sorted(warehouse.sql(question).rows()) == expected
    answers = shell_answers(second, list(questions))
    assert {q: sorted(rows) for q, (_, rows) in answers.items()} == questions
    ingest(second, constant_run(tmp_path / "in", "more", 3.5))
    assert len(warehouse.query("runs")) == 2


def test_a_moved_catalogue_can_be_told_the_place(tmp_path: Path) -> None:
    root, moved = tmp_path / "wh", tmp_path / "moved"
    ingest(root, constant_run(tmp_path / "in", "Run", 2.5))
    root.rename(moved)
    before = f"SET VARIABLE dakota_root = '{moved}';"
    ((_, rows),) = shell_answers(moved, ["metrics"], before=before).values()
    assert len(rows) == 50
    assert run_shell(moved, "FROM runs;").returncode != 0, "not told, it looks at the old place"
    open_warehouse(moved).query("runs")
    assert run_shell(moved, "FROM runs;").returncode == 0


def test_relative_and_linked_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "real" / "wh"
    ingest(root, constant_run(tmp_path / "in", "Run", 2.5))
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    for way in ("link/wh", "real/../real/wh", "./real//wh/", "real/wh/."):
        warehouse = open_warehouse(way)
        assert len(warehouse.query("metrics")) == 50, way
        assert warehouse.sql("SELECT run_id FROM runs").rows() == [("Run",)], way
        assert len(shell_answers(Path(way).absolute(), ["metrics"])["metrics"][1]) == 50, way


def test_it_comes_back_and_follows_the_views(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "wh"
    path = constant_run(tmp_path / "in", "Run", 2.5)
    ingest(root, path)
    file = root / "warehouse.duckdb"
    warehouse = open_warehouse(root)
    for again in (
        lambda: warehouse.query("runs"),
        lambda: warehouse.sql("SELECT 1"),
        lambda: ingest(root, path),
    ):
        file.unlink()
        again()
        assert len(shell_answers(root, ["metrics"])["metrics"][1]) == 50
    before = file.stat().st_ino
    warehouse.query("runs")
    assert file.stat().st_ino == before, "what is current stays"
    monkeypatch.setattr(views, "fingerprint", lambda: "of another version")
    warehouse.query("runs")
    assert file.stat().st_ino != before
    assert not catalogue.ensure(root)


@pytest.mark.skipif(os.name == "nt", reason="replacing an open file")
def test_garbage_in_its_place_harms_nobody_of_ours(tmp_path: Path) -> None:
    """Neither ingest, nor query, nor remove opens the file: they work, and it stays as it is."""
    root = tmp_path / "wh"
    ingest(root, constant_run(tmp_path / "in", "Run", 2.5))
    garbage = b"this is no database" * 100
    (root / "warehouse.duckdb").write_bytes(garbage)
    ingest(root, constant_run(tmp_path / "in", "more", 3.5))
    warehouse = open_warehouse(root)
    assert len(warehouse.query("metrics")) == 100
    assert warehouse.sql("SELECT count(*) FROM runs").rows() == [(2,)]
    warehouse.remove("more")
    assert (root / "warehouse.duckdb").read_bytes() == garbage
    warehouse.rebuild()
    assert len(shell_answers(root, ["runs"])["runs"][1]) == 1


@contextmanager
def shell_open(root: Path, client: str) -> Iterator[Any]:
    """Open the catalogue read-write in another process, and give what asks it a question."""
    if client == "shell 1.5":
        command = [str(SHELL), "-init", "/dev/null", str(root / "warehouse.duckdb")]
    else:
        code = (
            "import duckdb, sys\n"
            "connection = duckdb.connect(sys.argv[1])\n"
            "for line in sys.stdin: connection.execute(line)\n"
        )
        command = [sys.executable, "-c", code, str(root / "warehouse.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        numbers = iter(range(100))

        def ask(question: str) -> list[tuple[Any, ...]]:
            assert process.stdin is not None
            answer = root.parent / f"answer{next(numbers)}.csv"
            process.stdin.write(f"{question};\n")
            process.stdin.write(f"COPY (SELECT count(*) FROM runs) TO '{answer}' (HEADER false);\n")
            process.stdin.flush()
            deadline = time.monotonic() + 20
            while not (answer.is_file() and re.fullmatch(r"\d+\n", answer.read_text())):
                assert process.poll() is None, "the shell died"
                assert time.monotonic() < deadline, "the shell does not answer"
                time.sleep(0.02)
            return [(int(answer.read_text()),)]

        try:
            yield ask
        finally:
            assert process.stdin is not None
            process.stdin.close()


@pytest.mark.parametrize("client", ["shell 1.5", "python 2"])
def test_a_shell_that_writes_blocks_nobody_and_sees_new_runs(
    tmp_path: Path, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "wh"
    ingest(root, constant_run(tmp_path / "in", "one", 1.0))
    warehouse = open_warehouse(root)
    with shell_open(root, client) as ask:
        assert ask("SELECT 1") == [(1,)]
        with pytest.raises(duckdb.IOException):  # it does hold the file
            duckdb.connect(str(root / "warehouse.duckdb"), read_only=True)
        ingest(root, constant_run(tmp_path / "in", "two", 2.0))
        assert ask("SELECT 2") == [(2,)]
        ask("CREATE TABLE mine AS SELECT range AS i FROM range(1000)")
        ask("BEGIN")
        ask("INSERT INTO mine SELECT range FROM range(1000)")
        log = root / "warehouse.duckdb.wal"
        assert log.stat().st_size > 0
        ingest(root, constant_run(tmp_path / "in", "three", 3.0))
        assert len(warehouse.query("runs")) == 3
        assert ask("SELECT 3") == [(3,)]
        # New views meanwhile: the file waits until the shell's log is gone.
        inode = (root / "warehouse.duckdb").stat().st_ino
        with monkeypatch.context() as patch:
            patch.setattr(views, "fingerprint", lambda: "of another version")
            assert len(warehouse.query("runs")) == 3
            ingest(root, constant_run(tmp_path / "in", "four", 4.0))
        assert (root / "warehouse.duckdb").stat().st_ino == inode
        warehouse.remove("one")
        assert ask("COMMIT") == [(3,)]
    assert len(shell_answers(root, ["metrics"])["metrics"][1]) == 3 * 50
    mine_too = "(SELECT count(*) FROM mine)"
    assert shell_answers(root, [mine_too])[mine_too][1] == [(2000,)]
