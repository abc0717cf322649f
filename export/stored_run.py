"""One stored run, opened: its row, history, summary and config as of one moment."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from dakota_wh.errors import NoSuchRun
from dakota_wh.ingest.exports.own_export import MEMBER, OwnExport
from dakota_wh.ingest.source import KeyPath
from dakota_wh.warehouse import parts
from dakota_wh.warehouse.column_names import printed
from dakota_wh.warehouse.history import StoredHistory
from dakota_wh.warehouse.integrity import Fault, check_parts, damaged
from dakota_wh.warehouse.origin import have_parts
from dakota_wh.warehouse.run_row import RunRow, newest, row_files

_STEP: Final = ("_step",)
_SECOND: Final = ("_runtime",)

#: A run that is published twice while its files are being opened loses some of them.
_TRIES: Final = 6
_PAUSE: Final = 0.05

#: The tables that every export reads, and those that the views of the guide's numbers do.
_READ: Final = ("history", "summary", "config")
NUMBERS: Final = ("metrics", "series", "steps")

#: Cells that are held as text at once.
_CELLS: Final = 400_000


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run and its open history; ``columns`` gives each key's column, ``_step`` first."""

    row: RunRow
    history: StoredHistory
    summary: dict[str, Any]
    config: dict[str, Any]
    columns: dict[KeyPath, str]

    @property
    def batch_rows(self) -> int:
        """How many rows to take at once, so that a wide history takes no more room than a long."""
        return max(1, min(8192, _CELLS // len(self.columns)))

    def keys_of(self, names: Iterable[str]) -> list[KeyPath]:
        """Return the keys of columns or metrics; a metric's name may be two keys' in one run."""
        wanted = set(names)
        return [k for k, name in self.columns.items() if name in wanted or printed(k) in wanted]

    def info(self, files: list[str]) -> dict[str, Any]:
        """Return what names the run, in the words of W&B's exports, and what ``files`` need."""
        row = self.row
        return {
            "name": row.name,
            "id": row.run_id,
            "state": row.state,
            "created_at": None if row.created_at is None else f"{row.created_at.isoformat()}Z",
            "url": row.url,
            "project": row.project,
            "entity": row.entity,
            "group": row.run_group,
            "job_type": row.job_type,
            "notes": row.notes,
            "tags": json.loads(row.tags),
            "sweep_id": row.sweep_id,
            MEMBER: self.own(files).document(),
        }

    def own(self, files: list[str]) -> OwnExport:
        """Return what an export of ours says of itself."""
        row = self.row
        return OwnExport(
            run_id=row.run_id,
            rows=row.rows,
            completeness=row.completeness,
            evidence=row.evidence,
            sampled=row.sampled,
            expected_rows=row.expected_rows,
            lost_records=row.lost_records,
            lossy=json.loads(row.lossy),
            warnings=row.warning_list(),
            role_given=row.role if row.role_given else None,
            source=row.source,
            step_metrics=json.loads(row.step_metrics),
            segments=self._segments(),
            keys={name: list(key) for key, name in self.columns.items() if key != (name,)},
            files=files,
        )

    def _segments(self) -> list[list[int]]:
        """Return [first row, segment] wherever another segment begins."""
        found: list[list[int]] = []
        first = 0
        for segments in self.history.segments():
            starts = np.flatnonzero(np.diff(segments, prepend=-1))
            for start in starts:
                if not found or found[-1][1] != segments[start]:
                    found.append([first + int(start), int(segments[start])])
            first += len(segments)
        return found


@contextmanager
def opened_run(root: Path, run_id: str, beside: Sequence[str] = ()) -> Iterator[StoredRun]:
    """Open a stored run; later ingests change nothing of what is read.

    Every file is held to its stored hash first, so that nothing is written that was not stored;
    ``beside`` names further tables that the caller is going to ask.

    Raises:
        NoSuchRun: the warehouse has no such run.
        NotAWarehouse: its row cannot be read.
        WarehouseError: one of its files is damaged or missing.
    """
    with ExitStack() as stack:
        yield _open(root, run_id, (*_READ, *beside), stack)


def _open(root: Path, run_id: str, tables: Sequence[str], stack: ExitStack) -> StoredRun:
    fault = Fault(run_id, "", "")
    for attempt in range(_TRIES):
        row = newest(root, run_id)
        if row is None:
            raise NoSuchRun(
                f"The warehouse has no run {run_id}.", hint="What it has: dakota-wh runs"
            )
        try:
            have_parts(root, row_files(root, run_id), tables)
            check_parts(root, row, tables)
            history = StoredHistory(parts.paths_of(root, row, "history"))
            stack.enter_context(closing(history))
            summary, config = parts.stored_summary(root, row), parts.stored_config(root, row)
        except FileNotFoundError as error:
            fault = Fault(run_id, str(error.filename or error), "is missing")
        else:
            if history.rows == row.rows:
                return StoredRun(row, history, summary, config, _columns(history))
            told = f"history has {history.rows} rows where its certificate says {row.rows}"
            fault = Fault(run_id, "", told)
        if attempt < _TRIES - 1:
            time.sleep(_PAUSE)
    raise damaged(fault)


def _columns(history: StoredHistory) -> dict[KeyPath, str]:
    """Return the columns: ``_step`` is always there, and never alone, or CSV had blank lines."""
    names = history.names()
    own = {_STEP: "_step"} | ({} if set(names) - {_STEP} else {_SECOND: "_runtime"})
    return own | names
