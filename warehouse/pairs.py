"""Pairs that a person fixed: which orchestrator belongs to which trainer, whatever the scores say.

A pair is one small immutable file, ``pairs/role=orchestrator/run_id=<orchestrator>/pair-<id>``. It
belongs to no generation of a run, so an ingest, a rebuild or a removal of either run leaves it: it
waits while one of them is not there. Writing the file is one rename, and deleting it undoes it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from dakota_wh.errors import NotAWarehouse, NothingFound, UsageProblem, WarehouseError
from dakota_wh.warehouse.access import runs_must_be_listable
from dakota_wh.warehouse.layout import STATE_FOLDER, run_folder
from dakota_wh.warehouse.parquet import STAGED_SUFFIX, write_table
from dakota_wh.warehouse.run_row import newest

PAIRS: Final = pa.schema(
    [
        ("orchestrator_run_id", pa.string()),
        ("trainer_run_id", pa.string()),
        ("fixed_at", pa.timestamp("us")),
    ]
)
_TABLE: Final = "pairs"
_WAIT: Final = 60.0


@dataclass(frozen=True, slots=True)
class FixedPair:
    """A pair as it lies in its file."""

    orchestrator_run_id: str
    trainer_run_id: str
    path: Path


def fixed_pairs(root: Path) -> list[FixedPair]:
    """Return every pair that was fixed, sorted.

    Raises:
        NotAWarehouse: a file of one cannot be read.
        NotReadable: a folder of them cannot be listed.
    """
    runs_must_be_listable(root, _TABLE)
    found = []
    for path in (root / _TABLE / "role=orchestrator").glob("run_id=*/pair-*.parquet"):
        try:
            with pq.ParquetFile(path) as file:
                rows = file.read().to_pylist()
        except pa.ArrowException as error:
            raise NotAWarehouse(
                f"The fixed pair {path.name} cannot be read: it is damaged.",
                hint=f"Delete {path}, and fix the pair again.",
            ) from error
        found += [
            FixedPair(row["orchestrator_run_id"], row["trainer_run_id"], path) for row in rows
        ]
    return sorted(found, key=lambda pair: (pair.orchestrator_run_id, pair.trainer_run_id))


def fix(root: Path, orchestrator: str, trainer: str) -> bool:
    """Fix a pair of two stored runs; return whether it is new.

    Raises:
        UsageProblem: the two are one run, or their roles are the other way round.
        WarehouseError: one of them is in another fixed pair.
    """
    _check_roles(root, orchestrator, trainer)
    with turn(root):
        wanted = (orchestrator, trainer)
        for pair in fixed_pairs(root):
            stored = (pair.orchestrator_run_id, pair.trainer_run_id)
            if stored == wanted:
                return False
            if set(stored) & set(wanted):
                raise WarehouseError(
                    f"{stored[0]} and {stored[1]} are a fixed pair, and a run is in one at most.",
                    hint=f"Undo it first: dakota-wh pair {stored[0]} {stored[1]} --remove",
                )
        moment = datetime.now(UTC).replace(tzinfo=None)
        folder = run_folder(root, _TABLE, "orchestrator", orchestrator)
        values = {"orchestrator_run_id": [orchestrator], "trainer_run_id": [trainer]}
        table = pa.table({**values, "fixed_at": [moment]}, schema=PAIRS)
        write_table(folder / f"pair-{secrets.randbits(62):016x}.parquet", table)
    return True


def release(root: Path, orchestrator: str, trainer: str) -> None:
    """Undo a fixed pair; the scores decide again.

    Raises:
        NothingFound: the two are no fixed pair.
    """
    with turn(root):
        mine = [
            pair.path
            for pair in fixed_pairs(root)
            if (pair.orchestrator_run_id, pair.trainer_run_id) == (orchestrator, trainer)
        ]
        if not mine:
            raise NothingFound(
                f"{orchestrator} and {trainer} are no pair that was fixed by hand.",
                hint="Those that are: dakota-wh query fixed_pairs",
            )
        for path in mine:
            path.unlink()


def _check_roles(root: Path, orchestrator: str, trainer: str) -> None:
    if orchestrator == trainer:
        raise UsageProblem(f"A pair is of two runs, and {orchestrator} is one.")
    rows = [newest(root, run_id) for run_id in (orchestrator, trainer)]
    roles = tuple(row.role if row is not None else "unknown" for row in rows)
    if roles[0] == "trainer" or roles[1] == "orchestrator":
        raise UsageProblem(
            f"{orchestrator} is of role {roles[0]} and {trainer} of role {roles[1]}.",
            hint="The orchestrator comes first, then its trainer.",
        )


@contextmanager
def turn(root: Path) -> Iterator[None]:
    """Hold off other writers of pairs; what a killed one left goes first.

    Raises:
        WarehouseError: another process held the lock for too long.
    """
    folder = root / STATE_FOLDER / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "+pairs.lock").acquire(timeout=_WAIT):  # no run's id has a plus
            for path in (root / _TABLE).glob(f"role=orchestrator/run_id=*/.*{STAGED_SUFFIX}"):
                path.unlink(missing_ok=True)
            yield
    except Timeout as error:
        raise WarehouseError(
            f"Another process has held the pairs' lock for more than {_WAIT:.0f} s.",
            hint="Wait for it, or end it, and try again.",
        ) from error
