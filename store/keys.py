"""The names of a warehouse's objects, which are those of its files on disk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from dakota_wh.warehouse.layout import (
    PART_TABLES,
    ROLES,
    STATE_FOLDER,
    decode_run_id,
    encode_run_id,
)
from dakota_wh.warehouse.run_row import NamedFile, RunRow, generation_of

_ROLE: Final = "|".join(ROLES)
_ROW: Final = re.compile(
    rf"runs/role=(?:{_ROLE})/run_id=([a-z0-9_%A-F-]+)/run-[0-9]+-[0-9a-f]+\.parquet"
)
_PART: Final = re.compile(
    rf"(?:{'|'.join(PART_TABLES)})/role=(?:{_ROLE})/run_id=([a-z0-9_%A-F-]+)/part-[0-9a-f-]+\.parquet"
)
_PAIR: Final = re.compile(r"pairs/role=orchestrator/run_id=[a-z0-9_%A-F-]+/pair-[0-9a-f]+\.parquet")
#: The zero-row file by which a place is known as a warehouse.
MARK: Final = "runs/role=zz_schema/run_id=zz_schema/part-schema.parquet"


def run_of(key: str) -> str | None:
    """Return the run that a row's key belongs to; None if it is no key of a row."""
    found = _ROW.fullmatch(key)
    return decode_run_id(found[1]) if found else None


def run_of_part(key: str) -> str | None:
    """Return the run that a part's key belongs to; None if it is no key of a part of ours."""
    found = _PART.fullmatch(key)
    return decode_run_id(found[1]) if found else None


def is_pair(key: str) -> bool:
    """Return whether a key is that of a pair that was fixed."""
    return _PAIR.fullmatch(key) is not None


def order_of(key: str) -> tuple[int, str]:
    """Return what a run's rows are ordered by; the highest is the run."""
    return generation_of(PurePosixPath(key))


def rows_by_run(keys: Iterable[str]) -> dict[str, list[str]]:
    """Return the keys of rows by run, the oldest generation first."""
    found: dict[str, list[str]] = {}
    for key in keys:
        run = run_of(key)
        if run is not None:
            found.setdefault(run, []).append(key)
    return {run: sorted(rows, key=order_of) for run, rows in found.items()}


def folder_key(table: str, role: str, run_id: str) -> str:
    """Return the folder of one table of a run."""
    return f"{table}/role={role}/run_id={encode_run_id(run_id)}"


def row_key(row: RunRow) -> str:
    """Return the key of a row."""
    name = f"run-{row.generation:08d}-{row.publication:016x}.parquet"
    return f"{folder_key('runs', row.role, row.run_id)}/{name}"


def part_key(row: RunRow, file: NamedFile) -> str:
    """Return the key of a part that a row names."""
    return f"{folder_key(file.table, row.role, row.run_id)}/{file.name}"


def claims_folder(run_id: str) -> str:
    """Return the folder of a run's claims."""
    return f"{STATE_FOLDER}/claims/run_id={encode_run_id(run_id)}"
