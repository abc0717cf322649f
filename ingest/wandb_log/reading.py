"""One pass over the logs of a run: which records there are, where it went on, what was lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dakota_wh.ingest.source import Continuation, LogRows, RunFacts

from . import wire
from .framing import End, NotALogError, Scan
from .history import HistoryBatch
from .proof import proof
from .ranges import Found, Summaries
from .records import Fold
from .resume import Bookmark, Progress
from .segments import Segment, problem_of
from .snapshot import Snapshot
from .together import found_ranges

_NO_TYPES = (
    "W&B's log writes a whole number such as 1.0 as 1, so whether it was an integer or a float "
    "is not known; an empty dict is not in the log at all"
)


#: A segment and its open file; (None, None) for one that an earlier pass read and is not here now.
Piece = tuple[Segment | None, Snapshot | None]


@dataclass(slots=True)
class LogReading:
    """Implements ``Reading``. Made by ``WandbLog.read``; ``progress`` is where it begins.

    ``missing`` names the logs that an earlier pass has read and that are not given now, where the
    pass could not go on from it.
    """

    run_id: str
    pieces: Sequence[Piece]
    continuation: Continuation
    progress: Progress
    missing: tuple[str, ...] = ()
    _batch: HistoryBatch = field(default_factory=HistoryBatch)
    _finished: bool = False

    def rows(self) -> Iterator[LogRows]:
        """Yield the batches.

        Raises:
            SourceProblem: a file cannot be read any more.
        """
        try:
            first = max(len(self.progress.bookmarks) - 1, 0)
            for index, (segment, file) in enumerate(self.pieces):
                if index < first or segment is None or file is None:
                    continue
                try:
                    yield from self._segment(index, segment, file)
                except (OSError, NotALogError) as error:
                    raise problem_of(segment.name, error) from error
            self._finished = True
        finally:
            for _, file in self.pieces:
                if file is not None:
                    file.close()

    def facts(self) -> RunFacts:
        """Return what is known of the run.

        Raises:
            RuntimeError: ``rows`` was not exhausted.
        """
        if self.continuation is Continuation.UNCHANGED and not self._finished:
            list(self.rows())
        if not self._finished:
            raise RuntimeError("the rows of a log are to be read to their end before its facts")
        progress = self.progress
        facts = progress.fold.facts(self.run_id)
        marks = progress.bookmarks
        facts.torn = any(mark.torn for mark in marks)
        facts.tail = tuple(
            (mark.name, mark.good_end, mark.size)
            for mark in marks
            if mark.torn and mark.good_end < mark.size
        )
        facts.skipped = tuple(
            (mark.name, start, end) for mark in marks for start, end in mark.all_skipped()
        )
        facts.lost_records = progress.lost_records()
        facts.lossy = () if progress.typed else (_NO_TYPES,)
        facts.missing = self.missing
        facts.warnings = tuple(self._warnings())
        facts.resume = progress.to_json()
        return facts

    def _segment(self, index: int, segment: Segment, file: Snapshot) -> Iterator[LogRows]:
        """Read one file, from its bookmark if it has one."""
        progress = self.progress
        if index == len(progress.bookmarks):
            progress.bookmarks.append(Bookmark(segment.name))
            progress.fold.begin_segment()
        mark = progress.bookmarks[index]
        mark.size, mark.started = file.size, segment.started
        for found in found_ranges(segment.path, file, mark.good_end, mark.last_num, index):
            yield from self._put_in(found, mark)
        scan = Scan(file, mark.good_end)
        for payload in scan.records():
            if self._take(payload, mark):
                yield from self._flush(index)
        yield from self._flush(index)
        progress.fold.settle()
        mark.good_end = scan.good_end
        mark.skipped += scan.skipped
        damaged = bool(mark.skipped or mark.lost_records())
        mark.digest = proof(file, mark.good_end, whole=damaged)
        mark.dead_tail = scan.dead_tail
        mark.torn = scan.end is End.TORN or (scan.end is End.ZEROS and not progress.fold.closed)

    def _put_in(self, found: Found, mark: Bookmark) -> Iterator[LogRows]:
        """Take what a range holds, as if its records had been taken one by one."""
        progress = self.progress
        fold = progress.fold
        for event in found.events:
            if isinstance(event, LogRows):
                yield event
            elif isinstance(event, Summaries):
                fold.take(event.changes, event.bad)
            else:
                try:
                    fold.apply(event.kind, event.body)
                except wire.BadRecordError:
                    mark.count_bad(event.num)
        if not fold.summary_seen:
            fold.last_tokens |= found.last_tokens
        progress.bad_history += found.bad_history
        progress.valueless += found.valueless
        progress.typed = progress.typed or found.typed
        mark.count(found.first_num)
        mark.last_num, mark.good_end = found.last_num, found.good_end

    def _take(self, payload: bytes | memoryview, mark: Bookmark) -> bool:
        """Take one record; True when enough history has come together."""
        num = 0
        try:
            num, kind, start, end = wire.envelope(payload)
            mark.count(num)
            if kind == wire.HISTORY:
                return self._batch.add(bytes(payload[start:end]))
            if kind in Fold.KINDS:
                self.progress.fold.apply(kind, bytes(payload[start:end]))
        except wire.BadRecordError:
            mark.count_bad(num)
        return False

    def _flush(self, segment: int) -> Iterator[LogRows]:
        batch, progress = self._batch, self.progress
        for rows in batch.flush(segment):
            progress.fold.observe(rows)
            yield rows
        progress.bad_history += batch.bad_records
        progress.valueless += batch.valueless
        progress.typed = progress.typed or batch.typed
        batch.bad_records = batch.valueless = 0

    def _warnings(self) -> Iterator[str]:
        progress = self.progress
        for mark in progress.bookmarks:
            if not mark.last_num and not mark.skipped and mark.good_end == mark.size:
                yield f"{mark.name} is still empty: W&B has not flushed anything to it yet."
        if progress.fold.preempting:
            yield "The run was told that its machine is taken away (preempting)."
        if progress.fold.from_history:
            yield (
                "The log has no summary record, as when a run is killed: "
                "its summary is the last value of each key."
            )
        if progress.valueless:
            yield (
                f"{progress.valueless} values are in an encoding that this program does not know: "
                "update dakota-wh and ingest the run again."
            )
