"""Another process that reads ranges of a log: ``python -m …second_process``, never by hand.

Each task on its stdin is answered on its stdout, in order, in pickles: both ends are this file. It
ends by itself when its stdin does, since then the one who started it is gone. What it is asked for
is one file, known by its identity; of any other under that path it reads nothing.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import pyarrow as pa

from dakota_wh.ingest.source import LogRows
from dakota_wh.warehouse.arrow_alone import spare_pandas
from dakota_wh.warehouse.columns import encode

from .framing import NotALogError
from .ranges import Event, Found, read_range
from .snapshot import Snapshot

_COMMAND: Final = (sys.executable, "-P", "-m", __name__)
#: What the file is, and then of each range where it begins, where it ends, and the segment.
_File = tuple[str, tuple[int, int]]
_Task = tuple[int, int, int]


class SecondProcess:
    """The other process, as the one who started it sees it. It may be gone at any moment."""

    def __init__(self, path: Path, identity: tuple[int, int]) -> None:
        """Start it for one file."""
        self._answers: queue.SimpleQueue[Found | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603 - this file
                _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            threading.Thread(target=self._listen, daemon=True).start()
            self._send((str(path.absolute()), identity))

    def ask(self, start: int, stop: int, segment: int) -> bool:
        """Give it a range to read; False where it is gone."""
        return self._send((start, stop, segment))

    def answer(self) -> Found | None:
        """Return the next range in the order of asking; None where it is gone, now and ever."""
        found = self._answers.get()
        if found is None:
            self._answers.put(None)
        return found

    def has_answer(self) -> bool:
        """Return whether :meth:`answer` returns at once."""
        return not self._answers.empty()

    def close(self) -> None:
        """End it, whatever it does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                cast(BinaryIO, stream).close()
        process.wait()

    def _send(self, task: _File | _Task) -> bool:
        if self._process is None:
            self._answers.put(None)
            return False
        try:
            _write(cast(BinaryIO, self._process.stdin), task)
        except OSError:
            return False
        return True

    def _listen(self) -> None:
        process = self._process
        with suppress(Exception):  # whatever it is, no more answers come
            while process is not None:
                answer = pickle.load(cast(BinaryIO, process.stdout))  # noqa: S301
                self._answers.put(_unpacked(answer))
        self._answers.put(None)


def main() -> None:
    """Answer until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who started it sees to that
    tasks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with suppress(EOFError, OSError, NotALogError):
        spare_pandas()
        path, identity = pickle.load(tasks)  # noqa: S301
        file = Snapshot(path)
        while file.identity == identity:
            start, stop, segment = pickle.load(tasks)  # noqa: S301
            _write(answers, _packed(read_range(file, start, stop, segment)))


def _write(stream: BinaryIO, message: object) -> None:
    pickle.dump(message, stream, pickle.HIGHEST_PROTOCOL)
    stream.flush()


def _packed(found: Found) -> Found:
    """Return the answer with its rows as bytes, the numbers among them as numbers."""
    return replace(found, events=[_rows_as_bytes(event) for event in found.events])


def _unpacked(found: Found) -> Found:
    return replace(found, events=[_rows_from_bytes(event) for event in found.events])


def _rows_as_bytes(event: Event) -> Any:
    if not isinstance(event, LogRows):
        return event
    arrays = [_as_numbers(array) for array in event.columns.values()]
    batch = pa.RecordBatch.from_arrays(arrays, names=[str(at) for at in range(len(arrays))])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return list(event.columns), event.count, event.segment, sink.getvalue().to_pybytes()


def _rows_from_bytes(event: Any) -> Event:
    if not isinstance(event, tuple):
        return cast(Event, event)
    keys, count, segment, data = event
    with pa.ipc.open_stream(data) as reader:
        batch = reader.read_next_batch()
    return LogRows(count, dict(zip(keys, batch.columns, strict=True)), segment)


def _as_numbers(tokens: pa.Array) -> pa.Array:
    """Return the numbers of a column that holds nothing else: a third of the bytes, and the same.

    They become the same cells as their tokens (``warehouse/columns.py``).
    """
    cells = encode(tokens)
    return tokens if cells.text is not None or cells.numbers is None else cells.numbers


if __name__ == "__main__":
    main()
