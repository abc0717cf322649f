"""All rows of a run: what is exported, what is live, and what is missing between them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dakota_wh.ingest.wandb_api.client import Client
from dakota_wh.ingest.wandb_api.export_files import ExportFiles, open_exports
from dakota_wh.ingest.wandb_api.live import LiveHistory, Spool
from dakota_wh.ingest.wandb_api.merge import Merged
from dakota_wh.ingest.wandb_api.page import Page
from dakota_wh.ingest.wandb_api.run_record import RunRecord
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
        pieces = [*files.pieces(), *self._live(files, exported.has_live_tail)]
        yield from self.merged.blocks(pieces)

    def _live(self, files: ExportFiles, has_tail: bool) -> list[Iterator[StepBlock]]:
        """Return the rows that are not exported, as far as there can be any."""
        count = self.record.line_count
        stop = stop_step(self.record)
        if not self.client.can_query:
            self.scanned = True
            return [self._scan()]
        live = LiveHistory(self.client, self.record.address)
        if not files.paths:
            return [live.blocks(live.pages(0, stop, count))] if stop else []
        if not has_tail and files.last_step + 1 >= stop and files.rows == count:
            return []
        tail = Spool(self.folder / "tail.jsonl")
        expected = None if count is None else max(1, count - files.rows)
        tail.take(live.pages(files.last_step + 1, stop, expected))
        pieces = [live.blocks(tail.pages())] if tail.rows else []
        gap = files.gap()
        if gap is not None and (count is None or int(files.steps.size) + tail.rows < count):
            pieces.insert(0, live.blocks(live.pages(*gap, count)))
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
    last = -1 if record.last_step is None else record.last_step
    claimed = record.summary.get("_step")
    if isinstance(claimed, int) and not isinstance(claimed, bool):
        last = max(last, claimed)
    return min(last, 2**62) + 1
