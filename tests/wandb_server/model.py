"""What the server serves: runs that grow, finish, are rewound and exported in part."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from .exact import Row, json_text
from .parquet import parquet_bytes

Value = TypeVar("Value")


class Overlap(Enum):
    """What the export and the live history give twice; W&B's own behaviour is not known."""

    NONE = "each row comes from one of them"
    EXPORT_ALSO_LIVE = "the last exported rows are still live"
    LIVE_ALSO_EXPORTED = "the files also hold the first live rows"
    WHOLE = "live history gives exported rows too, all of the window"


@dataclass
class ServedArtifact:
    """An artifact that a run logged."""

    name: str
    type: str = "run_table"
    version: int = 0
    size: int = 0
    file_count: int = 1
    step: int | None = None
    aliases: tuple[str, ...] = ("latest",)
    metadata: dict[str, Any] = field(default_factory=dict)
    digest: str = "d41d8cd98f00b204e9800998ecf8427e"


@dataclass
class ServedRun:
    """One run; change it at any time, the next request sees it.

    Give ``rows`` a new list, or use ``log``, rather than change a row that was served.
    """

    entity: str
    project: str
    id: str
    name: str = ""
    state: str = "finished"
    config: dict[str, Any] = field(default_factory=dict)
    raw_config: dict[str, Any] = field(default_factory=dict)  # beside config: "_wandb"
    summary: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    artifacts: list[ServedArtifact] = field(default_factory=list)
    group: str | None = None
    job_type: str | None = None
    tags: list[str] = field(default_factory=list)
    notes: str | None = None
    sweep: str | None = None
    commit: str | None = None
    username: str = "ann"
    created_at: str = "2026-01-02T03:04:05Z"
    heartbeat_at: str = "2026-01-02T04:04:05Z"
    system_metrics: dict[str, Any] = field(default_factory=dict)
    exported_up_to: int | None = None  # rows up to this step are in files
    exported_rows: list[Row] | None = None  # an export of an older state
    overlap: Overlap = Overlap.NONE
    overlap_steps: int = 10
    rows_per_file: int = 1_000_000
    row_group_size: int | None = None
    reverse_files: bool = False
    column_types: Mapping[str, Any] = field(default_factory=dict)
    parquet_files: list[bytes] | None = None  # instead of the files written from the rows
    claims: dict[str, Any] = field(default_factory=dict)  # replaces what the server says of it
    row_texts: dict[int, str] = field(default_factory=dict)  # of history, by step, even broken
    _memory: dict[str, tuple[Any, ...]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """Return entity, project and id."""
        return self.entity, self.project, self.id

    @property
    def last_step(self) -> int:
        """Return the last step logged, -1 for none."""
        return max((row["_step"] for row in self.rows), default=-1)

    def log(self, *rows: Row, heartbeat_at: str | None = None) -> None:
        """Append rows; the summary follows, as W&B's does."""
        self.rows = [*self.rows, *rows]
        for row in rows:
            self.summary = self.summary | row
        self.heartbeat_at = heartbeat_at or self.heartbeat_at

    def export(self, up_to: int | None = None) -> None:
        """Put the rows up to a step, by default all, in files."""
        self.exported_up_to = self.last_step if up_to is None else up_to

    def rewind(self, step: int) -> None:
        """Forget the rows after a step, also those in files."""
        self.rows = [row for row in self.rows if row["_step"] <= step]
        if self.exported_up_to is not None:
            self.exported_up_to = min(self.exported_up_to, step)

    def finish(self, state: str = "finished", *, export: bool = False) -> None:
        """End the run."""
        self.state = state
        if export:
            self.export()

    def first_live_step(self) -> int:
        """Return the step after the export, 0 where nothing is exported."""
        return 0 if self.exported_up_to is None else self.exported_up_to + 1

    def first_named_live(self) -> int:
        """Return the first step that the server names as not exported."""
        shared = self.overlap_steps if self.overlap is Overlap.EXPORT_ALSO_LIVE else 0
        return self.first_live_step() - shared

    def window(self, low: int, high: int) -> range | list[int]:
        """Return the positions of the rows with ``low <= _step < high`` that are live."""
        if self.overlap is not Overlap.WHOLE:
            low = max(low, self.first_named_live())
        steps, is_sorted = self.remembered("steps", self._steps)
        if is_sorted:
            return range(bisect_left(steps, low), bisect_left(steps, high))
        return [position for position, step in enumerate(steps) if low <= step < high]

    def texts(self) -> list[str]:
        """Return every row as JSON."""

        def build() -> list[str]:
            return [self.row_texts.get(row["_step"]) or json_text(row) for row in self.rows]

        return self.remembered("texts", build, sorted(self.row_texts.items()))

    def export_files(self) -> list[bytes]:
        """Return the Parquet files, in the order in which the server lists them."""
        if self.parquet_files is not None:
            files = self.parquet_files
        else:
            shape = (
                self.exported_up_to,
                self.overlap,
                self.overlap_steps,
                self.rows_per_file,
                self.row_group_size,
                self.exported_rows,
                dict(self.column_types),
            )
            files = self.remembered("files", self._write_files, shape)
        return files[::-1] if self.reverse_files else files

    def remembered(self, name: str, build: Callable[[], Value], shape: object = None) -> Value:
        """Return what was built of the same rows before, else build it."""
        rows, count = self.rows, len(self.rows)
        known = self._memory.get(name)
        if known is None or known[0] is not rows or known[1:3] != (count, shape):
            known = self._memory[name] = (rows, count, shape, build())
        found: Value = known[3]
        return found

    def _steps(self) -> tuple[list[int], bool]:
        steps = [row["_step"] for row in self.rows]
        return steps, steps == sorted(steps)

    def _write_files(self) -> list[bytes]:
        rows = self._rows_in_files()
        return [
            parquet_bytes(
                rows[start : start + self.rows_per_file], self.column_types, self.row_group_size
            )
            for start in range(0, len(rows), self.rows_per_file)
        ]

    def _rows_in_files(self) -> list[Row]:
        if self.exported_rows is not None:
            return self.exported_rows
        if self.exported_up_to is None:
            return []
        extra = self.overlap_steps if self.overlap is Overlap.LIVE_ALSO_EXPORTED else 0
        return [row for row in self.rows if row["_step"] <= self.exported_up_to + extra]
