"""A range of a log read for itself, so that two processes can read one log.

A range begins and ends with a block. It has the records that begin in it; the last of them may
end beyond it. What depends on what was before is not done here but where the ranges are put
together again, in their order (:mod:`.together`): so what comes out is what one pass gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dakota_wh.ingest.source import LogRows

from . import wire
from .changes import Change, Waiting
from .framing import Scan, next_chunk
from .history import HistoryBatch
from .records import Fold
from .snapshot import Snapshot
from .trees import Path


@dataclass(frozen=True, slots=True)
class Record:
    """A record that says something of the run and is no history and no summary."""

    num: int
    kind: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Summaries:
    """What summary records that follow each other change, and how many could not be decoded."""

    changes: list[Change]
    bad: int


Event = LogRows | Record | Summaries


@dataclass(slots=True)
class Found:
    """What a range holds."""

    start: int
    #: Where its first record begins and its last one ends; ``start`` where it has none.
    first: int = 0
    good_end: int = 0
    #: The numbers of its first and its last record; they count up by one from record to record.
    first_num: int = 0
    last_num: int = 0
    #: All of its bytes are records that can be read, with numbers that follow each other.
    clean: bool = True
    events: list[Event] = field(default_factory=list)
    #: The last token of each key, unless the range has a summary record.
    last_tokens: dict[Path, str] = field(default_factory=dict)
    bad_history: int = 0
    valueless: int = 0
    typed: bool = False


def read_range(file: Snapshot, start: int, stop: int, segment: int) -> Found:
    """Read the records that begin in a range.

    Raises:
        OSError: the file cannot be read.
        NotALogError: ``start`` is 0, and the file does not begin like a log.
    """
    scan = Scan(file, start, stop)
    found = Found(start, next_chunk(start))
    batch, waiting = HistoryBatch(), Waiting()
    fold = Fold()  # for the last tokens alone
    for payload in scan.records():
        try:
            num, kind, begin, end = wire.envelope(payload)
        except wire.BadRecordError:
            found.clean = False
            break
        if num <= 0 or (found.last_num and num != found.last_num + 1):
            found.clean = False
            break
        found.first_num, found.last_num = found.first_num or num, num
        if kind == wire.HISTORY:
            if batch.add(bytes(payload[begin:end])):
                found.events += _flushed(batch, segment, fold)
        elif kind == wire.SUMMARY:
            fold.summary_seen = True
            if waiting.add(bytes(payload[begin:end])):
                found.events += _settled(waiting)
        elif kind in Fold.KINDS:
            found.events += _settled(waiting)
            found.events.append(Record(num, kind, bytes(payload[begin:end])))
    found.events += _flushed(batch, segment, fold)
    found.events += _settled(waiting)
    found.good_end = scan.good_end
    if scan.skipped and scan.skipped[0][0] == found.first:
        found.first = scan.skipped.pop(0)[1]  # the end of a record that began before
    if scan.skipped or scan.dead_tail is not None:
        found.clean = False
    found.bad_history, found.valueless, found.typed = (
        batch.bad_records,
        batch.valueless,
        batch.typed,
    )
    found.last_tokens = {} if fold.summary_seen else fold.last_tokens
    return found


def _flushed(batch: HistoryBatch, segment: int, fold: Fold) -> Iterator[LogRows]:
    for rows in batch.flush(segment):
        fold.observe(rows)
        yield rows


def _settled(waiting: Waiting) -> Iterator[Summaries]:
    found = waiting.settled()
    if found is not None:
        yield Summaries(*found)
