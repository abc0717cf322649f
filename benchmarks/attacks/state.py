"""What a warehouse says and holds, in forms that can be compared: answers, kinds of files."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import duckdb

from dakota_wh import api
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.integrity import examine, examine_schema
from dakota_wh.warehouse.layout import has_files

SHELL = Path(sys.executable).with_name("duckdb")
#: What differs between two ingests of the same content.
VOLATILE = frozenset({"ingested_at", "generation", "source_name"})

#: The rows of each view, in an order of their own: its run, ``""`` where it names none, and itself.
Answers = dict[str, list[tuple[str, str]]]


def answers(root: Path, names: Iterable[str] = ()) -> Answers:
    """Return what every view answers, by one connection of ours, without what is volatile."""
    wanted = list(names) or [view.name for view in api.open(root).views()]
    connection = connect(root, wanted)
    try:
        return {name: _rows(connection, f"SELECT * FROM {name}") for name in wanted}
    finally:
        connection.close()


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    answer = connection.execute(query)
    columns = [column[0] for column in answer.description or ()]
    kept = [at for at, name in enumerate(columns) if name not in VOLATILE]
    run = columns.index("run_id") if "run_id" in columns else None
    return sorted(
        ("" if run is None else row[run], repr([_rounded(row[at]) for at in kept]))
        for row in answer.fetchall()
    )


def of_run(found: Answers, run_id: str) -> Answers:
    """Return the rows of one run."""
    return {view: [row for row in rows if row[0] == run_id] for view, rows in found.items()}


def generations(root: Path) -> dict[str, int]:
    """Return how often each run was written anew; nothing if there is no warehouse."""
    if not has_files(root, "runs"):
        return {}
    connection = connect(root, ["runs"])
    try:
        return dict(connection.execute("SELECT run_id, generation FROM runs").fetchall())
    finally:
        connection.close()


def _rounded(cell: object) -> object:
    """Sums of floats depend on the order of their terms in the last bits."""
    return f"{cell:.11g}" if isinstance(cell, float) else cell


def differing(found: Answers, wanted: Answers) -> list[str]:
    """Return the views whose answers are not the same."""
    return [name for name in wanted if found.get(name) != wanted[name]]


def certificates(root: Path) -> list[str]:
    """Return in what the stored bytes and counts are not what each run's row says."""
    faults = [str(fault) for fault in examine_schema(root)]
    return faults + [f"{one.run_id}: {fault}" for one in examine(root) for fault in one.faults]


def kinds(root: Path) -> Counter[str]:
    """Return all files below a folder by kind: ids, generations and numbers are left out."""
    found: Counter[str] = Counter()
    for path in root.rglob("*"):
        if path.is_dir() and any(path.iterdir()):
            continue
        name = path.relative_to(root).as_posix() + ("/" if path.is_dir() else "")
        # Which locks there are depends on what was asked; they are empty and may stay.
        if not name.startswith(".dakota-wh/locks/"):
            found[re.sub(r"(?<=[-.])[0-9a-f]{8,}(?=[-.])", "#", name)] += 1
    for name in found:
        if name.startswith(".dakota-wh/gathered/"):
            found[name] = 1  # the one before may be there still, for its readers
    return found


def in_the_shell(root: Path, query: str) -> str:
    """Return what the older duckdb shell answers from the catalogue, as CSV.

    Raises:
        OSError: it fails.
    """
    done = subprocess.run(
        [str(SHELL), "-init", "/dev/null", "-readonly", "-csv", "-noheader",
         str(root / "warehouse.duckdb"), query],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode or done.stderr.strip():
        raise OSError(done.stderr.strip() or f"exit {done.returncode}")
    return done.stdout
