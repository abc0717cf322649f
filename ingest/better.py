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
    if new.source == stored.source == "wandb-api":
        if _replaces(stored, new):
            return ""
        return f"{has}; W&B now gave {new.rows} ({new.completeness}: {new.evidence}); {ask}"
    # A growing run lacks nothing but its end: with more rows than are stored it holds them all.
    grown = new.completeness == "growing" and new.rows > stored.rows
    if new.rows < stored.rows or (RANK[new.completeness] < RANK[stored.completeness] and not grown):
        return f"{has}; this source has {new.rows} ({new.completeness}); {ask}"
    if new.source != stored.source and new.rows == stored.rows and _worth(new) < _worth(stored):
        if _knows(new) < _knows(stored):
            return f"{has}, which also knows the run's name, state or config; {ask}"
        return f"{has}, a {stored.source}; this source, a {new.source}, adds nothing; {ask}"
    return ""


def _replaces(stored: RunRow, new: RunRow) -> bool:
    """Tell whether what the service gives of a run now may replace what it gave before.

    With fewer rows than before, or with others, the run was rewound if the service has given all
    that it says there is now. Else it has not given all, and a bad answer must not cost rows.
    """
    if stored.rows and not new.rows:
        return False
    settled = bool(new.resume_point().get("settled"))
    counted = new.expected_rows is not None and new.rows >= new.expected_rows
    if settled and counted and new.completeness in ("growing", "complete"):
        return True
    if stored.completeness == "complete" and new.completeness not in ("growing", "complete"):
        return False
    return new.rows >= stored.rows and _covers(new, stored)


def _covers(new: RunRow, stored: RunRow) -> bool:
    """Tell whether the steps of a run reach as far, at both ends, as those of another one."""
    if stored.first_step is None or stored.last_step is None:
        return True
    if new.first_step is None or new.last_step is None:
        return False
    return new.first_step <= stored.first_step and new.last_step >= stored.last_step


def _worth(row: RunRow) -> tuple[int, int, int]:
    return RANK[row.completeness], _knows(row), _FAITH.get(row.source, 0)


def _knows(row: RunRow) -> int:
    facts = (row.name, row.state, row.created_at, row.project, row.entity, row.run_group)
    return sum(fact is not None for fact in facts)
