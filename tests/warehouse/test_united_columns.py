"""The columns that history has over many files are those that DuckDB's own union has."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dakota_wh.warehouse import gathered, live_files
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.relations import files_under
from dakota_wh.warehouse.united_columns import unite
from tests.warehouse.kit import ingest, write_json

KINDS = {"BOOLEAN": "true", "BIGINT": "7", "DOUBLE": "2.5", "VARCHAR": "'x'"}


def test_as_duckdb_unites_them(tmp_path: Path) -> None:
    """Any two types, names that differ in case, columns that come later."""
    first = {f"c{a}{b}": a for a, b in itertools.product(KINDS, KINDS)} | {"Loss": "BIGINT"}
    second = {f"C{a}{b}": b for a, b in itertools.product(KINDS, KINDS)} | {"it's": "DOUBLE"}
    third = {"it's": "BOOLEAN", "loss": "DOUBLE", "a.b": "VARCHAR"}
    layouts = []
    with duckdb.connect() as connection:
        for at, columns in enumerate((first, second, third)):
            cells = ", ".join(
                f'CAST({KINDS[kind]} AS {kind}) AS "{name}"' for name, kind in columns.items()
            )
            connection.execute(f"COPY (SELECT {cells}) TO '{tmp_path}/{at}.parquet'")
            layouts.append((tuple(columns), tuple(columns.values())))
        found = connection.execute(
            f"DESCRIBE FROM read_parquet('{tmp_path}/*.parquet', union_by_name = true)"
        ).fetchall()
    united = unite(layouts)
    assert united is not None
    assert list(united.items()) == [(row[0], row[1]) for row in found]


def test_a_type_that_history_has_not_is_left_to_duckdb() -> None:
    assert unite([(("a",), ("BIGINT[]",))]) is None


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give runs whose keys differ in type and case, gathered but for the last."""
    monkeypatch.setattr(gathered, "FEW", 3)
    found = tmp_path / "wh 'a' [b]*"
    logged: list[dict[str, object]] = [
        {"Loss": 1, "it's": 0.5},
        {"loss": 2.5, "flag": True},
        {"loss": 1, "LOSS": "n/a", "flag": 3, "z": None},
        {"flag": "on", "Z::json": 4.5, "a.b": 1, "a": {"b": 2}},
    ]
    for at, row in enumerate(logged):
        rows = [{"_step": step, **row} for step in range(3)]
        ingest(found, write_json(tmp_path / "in", f"Run-{at}", rows))
    return found


def asked(root: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    with closing(connect(root, ["history_v1"])) as connection:
        answer = connection.execute("FROM history_v1 ORDER BY run_id, _step")
        columns = [f"{name} {kind}" for name, kind, *_ in answer.description or ()]
        return columns, answer.fetchall()


def unites_itself(root: Path) -> bool:
    with duckdb.connect() as connection:
        files = files_under(root)
        live = live_files.live_files(connection, ["history"], files, root)
        return "schema = MAP" in live.bodies.get("stored_history", "")


def test_the_same_answer_as_without(root: Path, tmp_path: Path) -> None:
    found = asked(root)
    assert unites_itself(root)
    assert len(found[1]) == 12
    gathered.drop(root)
    assert not unites_itself(root)
    assert asked(root) == found


def test_a_run_that_is_written_anew(root: Path, tmp_path: Path) -> None:
    rows = [{"_step": step, "Loss": 1.5, "new": step} for step in range(4)]
    ingest(root, write_json(tmp_path / "again", "Run-0", rows), force=True)
    assert unites_itself(root)
    found = asked(root)
    assert any(name.startswith("new ") for name in found[0])
    gathered.drop(root)
    assert asked(root) == found


@pytest.mark.parametrize("damage", ["cut", "empty"])
def test_what_cannot_be_read_is_passed_by(root: Path, damage: str) -> None:
    found = asked(root)
    for path in gathered.folder_of(root).glob("history-*"):
        data = path.read_bytes()
        path.write_bytes({"cut": data[:-20], "empty": b""}[damage])
    assert not unites_itself(root)
    assert asked(root) == found
