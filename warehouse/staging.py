"""A run's new parts while they are made: outside every reader's sight, one rename from being in.

The folder is the run's own and is emptied under the run's lock before each use, so what a killed
ingest left is gone with the next one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dakota_wh.warehouse.layout import STATE_FOLDER, encode_run_id, run_folder


def drop_staging(root: Path, run_id: str) -> None:
    """Delete what was being made of a run."""
    shutil.rmtree(root / STATE_FOLDER / "staging" / encode_run_id(run_id), ignore_errors=True)


@contextmanager
def staging(root: Path, run_id: str) -> Iterator[Path]:
    """Give an empty folder for the run's new parts; it is deleted at the end."""
    drop_staging(root, run_id)
    try:
        yield root / STATE_FOLDER / "staging" / encode_run_id(run_id)
    finally:
        drop_staging(root, run_id)


def move_in(staged: Path, root: Path, role: str, run_id: str, tables: Iterable[str]) -> list[Path]:
    """Move the staged parts of some tables to their final names; return those.

    No reader takes them for the run's until a published row names them.
    """
    moved: list[Path] = []
    for table in tables:
        target = run_folder(root, table, role, run_id)
        for part in sorted((staged / table).glob("*.parquet")):
            target.mkdir(parents=True, exist_ok=True)
            moved.append(part.replace(target / part.name))
    return moved
