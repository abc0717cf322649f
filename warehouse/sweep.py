"""What a killed ingest or an earlier generation left behind."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dakota_wh.errors import UsageProblem, WarehouseError
from dakota_wh.warehouse.layout import (
    PART_TABLES,
    ROLES,
    decode_run_id,
    is_stored,
    part_of,
    run_folders,
)
from dakota_wh.warehouse.parquet import STAGED_SUFFIX
from dakota_wh.warehouse.run_lock import run_lock
from dakota_wh.warehouse.run_row import RunRow, live_parts, row_files
from dakota_wh.warehouse.staging import drop_staging


def sweep(root: Path, run_id: str, live: RunRow | None) -> list[Path]:
    """Delete every file of the run that its live row does not name; return what was deleted.

    Called under the run's lock, so a part without a row belongs to no writer that still lives. A
    row goes before the parts it names: a reader that lists no part of it cannot open it either,
    and fails, where else it would take the run for empty.
    """
    kept = live_parts(live) if live is not None else frozenset()
    gone: list[Path] = row_files(root, run_id)[:-1] if live is not None else []
    for table in PART_TABLES:
        for folder in run_folders(root, table, run_id):
            gone += [p for p in folder.glob("*.parquet") if not _is_kept(p, kept)]
    gone += half_written(root, run_id)
    for path in gone:
        path.unlink(missing_ok=True)
    drop_staging(root, run_id)
    _drop_empty_folders(root, run_id)
    return gone


def half_written(root: Path, run_id: str) -> list[Path]:
    """Return the run's files that have no name yet: a dead writer's, where its lock is held."""
    return [
        path
        for table in (*PART_TABLES, "runs")
        for folder in run_folders(root, table, run_id)
        for path in folder.glob(f".*{STAGED_SUFFIX}")
    ]


def is_left_behind(root: Path, run_id: str) -> bool:
    """Return whether a run has files and no row: a removal or a first ingest was killed."""
    try:
        here = any(any(run_folders(root, table, run_id)) for table in (*PART_TABLES, "runs"))
    except UsageProblem:  # no run can have that id
        return False
    return here and not is_stored(root, run_id)


def sweep_left_behind(root: Path) -> None:
    """Delete the files of runs that have no row, but for those that are being written now."""
    here = {
        decode_run_id(folder.name.removeprefix("run_id="))
        for table in (*PART_TABLES, "runs")
        for role in ROLES
        for folder in (root / table / f"role={role}").glob("run_id=*")
    }
    for run_id in sorted(run_id for run_id in here if is_left_behind(root, run_id)):
        with suppress(WarehouseError), run_lock(root, run_id, wait=0.0):
            if is_left_behind(root, run_id):
                sweep(root, run_id, None)


def _is_kept(path: Path, kept: frozenset[int]) -> bool:
    part = part_of(path)
    return part is None or part in kept  # None: no name of ours, somebody else's file


def remove_run(root: Path, run_id: str) -> None:
    """Delete a run. The oldest row goes first: the last row's deletion is the one moment of it."""
    for path in row_files(root, run_id):
        path.unlink(missing_ok=True)
    sweep(root, run_id, None)


def _drop_empty_folders(root: Path, run_id: str) -> None:
    for table in (*PART_TABLES, "runs"):
        for folder in run_folders(root, table, run_id):
            with suppress(OSError):  # not empty
                folder.rmdir()
