"""When a stored run is kept although a source was named: what is worse never replaces better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dakota_wh.ingest.certificate import RANK
from dakota_wh.warehouse.run_row import RunRow

#: Of two sources that know the same, the one that keeps values as they were logged is better.
_FAITH: Final = {
    "wandb-log": 4,
    "wandb-api": 4,
    "parquet-export": 3,
    "json-export": 2,
    "csv-export": 1,
}


def why_kept(stored: RunRow, new: RunRow, missing: Sequence[str] = ()) -> str:
    """Return why the stored run is kept, or nothing when the new one may take its place.

    ``missing`` names what the stored run was read from and the new source does not have.
    """
    has = f"The warehouse has {stored.rows} rows ({stored.completeness}) from {stored.source_name}"
    ask = "to replace it all the same: --force"
    if missing:
        return (
            f"{has}; also from {', '.join(missing)}, which this source is without: "
            f"give the folder that holds all of the run; {ask}"
        )
    if new.source == stored.source == "wandb-api" and new.completeness in ("growing", "complete"):
        return ""  # the service has all of what the run is now: with fewer rows it was rewound
    # A growing run lacks nothing but its end: with more rows than are stored it holds them all.
    grown = new.completeness == "growing" and new.rows > stored.rows
    if new.rows < stored.rows or (RANK[new.completeness] < RANK[stored.completeness] and not grown):
        return f"{has}; this source has {new.rows} ({new.completeness}); {ask}"
    if new.source != stored.source and new.rows == stored.rows and _worth(new) < _worth(stored):
        if _knows(new) < _knows(stored):
            return f"{has}, which also knows the run's name, state or config; {ask}"
        return f"{has}, a {stored.source}; this source, a {new.source}, adds nothing; {ask}"
    return ""


def _worth(row: RunRow) -> tuple[int, int, int]:
    return RANK[row.completeness], _knows(row), _FAITH.get(row.source, 0)


def _knows(row: RunRow) -> int:
    facts = (row.name, row.state, row.created_at, row.project, row.entity, row.run_group)
    return sum(fact is not None for fact in facts)
