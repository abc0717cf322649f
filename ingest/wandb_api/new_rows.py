"""The rows that came after those that are stored, or the finding that the run was changed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dakota_wh.ingest.wandb_api.client import Client
from dakota_wh.ingest.wandb_api.live import LiveHistory, Spool
from dakota_wh.ingest.wandb_api.resume import Anchor, Resume
from dakota_wh.ingest.wandb_api.run_record import RunRecord
from dakota_wh.ingest.wandb_api.step_block import StepBlock
from dakota_wh.ingest.wandb_api.whole_history import stop_step


@dataclass(slots=True)
class NewRows:
    """Rows beyond the last stored step, fetched and known to belong behind it."""

    live: LiveHistory
    spool: Spool
    after: int

    def blocks(self) -> Iterator[StepBlock]:
        """Yield them once; then the file in which they lay is gone."""
        try:
            yield from _beyond(self.live.blocks(self.spool.pages()), self.after)
        finally:
            self.spool.path.unlink(missing_ok=True)


def find_new_rows(
    client: Client, record: RunRecord, stored: Resume, folder: Path
) -> NewRows | None:
    """Return the new rows of a run; None where all must be fetched again.

    The last stored step is fetched once more: if its rows are not what they were, the run was
    rewound and has gone another way. The number of rows must be what the service counts, too.
    """
    if stored.last_step is None or stored.rows == 0:
        return None
    if record.last_step is not None and record.last_step < stored.last_step:
        return None
    expected = None
    if record.line_count is not None and stored.line_count is not None:
        expected = record.line_count - stored.line_count
        if expected < 0:
            return None
    live = LiveHistory(client, record.address)
    handle, name = tempfile.mkstemp(suffix=".jsonl", dir=folder)
    os.close(handle)
    spool = Spool(Path(name))
    stop = max(stop_step(record), stored.last_step + 1)
    spool.take(live.pages(stored.last_step, stop, None if expected is None else expected + 1))
    if _continues(live, spool, record, stored, expected):
        return NewRows(live, spool, stored.last_step)
    spool.path.unlink()
    return None


def _continues(
    live: LiveHistory, spool: Spool, record: RunRecord, stored: Resume, expected: int | None
) -> bool:
    """Tell whether the fetched rows begin with the last stored step and miss nothing."""
    anchor, new, last = Anchor(), 0, stored.last_step or 0
    for block in live.blocks(spool.pages()):
        same = int((block.steps == last).sum())
        before = int((block.steps < last).sum())
        if same:
            anchor.take(block.slice(before, before + same))
        beyond = block.steps[before + same :]
        new += int(beyond.size)
        last_seen = int(block.steps[-1])
    if anchor.step is None or anchor.digest() != stored.anchor:
        return False
    if record.last_step is not None and last_seen < record.last_step:
        return False
    return expected is None or new == expected


def _beyond(blocks: Iterator[StepBlock], step: int) -> Iterator[StepBlock]:
    for block in blocks:
        start = int(np.searchsorted(block.steps, step, side="right"))
        if start < len(block):
            yield block.slice(start, len(block))
