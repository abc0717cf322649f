"""What became of each run that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dakota_wh.errors import WarehouseError


class Action(StrEnum):
    """What an ingest did with a run."""

    STORED = "stored"  # all of it was written
    GREW = "grew"  # only what was new was written
    UNCHANGED = "unchanged"  # nothing was written
    KEPT = "kept"  # the warehouse has better than this source: nothing was written
    FAILED = "failed"  # nothing was written; ``error`` says why


@dataclass(frozen=True, slots=True)
class Landed:
    """One run's outcome."""

    run_id: str
    source_name: str  # short: "29hn8w98/29hn8w98_history.csv"
    action: Action
    role: str = "unknown"
    rows: int = 0  # log rows now stored
    new_rows: int = 0  # log rows that this ingest wrote
    completeness: str = "unknown"  # the certificate's verdict
    note: str = ""  # a sentence: the evidence, or why the stored one was kept
    warnings: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()  # a sentence for each stream that was asked for
    error: WarehouseError | None = None
