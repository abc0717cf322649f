"""The reader of ``.wandb`` logs, held to W&B's own protobuf classes.

Where a log is framed well and the classes can parse every record, a reading that knows of no loss
must have a row for each history record, and in it every value as it was written. Whatever the
bytes, a second reading finds nothing new, and a log that was read in two pieces equals one read
whole.
"""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.fuzz.target import must
from benchmarks.fuzz.wire import records
from dakota_wh.ingest.source import Continuation, LogRows, RunFacts
from dakota_wh.ingest.wandb_log import WandbLog, find_logs

#: What a JSON text that is no dict begins with; such a value is kept as it was written.
_PLAIN = tuple('-0123456789"tfn[NI')
#: Keys of more parts are joined, and so are not compared.
_PARTS = 32

Row = dict[tuple[str, ...], str]


class LogTarget:
    """Reads a log that lies in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "run-fuzzed.wandb"

    def __call__(self, data: bytes) -> None:
        """Do one try."""
        self._path.write_bytes(data)
        rows, facts, _ = read(self._log(), None)
        _check_facts(facts)
        again, same, how = read(self._log(), facts.resume)
        must(how is Continuation.UNCHANGED and not again, f"a second reading is {how}")
        must(_told(same) == _told(facts), "a second reading knows other facts")
        if zlib.crc32(data) % 4 == 0:
            self._in_two(data, rows, facts)
        if not (facts.torn or facts.skipped or facts.lost_records):
            _compare(data, rows, facts)

    def _in_two(self, data: bytes, rows: list[Row], facts: RunFacts) -> None:
        self._path.write_bytes(data[: zlib.crc32(data) % (len(data) + 1)])
        first, part, _ = read(self._log(), None)
        self._path.write_bytes(data)
        rest, whole, how = read(self._log(), part.resume)
        if how is Continuation.WHOLE:
            first = []
        must(first + rest == rows, f"read in two ({how}) there are other rows")
        must(_told(whole) == _told(facts), f"read in two ({how}) there are other facts")

    def _log(self) -> WandbLog:
        (found,) = find_logs(self._path)
        return found


def read(
    source: WandbLog, resume: Mapping[str, Any] | None
) -> tuple[list[Row], RunFacts, Continuation]:
    """Read a log to its end; the resume goes through strict JSON as on its way to the disk."""
    reading = source.read(resume)
    rows: list[Row] = []
    for batch in reading.rows():
        rows += _rows(batch)
    facts = reading.facts()
    facts.resume = json.loads(json.dumps(facts.resume, allow_nan=False))
    return rows, facts, reading.continuation


def _rows(batch: LogRows) -> list[Row]:
    rows: list[Row] = [{} for _ in range(batch.count)]
    for path, cells in batch.columns.items():
        must(len(cells) == batch.count, "a column of another length")
        must("".join(path).encode() is not None and bool(path), "a key that is no text")
        for row, token in zip(rows, cells.to_pylist(), strict=True):
            if token is not None:
                row[path] = token
    return rows


def _told(facts: RunFacts) -> str:
    """Return all that is known, so that NaN equals NaN and the order of keys does not count.

    Nor does how many records were lost, on which the kind of proof hangs: whether numbers that leap
    are believed is told by the size of the file.
    """
    told = asdict(facts)
    for place in (told, *told["resume"]["segments"]):
        for name in ("lost_records", "lost", "digest"):
            place.pop(name, None)
    fold = told["resume"]["fold"]
    trees = {name: json.loads(fold[name]) for name in ("config", "summary")}
    trees["last_tokens"] = sorted(fold.get("last_tokens", []))
    resume = told["resume"] | {"fold": fold | trees}
    return json.dumps(told | {"resume": resume}, sort_keys=True, default=repr)


def _check_facts(facts: RunFacts) -> None:
    for tree in (facts.config, facts.summary):
        json.dumps(tree, ensure_ascii=False).encode()
    must(facts.lost_records >= 0, "a negative number of lost records")


def _compare(data: bytes, rows: list[Row], facts: RunFacts) -> None:
    """Hold rows to what the protobuf classes make of the same records."""
    payloads = records(data)
    if payloads is None:
        return
    found = [_parsed(payload) for payload in payloads]
    if None in found:
        return
    wanted = [r.history for r in found if r.WhichOneof("record_type") == "history"]
    must(
        len(rows) == len(wanted), f"{len(rows)} rows of {len(wanted)} history records, no loss told"
    )
    valueless = False
    for row, record in zip(rows, wanted, strict=True):
        values, whole = _values(record)
        valueless |= not whole
        for path, token in values.items():
            must(row.get(path) == token, f"{path[:4]} is {row.get(path)!r:.80}, not {token!r:.80}")
    if valueless:
        must(any("encoding" in text for text in facts.warnings), "a value was left out in silence")


def _values(record: Any) -> tuple[Row, bool]:
    """Return the plain values of a history record, and whether every item has one."""
    values: Row = {}
    dicts, whole = False, True
    for item in record.item:
        path = tuple(item.nested_key) or (item.key,)
        token = _token(item)
        values.pop(path, None)
        if path[-1] == "_type" or len(path) > _PARTS:
            dicts = True
        elif token is None:
            whole = False
        elif not token.startswith(_PLAIN):
            dicts = True  # it becomes leaves, which may stand over others
        else:
            values[path] = token
    return ({} if dicts else values), whole


def _token(item: Any) -> str | None:
    kind = item.WhichOneof("value")
    if kind is None:
        text: str = item.value_json
        return text or None
    value = getattr(item, kind)
    if kind in ("none", "json"):
        return "null" if kind == "none" else value
    return json.dumps(value, ensure_ascii=False)


def _parsed(payload: bytes) -> Any:
    record = _record_class()()
    try:
        record.ParseFromString(payload)
    except Exception:  # protobuf's own error, which moved between its versions
        return None
    return record


@cache
def _record_class() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from wandb.proto import wandb_internal_pb2
    return wandb_internal_pb2.Record  # type: ignore[attr-defined,unused-ignore]
