"""The rows that came after those that are stored, or the finding that the run was changed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dakota_wh.ingest.wandb_api.client import Client
from dakota_wh.ingest.wandb_api.export_files import ExportFiles, open_exports
from dakota_wh.ingest.wandb_api.live import LiveHistory, Spool
from dakota_wh.ingest.wandb_api.merge import Merged, Piece
from dakota_wh.ingest.wandb_api.resume import Anchor, Resume
from dakota_wh.ingest.wandb_api.run_record import RunRecord
from dakota_wh.ingest.wandb_api.step_block import StepBlock, rows_from
from dakota_wh.ingest.wandb_api.whole_history import enough, stop_step


@dataclass(slots=True)
class NewRows:
    """Rows from the last stored step on: what is live, and what was exported meanwhile."""

    live: LiveHistory
    spool: Spool
    #: The last stored step.
    last: int
    exported: ExportFiles | None = None

    def blocks(self) -> Iterator[StepBlock]:
        """Yield those beyond the last stored step once; then the files they lay in are gone."""
        try:
            yield from rows_from(self.fetched(), self.last + 1)
        finally:
            self.drop()

    def fetched(self) -> Iterator[StepBlock]:
        """Yield those of the last stored step as well."""
        exported = self.exported.pieces(self.last) if self.exported else []
        return Merged().blocks([*exported, Piece(self.live.blocks(self.spool.pages()))])

    def drop(self) -> None:
        """Delete what was fetched."""
        shutil.rmtree(self.spool.path.parent, ignore_errors=True)


def find_new_rows(
    client: Client, record: RunRecord, stored: Resume, folder: Path
) -> NewRows | None:
    """Return the new rows of a run; None where all must be fetched again.

    The last stored step is fetched once more: if its rows are not what they were, the run was
    rewound and has gone another way. It is live, or else in the export, which has grown past it.
    The number of rows must be what the service counts, too.
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
    place = Path(tempfile.mkdtemp(dir=folder))
    new = NewRows(live, Spool(place / "live.jsonl"), stored.last_step)
    try:
        stop = max(stop_step(record), stored.last_step + 1)
        least = enough(record, stored.rows)
        wanted = None if expected is None else expected + 1
        new.spool.take(live.pages_from(stored.last_step, stop, wanted, least))
        found = _continues(new, record, stored, expected)
        if found is None:
            paths = client.download_exports(record.address, place).paths
            new.exported = open_exports(record.address, paths)
            found = _continues(new, record, stored, expected)
        if found:
            return new
    except BaseException:
        new.drop()
        raise
    new.drop()
    return None


def _continues(
    new: NewRows, record: RunRecord, stored: Resume, expected: int | None
) -> bool | None:
    """Tell whether the fetched rows begin with the last stored step and miss nothing.

    None means that they are without that step.
    """
    anchor, beyond, last_seen = Anchor(), 0, new.last
    for block in new.fetched():
        same = int((block.steps == new.last).sum())
        anchor.take(block.slice(0, same))
        beyond += len(block) - same
        last_seen = int(block.steps[-1])
    if not anchor.rows:
        return None
    if anchor.digest() != stored.anchor:
        return False
    if record.last_step is not None and last_seen < record.last_step:
        return False
    return expected is None or beyond == expected
