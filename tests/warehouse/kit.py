"""Small runs that land in a warehouse, and what both engines see of them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from dakota_wh.api import open as open_warehouse
from dakota_wh.ingest.landed import Landed
from dakota_wh.sql import views
from dakota_wh.warehouse.connection import connect

SHELL = Path(sys.executable).with_name("duckdb")
REPOSITORY = Path(__file__).resolve().parents[2]

#: The stored tables, and some of what rests on them.
STATE: tuple[str, ...] = (
    *("runs", "history", "metrics", "series", "steps", "summary", "config"),
    *("reward_trends", "training_stats"),
)
#: What differs between two ingests of the same content.
VOLATILE = frozenset({"ingested_at", "generation", "source_name"})

Rows = list[tuple[Any, ...]]


def write_csv(
    folder: Path,
    run_id: str,
    columns: Mapping[str, Sequence[object]],
    *,
    summary: Mapping[str, object] | None = None,
    config: Mapping[str, object] | None = None,
) -> Path:
    """Write a run as a CSV export and return its history's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run_id}_history.csv"
    lines = [",".join(columns)]
    lines += [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for kind, tree in (("summary", summary), ("config", config)):
        if tree is not None:
            file = folder / f"{run_id}_{kind}.json"
            file.write_text(json.dumps(tree), encoding="utf-8")
    return path


def constant_run(folder: Path, run_id: str, value: float, *, steps: int = 25) -> Path:
    """Write a run in which everything says the same number."""
    return write_csv(
        folder,
        run_id,
        {
            "_step": range(steps),
            "_timestamp": [1000.5 + i for i in range(steps)],
            "_runtime": [i + 0.5 for i in range(steps)],
            "reward/mean": [value] * steps,
            "loss": [value] * steps,
            "note": [f"v{value}"] * steps,
        },
        summary={"_step": steps - 1, "reward/mean": value, "loss": value},
        config={"version": value},
    )


def write_json(
    folder: Path,
    run_id: str,
    rows: Sequence[Mapping[str, object]],
    *,
    entity: str = "me",
    project: str = "mine",
    config: Mapping[str, object] | None = None,
) -> Path:
    """Write a run as an all-in-one JSON export and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"export-{len(list(folder.iterdir()))}.json"
    info = {"id": run_id, "entity": entity, "project": project, "name": "n", "state": "finished"}
    content = {"run_info": info, "config": config or {}, "summary": {}, "history": rows}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def ingest(root: Path, *what: Path, **options: Any) -> list[Landed]:
    """Ingest and insist that it went well."""
    landed = open_warehouse(root).ingest(*what, **options)
    assert [one.error for one in landed] == [None] * len(landed)
    return landed


def few_views() -> SimpleNamespace:
    """Return what stands for the registry of views where a catalogue of a few is enough.

    Binding all of them takes most of a second, and most tests make several warehouses.
    """
    return SimpleNamespace(
        fingerprint=lambda: views.fingerprint(),
        all_views=lambda: [view for view in views.all_views() if view.name in STATE],
        aliases=lambda: {name: to for name, to in views.aliases().items() if name in STATE},
    )


def by_run(columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> dict[str, Rows]:
    """Return the rows of each run without its id and without what differs between ingests."""
    at = columns.index("run_id")
    kept = [i for i, name in enumerate(columns) if i != at and name not in VOLATILE]
    found: dict[str, Rows] = {}
    for row in rows:
        found.setdefault(row[at], []).append(tuple(row[i] for i in kept))
    return {run: sorted(some, key=repr) for run, some in found.items()}


def state(root: Path) -> dict[str, dict[str, Rows]]:
    """Return what the views say of each run, by view and run, in this process's DuckDB."""
    connection = connect(root, STATE)
    try:
        answers = {name: fetch(connection, f"SELECT * FROM {name}") for name in STATE}
    finally:
        connection.close()
    return {name: by_run(*answer) for name, answer in answers.items()}


def run_shell(root: Path, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a script in the real 1.5 shell on the warehouse's catalogue, read-only."""
    command = [str(SHELL), "-bail", "-init", "/dev/null", "-readonly", *options]
    return subprocess.run(
        [*command, str(root / "warehouse.duckdb")],
        input=script,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def shell_answers(
    root: Path, names: Sequence[str], *, before: str = ""
) -> dict[str, tuple[list[str], Rows]]:
    """Return columns and rows of relations as the 1.5 shell sees them."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / f"{i}.parquet" for i, name in enumerate(names)}
        copies = [f"COPY (SELECT * FROM {n}) TO '{p}';" for n, p in files.items()]
        done = run_shell(root, "\n".join([before, *copies, ""]))
        assert done.returncode == 0, done.stderr
        assert not done.stderr, done.stderr
        with duckdb.connect() as connection:
            return {name: fetch(connection, f"FROM '{path}'") for name, path in files.items()}


def shell_state(root: Path) -> dict[str, dict[str, Rows]]:
    """Return what :func:`state` does, as the 1.5 shell sees it."""
    return {name: by_run(*answer) for name, answer in shell_answers(root, STATE).items()}


def fetch(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], Rows]:
    """Return columns and rows of a query."""
    answer = connection.execute(query)
    return [column[0] for column in answer.description or ()], answer.fetchall()


def files_of(root: Path) -> dict[str, bytes]:
    """Return every file below a folder but the program's own small ones, with its content."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".dakota-wh" not in path.relative_to(root).parts
    }


def in_kill_lab(warm: list[dict[str, Any]], jobs: dict[str, Any]) -> dict[str, list[Any]]:
    """Run jobs in ``kill_lab.py``, after steps that nobody kills, and return its answers."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.warehouse.kill_lab"],
        input=json.dumps({"warm": warm, "jobs": jobs}),
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, list[Any]] = json.loads(done.stdout)
    return answers
