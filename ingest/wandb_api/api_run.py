"""``ApiRun``: one run, read from W&B's service."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from dakota_wh.ingest.exports.parquet_file import LOSSY as EXPORT_LOSSY
from dakota_wh.ingest.source import Continuation, Ended, LogRows, RunFacts
from dakota_wh.ingest.wandb_api.beside import ApiBeside
from dakota_wh.ingest.wandb_api.client import Client
from dakota_wh.ingest.wandb_api.live import LiveHistory
from dakota_wh.ingest.wandb_api.new_rows import NewRows, find_new_rows
from dakota_wh.ingest.wandb_api.resume import Anchor, Resume
from dakota_wh.ingest.wandb_api.run_address import RunAddress
from dakota_wh.ingest.wandb_api.run_record import RunRecord, fetch_record
from dakota_wh.ingest.wandb_api.step_block import StepBlock
from dakota_wh.ingest.wandb_api.whole_history import WholeHistory, stop_step

KIND: Final = "wandb-api"

LIVE_LOSSY: Final = (
    "the texts 'NaN', 'Infinity' and '-Infinity' are read as the numbers that W&B means by them",
)
SCAN_LOSSY: Final = ("whole floats such as 1.0 come as integers from this version of W&B's client",)


@dataclass(slots=True)
class ApiRun:
    """Implements ``Source``. ``folder`` is private to this process; downloads lie there."""

    client: Client
    address: RunAddress
    folder: Path
    web: str | None = None
    #: Read only so many rows, picked by the service; None for all.
    max_samples: int | None = None
    #: When (``time.monotonic``) what is beside the history has to be there; None for no limit.
    until: float | None = None

    @property
    def kind(self) -> str:
        """Return ``wandb-api``."""
        return KIND

    @property
    def name(self) -> str:
        """Return ``entity/project/id``."""
        return str(self.address)

    @property
    def run_id(self) -> str:
        """Return the run's id."""
        return self.address.run_id

    @property
    def entity(self) -> str | None:
        """Return the entity, None until ``read`` where the account's own is meant."""
        return self.address.entity

    @property
    def project(self) -> str | None:
        """Return the project."""
        return self.address.project

    def read(self, resume: Mapping[str, Any] | None) -> ApiReading:
        """Ask the service how the run is (one request) and begin a pass; see ``Source.read``.

        Raises:
            NoSuchSource, NotSignedIn, SourceUnreachable, SourceProblem: see ``Client``.
        """
        record = fetch_record(self.client, self.address)
        self.address = record.address
        stored = Resume.from_json(resume)
        if stored is not None and (stored.sampled != self.max_samples or not stored.settled):
            stored = None
        if stored is not None and stored.digest == record.digest():
            return ApiReading(self, record, Continuation.UNCHANGED, stored)
        if stored is not None and self.max_samples is None and self.client.can_query:
            new = find_new_rows(self.client, record, stored, self.folder)
            if new is not None:
                return ApiReading(self, record, Continuation.APPEND, stored, new)
        return ApiReading(self, record, Continuation.WHOLE, None)

    def beside(self) -> ApiBeside:
        """Return what the service has beside the history; it must be fetched in the time left."""
        self.client.until = self.until
        return ApiBeside(self.client, self.address, self.folder)


@dataclass(slots=True)
class ApiReading:
    """Implements ``Reading``; made by ``ApiRun.read``."""

    source: ApiRun
    record: RunRecord
    continuation: Continuation
    stored: Resume | None
    new: NewRows | None = None
    _anchor: Anchor = field(default_factory=Anchor)
    _rows: int = 0
    _first: int | None = None
    _last: int | None = None
    _distinct: int = 0
    _steps: int = 0  # their sum
    _whole: WholeHistory | None = None

    def rows(self) -> Iterator[LogRows]:
        """Yield the batches; what is downloaded for them is deleted at the end."""
        if self.continuation is Continuation.UNCHANGED:
            return
        with tempfile.TemporaryDirectory(dir=self.source.folder) as folder:
            for block in self._blocks(Path(folder)):
                if len(block):
                    block = self.source.client.masked(block)
                    self._note(block)
                    yield block.rows()

    def _note(self, block: StepBlock) -> None:
        first, new = int(block.steps[0]), int((np.diff(block.steps) != 0).sum())
        self._first = first if self._first is None else self._first
        self._distinct += new + (first != self._last)
        self._last = int(block.steps[-1])
        self._rows += len(block)
        self._steps += int(block.steps.sum())
        self._anchor.take(block)

    def _blocks(self, folder: Path) -> Iterator[StepBlock]:
        if self.new is not None:
            yield from self.new.blocks()
        elif self.source.max_samples is not None:
            live = LiveHistory(self.source.client, self.record.address)
            page = live.sampled(self.source.max_samples)
            if page.rows:
                yield live.block(page)
        else:
            self._whole = WholeHistory(self.source.client, self.record, folder)
            yield from self._whole.blocks()

    def facts(self) -> RunFacts:
        """Return what the service says of the run; valid after ``rows`` is exhausted."""
        facts = self.record.facts(self.source.web)
        facts.sampled = self.source.max_samples
        facts.lossy = tuple(self._lossy())
        facts.warnings = tuple(self._warnings())
        facts.resume = self._resume().to_json()
        return facts

    def _total(self) -> int:
        return self._rows + (self.stored.rows if self.stored else 0)

    def _resume(self) -> Resume:
        record, stored = self.record, self.stored
        nothing_new = self._last is None and stored is not None
        last = stored.last_step if stored and nothing_new else self._last
        return Resume(
            digest=record.digest(),
            rows=self._total(),
            last_step=last,
            anchor=stored.anchor if stored and nothing_new else self._anchor.digest(),
            line_count=record.line_count,
            sampled=self.source.max_samples,
            settled=self.source.max_samples is not None or not self._is_short(last),
            state=record.state,
            heartbeat=record.heartbeat,
            steps=0 if stored else self._steps,
        )

    def _is_short(self, last: int | None) -> bool:
        """Tell whether the service gave less than it says there is, so that it may give more."""
        record = self.record
        if record.last_step is not None and (-1 if last is None else last) < record.last_step:
            return True
        if record.line_count is None or self._total() >= record.line_count:
            return False
        # Where every step up to the last is here, the service counts what is no step.
        gapless = self._first == 0 and self._last is not None and self._distinct > self._last
        return not gapless or record.last_step is None

    def _lossy(self) -> Iterator[str]:
        yield from LIVE_LOSSY
        whole = self._whole is not None and self._whole.exported_rows > 0
        if whole or (self.new is not None and self.new.exported):
            yield from EXPORT_LOSSY
        if self._whole is not None and self._whole.scanned:
            yield from SCAN_LOSSY

    def _warnings(self) -> Iterator[str]:
        record = self.record
        if self._total():
            return
        if record.line_count or stop_step(record):
            yield (
                "Empty history data: W&B names rows of this run but gave none of them. Ingest it "
                "again later, or read the run's local log: dakota-wh ingest wandb/"
            )
        elif record.ended is Ended.OPEN:
            yield "No data available yet: the run has logged nothing so far. Ingest it again later."
        elif record.line_count is None:
            yield (
                "Empty history data: W&B gave no rows of this run and does not say whether there "
                "are any. Ingest it again later, or read its local log: dakota-wh ingest wandb/"
            )
        else:
            yield (
                "No data available: the run ended without logging a history. Check that it is the "
                "run you mean, and that its training called wandb.log."
            )
