"""All rows of a run: what is exported, what is live, and what is missing between them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from dakota_wh.ingest.wandb_api.client import Client
from dakota_wh.ingest.wandb_api.export_files import ExportFiles, open_exports
from dakota_wh.ingest.wandb_api.live import OPEN, LiveHistory, Spool
from dakota_wh.ingest.wandb_api.merge import Merged, Piece
from dakota_wh.ingest.wandb_api.page import Page
from dakota_wh.ingest.wandb_api.resume import Anchor
from dakota_wh.ingest.wandb_api.run_record import RunRecord, whole_number
from dakota_wh.ingest.wandb_api.step_block import StepBlock

#: Rows of a block where the public iterator has to serve.
_SCANNED: Final = 1_000


@dataclass(slots=True)
class WholeHistory:
    """The rows of a run, in the order of their steps. ``folder`` is private and empty."""

    client: Client
    record: RunRecord
    folder: Path
    merged: Merged = field(default_factory=Merged)
    exported_rows: int = 0
    scanned: bool = False

    def blocks(self) -> Iterator[StepBlock]:
        """Yield the rows; ``merged`` tells afterwards what there was."""
        exported = self.client.download_exports(self.record.address, self.folder)
        files = open_exports(self.record.address, exported.paths)
        self.exported_rows = files.rows
        yield from self.merged.blocks(self._pieces(files, exported.has_live_tail))

    def _pieces(self, files: ExportFiles, has_tail: bool) -> list[Piece]:
        """Return the rows that are exported and those that are not, the best first."""
        if not self.client.can_query:
            self.scanned = True
            return [*files.pieces(), Piece(self._scan())]
        live = LiveHistory(self.client, self.record.address)
        count, stop = self.record.line_count, stop_step(self.record)
        if not files.paths:
            return [Piece(live.blocks(live.pages_from(0, stop, count, enough(self.record, 0))))]
        if not has_tail and files.last_step + 1 >= stop and files.rows == count:
            return files.pieces()
        tail = Spool(self.folder / "tail.jsonl")
        expected = None if count is None else max(1, count - files.rows + 1)
        least = enough(self.record, files.rows)
        tail.take(live.pages_from(files.last_step, stop, expected, least))
        shared = _rows_at([Piece(live.blocks(tail.pages()))], files.last_step)
        if (
            shared.rows
            and shared.digest() != _rows_at(files.pieces(files.last_step), files.last_step).digest()
        ):
            # The run was rewound after it had been exported: what is live goes before.
            whole = live.pages_from(0, stop, count, enough(self.record, 0))
            return [Piece(live.blocks(whole)), *files.pieces()]
        pieces = [*files.pieces(), Piece(live.blocks(tail.pages()))]
        gap, beyond = files.gap(), tail.rows - shared.rows
        if gap is not None and (count is None or int(files.steps.size) + beyond < count):
            pieces.insert(len(files.paths), Piece(live.blocks(live.pages(*gap, count))))
        return pieces

    def _scan(self) -> Iterator[StepBlock]:
        """Yield the rows by the public iterator."""
        live = LiveHistory(self.client, self.record.address)
        texts: list[str] = []
        for row in self.client.scan(self.record.address):
            texts.append(json.dumps(row))
            if len(texts) == _SCANNED:
                yield live.block(Page.of(texts))
                texts = []
        if texts:
            yield live.block(Page.of(texts))


def stop_step(record: RunRecord) -> int:
    """Return the step after the last one that the service names; 0 for none."""
    named = (record.last_step, whole_number(record.summary.get("_step")))
    last = max((step for step in named if step is not None), default=-1)
    return min(last, OPEN - 1) + 1


def enough(record: RunRecord, have: int) -> int | None:
    """Return how many rows there must be beside those that are had, None where nobody says."""
    if record.line_count is None or (record.last_step is None and stop_step(record) == 0):
        return None
    return max(0, record.line_count - have)


def _rows_at(pieces: Iterable[Piece], step: int) -> Anchor:
    """Return the rows of a step, which is the first that pieces may have."""
    anchor = Anchor()
    for piece in pieces:
        for block in piece.blocks:
            stop = int(np.searchsorted(block.steps, step, side="right"))
            anchor.take(block.slice(0, stop))
            if stop < len(block):
                break
    return anchor
