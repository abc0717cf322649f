"""System metrics out of a log: every value that the client measured, not samples of them.

``StatsRecord`` of ``wandb_internal.proto``: ``timestamp`` = 2 (a google.protobuf.Timestamp) and
``item`` = 3, each with ``key`` = 1 and ``value_json`` = 16. Of several processes that write one run
each puts ``/l:<label>`` behind its keys.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Final

from dakota_wh.ingest.exports.tokens import EXACT, text_token, to_json
from dakota_wh.ingest.streams.beside import SystemReading, SystemValues

from . import wire
from .framing import NotALogError, Scan, check_header
from .proof import is_whole, proof, proves
from .records import timestamp
from .segments import Segment, problem_of
from .snapshot import Snapshot

#: Of the JSON in ``resume``; another one means to read everything anew.
FORMAT: Final = 1

_TIMESTAMP, _ITEM, _KEY, _VALUE = 2, 3, 1, 16
_BATCH: Final = 50_000
_LABEL: Final = "/l:"

_EVIDENCE: Final = "every one that the log holds"


def read_system(segments: Sequence[Segment], resume: Mapping[str, Any] | None) -> SystemReading:
    """Begin a pass over the system metrics of logs, behind what ``resume`` says was read.

    Raises:
        SourceProblem: a file cannot be read.
    """
    marks = _marks(resume)
    goes_on = bool(marks) and all(map(_is_as_read, segments, [marks] * len(segments)))
    reading = SystemReading(iter(()), goes_on, sampled=False, evidence=_EVIDENCE)
    reading.values = _values(segments, marks if goes_on else {}, reading)
    return reading


def _marks(resume: Mapping[str, Any] | None) -> dict[str, tuple[int, str]]:
    """Return where each log ended and the proof of what was before, by name."""
    try:
        if not resume or resume["format"] != FORMAT:
            return {}
        return {
            str(name): (int(end), str(digest)) for name, (end, digest) in resume["logs"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _is_as_read(segment: Segment, marks: Mapping[str, tuple[int, str]]) -> bool:
    if segment.name not in marks:
        return True  # it came later
    end, digest = marks[segment.name]
    try:
        file = Snapshot(segment.path)
    except OSError as error:
        raise problem_of(segment.name, error) from error
    try:
        return proves(digest, file, end)
    except OSError as error:
        raise problem_of(segment.name, error) from error
    finally:
        file.close()


def _values(
    segments: Sequence[Segment], marks: Mapping[str, tuple[int, str]], reading: SystemReading
) -> Iterator[SystemValues]:
    begun = min((s.started for s in segments if s.started is not None), default=None)
    start = None if begun is None else begun / 1e6
    logs: dict[str, list[Any]] = {name: list(mark) for name, mark in marks.items()}
    for segment in segments:
        try:
            file = Snapshot(segment.path)
        except OSError as error:
            raise problem_of(segment.name, error) from error
        try:
            check_header(file)
            end, earlier = marks.get(segment.name, (0, ""))
            scan = Scan(file, end)
            bad = yield from _of_log(scan, start)
            if bad or scan.skipped:
                reading.lost.append(f"{segment.name} has damaged records, {bad} of them known")
            damaged = bool(bad or scan.skipped or is_whole(earlier))
            logs[segment.name] = [scan.good_end, proof(file, scan.good_end, whole=damaged)]
        except (OSError, NotALogError) as error:
            raise problem_of(segment.name, error) from error
        finally:
            file.close()
    reading.resume = {"format": FORMAT, "logs": logs}


def _of_log(scan: Scan, start: float | None) -> Generator[SystemValues, None, int]:
    """Yield the values of one log, and return how many records could not be read."""
    values, bad = SystemValues(), 0
    for payload in scan.records():
        try:
            _, kind, begin, stop = wire.envelope(payload)
            if kind == wire.STATS:
                _take(values, bytes(payload[begin:stop]), start)
        except wire.BadRecordError:
            bad += 1
        if len(values) >= _BATCH:
            yield values
            values = SystemValues()
    yield values
    return bad


def _take(values: SystemValues, body: bytes, start: float | None) -> None:
    at: float | None = None
    items: list[tuple[str, str]] = []
    for number, value in wire.fields(body):
        if number == _TIMESTAMP:
            at = timestamp(wire.bytes_of(value)) / 1e6
        elif number == _ITEM:
            inner = dict(wire.fields(wire.bytes_of(value)))
            items.append((wire.text_of(inner.get(_KEY, b"")), _token(inner.get(_VALUE, b""))))
    runtime = None if at is None or start is None else at - start
    for key, token in items:
        metric, _, label = key.partition(_LABEL)
        values.add(metric, token, at, runtime, label or None)


def _token(value: int | bytes) -> str:
    """Return a value's JSON text; a text that is no JSON as a JSON string."""
    text = wire.text_of(value)
    try:
        return to_json(EXACT.decode(text))
    except (ValueError, RecursionError):
        return text_token(text)
