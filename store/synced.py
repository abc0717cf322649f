"""What became of each run when a warehouse was copied."""

from __future__ import annotations

from dataclasses import dataclass

from dakota_wh.errors import WarehouseError


@dataclass(frozen=True, slots=True)
class Synced:
    """One run's outcome; of fixed pairs, which belong to no run, ``run_id`` is ``""``."""

    run_id: str
    #: copied, unchanged, left, removed, failed; with ``dry_run`` what would be.
    action: str
    #: Files that were written, and their size: parts, row, or pairs.
    files: int = 0
    bytes: int = 0
    #: Why it was left or failed.
    note: str = ""
    error: WarehouseError | None = None
