"""What one ingest leaves for the next: what the service said, and where the stored rows end."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from dakota_wh.ingest.source import KeyPath
from dakota_wh.ingest.wandb_api.step_block import StepBlock

#: Of the JSON below. An ingest that meets another one fetches everything anew.
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Resume:
    """Where to go on. ``digest`` is that of :class:`RunRecord`."""

    digest: str
    rows: int
    last_step: int | None
    #: Hash of the numbers of the rows at ``last_step``: another one means that the run was rewound.
    anchor: str
    line_count: int | None
    #: How many samples were asked for, None for all rows.
    sampled: int | None = None
    #: False where the service gave less than it says there is: then all is fetched again.
    settled: bool = True
    state: str = ""
    heartbeat: str | None = None
    #: The sum of ``_step`` over all rows where they were read in one pass, else 0.
    steps: int = 0
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """Return strict JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Resume | None:
        """Undo ``to_json``; None for what is not of this format."""
        if not data or data.get("format") != FORMAT:
            return None
        try:
            return cls(**data)
        except TypeError:
            return None


@dataclass(slots=True)
class Anchor:
    """The rows of the last step that went by."""

    step: int | None = None
    _rows: list[dict[KeyPath, float]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Return how many rows that step has."""
        return len(self._rows)

    def take(self, block: StepBlock) -> None:
        """Go on to the last step of a block."""
        if not len(block):
            return
        last = int(block.steps[-1])
        if last != self.step:
            self.step, self._rows = last, []
        start = int((block.steps < last).sum())
        self._rows += _numbers(block.slice(start, len(block)))

    def digest(self) -> str:
        """Return a hash that does not depend on where the rows were read, page or Parquet."""
        rows = [sorted([*path, repr(value)] for path, value in row.items()) for row in self._rows]
        return hashlib.blake2b(json.dumps(rows).encode(), digest_size=16).hexdigest()


def _numbers(block: StepBlock) -> list[dict[KeyPath, float]]:
    """Return the numbers of each row by key; what is no number is left out."""
    rows: list[dict[KeyPath, float]] = [{} for _ in range(len(block))]
    for path, array in block.columns.items():
        for row, cell in zip(rows, array.to_pylist(), strict=True):
            number = _number(cell)
            if number is not None:
                row[path] = number
    return rows


def _number(cell: object) -> float | None:
    if cell is None or isinstance(cell, bool):
        return None
    try:
        number = float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return 0.0 if number == 0 else (math.nan if math.isnan(number) else number)
