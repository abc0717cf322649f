"""``.wandb`` logs as W&B's client writes them, at some hundred thousand rows a minute.

Per step a history record and a summary record of the same values, as wandb-core does: one item per
key, ``nested_key`` and JSON text. Framing and wire format: tests/wandb_log/encoder.py, which writes
any record; this one writes one kind of run, fast. ``tests/benchmarks`` compares the two.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from benchmarks.made_run import MadeRun
from tests.wandb_log.encoder import BLOCK, HEADER, chunk, number, record, run, varint

#: So many values are made at once.
_CELLS: Final = 600_000


def write_log(made: MadeRun, path: Path) -> None:
    """Write a run's whole log, with an exit record."""
    with path.open("wb") as file:
        _frame(file, bytearray(HEADER), _records(made, opens=True, ends=True))


def continue_log(made: MadeRun, path: Path) -> None:
    """Write the records of more steps behind a log that has no exit record, and none either."""
    tail = path.stat().st_size % BLOCK
    with path.open("ab") as file:
        _frame(file, bytearray(tail), _records(made, opens=False, ends=False), skip=tail)


def end_log(steps: int, path: Path) -> None:
    """Write an exit record behind an open log of so many steps."""
    tail = path.stat().st_size % BLOCK
    with path.open("ab") as file:
        last = record(2 + 2 * steps, 18, number(2, 60))
        _frame(file, bytearray(tail), iter([last]), skip=tail)


def begin_log(made: MadeRun, path: Path) -> None:
    """Write a run's log so far: it has no exit record."""
    with path.open("wb") as file:
        _frame(file, bytearray(HEADER), _records(made, opens=True, ends=False))


def _records(made: MadeRun, *, opens: bool, ends: bool) -> Iterator[bytes]:
    count = 0 if opens else 1 + 2 * made.first
    if opens:
        body = run(made.run_id, entity=made.entity, project=made.project, name=made.run_name)
        count += 1
        yield record(count, 17, body)
    for items in _steps(made):
        count += 1
        yield number(1, count) + chunk(2, b"".join(b"\n" + varint(len(i)) + i for i in items))
        count += 1
        yield number(1, count) + chunk(3, b"".join(b"\n" + varint(len(i)) + i for i in items))
    if ends:
        yield record(count + 1, 18, number(2, 60))


def slices(made: MadeRun) -> Iterator[MadeRun]:
    """Yield the runs, one behind the other, that make up a long one: of each all is in memory."""
    most = max(100, min(10_000, _CELLS // len(made.names)))
    end = made.first + made.steps
    for first in range(made.first, end, most):
        seed, steps = made.seed + first, min(most, end - first)
        yield replace(made, seed=seed, steps=steps, first=first)


def _steps(made: MadeRun) -> Iterator[list[bytes]]:
    """Yield the items of each step."""
    for part in slices(made):
        columns = []
        for key, column in part.columns().items():
            start = chunk(2, key) + b"\x82\x01"
            texts = map(_json, column.tolist())
            columns.append([start + bytes((len(t),)) + t for t in texts])
        for row in zip(*columns, strict=True):
            yield list(row)


def _json(value: float) -> bytes:
    """Return a number as Go writes it: whole floats have no fraction."""
    text = repr(value)
    return (text[:-2] if text.endswith(".0") else text).encode()


def _frame(file: IO[bytes], out: bytearray, records: Iterator[bytes], skip: int = 0) -> None:
    """Write records as frames; ``out`` is what the block has already, ``skip`` of it on disk."""
    for payload in records:
        left, first = payload, True
        while True:
            room = BLOCK - len(out) % BLOCK
            if room < 7:
                out += bytes(room)
                room = BLOCK
            part, left = left[: room - 7], left[room - 7 :]
            kind = (1 if first else 4) if not left else (2 if first else 3)
            crc = zlib.crc32(part, zlib.crc32(bytes((kind,))))
            out += struct.pack("<IHB", crc, len(part), kind) + part
            first = False
            if not left:
                break
        if len(out) > 64 * BLOCK:
            whole = len(out) // BLOCK * BLOCK
            file.write(out[skip:whole])
            out, skip = out[whole:], 0
    file.write(out[skip:])
