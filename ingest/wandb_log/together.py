"""The ranges of a log, read by this process and another, put together in their order.

Only what is clean is taken: whole records, each number one more than the last. At the first range
that is not, reading stops behind the one before, and whoever asked goes on from there by himself,
record by record; so does he with what follows the last whole range.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Final

from .framing import HEADER, next_chunk
from .ranges import Found, read_range
from .second_process import SecondProcess
from .snapshot import BLOCK, Snapshot

#: Bytes of a range, in whole blocks.
RANGE: Final = 1024 * BLOCK
#: Ranges below which a second process costs more than it spares.
FEWEST: Final = 3
#: How many it is asked for at once, so that it need not wait, and how many are kept until their
#: turn comes.
_ASKED: Final = 3
_AHEAD: Final = 6


def found_ranges(path: Path, file: Snapshot, start: int, num: int, segment: int) -> Iterator[Found]:
    """Yield the clean ranges of a log behind an offset, in order.

    Args:
        path: of the log, for the other process.
        file: the log.
        start: where the last record that was read ends.
        num: its number.
        segment: the number of the log among those of the run.

    Raises:
        OSError: the file cannot be read.
    """
    ranges = _ranges(start, file.size)
    if len(ranges) < FEWEST or _cores() < 2:
        return
    with closing(SecondProcess(path, file.identity)) as other:
        good_end = max(start, len(HEADER))
        for found in _in_order(ranges, other, lambda one: read_range(file, *one, segment), segment):
            empty = not found.last_num
            follows = found.first == next_chunk(good_end) and found.first_num == num + 1
            if not found.clean or not (empty or follows):
                return
            if not empty:
                good_end, num = found.good_end, found.last_num
                yield found


def _in_order(
    ranges: list[tuple[int, int]],
    other: SecondProcess,
    read: Callable[[tuple[int, int]], Found],
    segment: int,
) -> Iterator[Found]:
    """Yield what the ranges hold: while the other process reads some, this one reads the next."""
    asked = [at for at in range(1, min(1 + _ASKED, len(ranges))) if other.ask(*ranges[at], segment)]
    following = len(asked) + 1
    done = {0: read(ranges[0])}
    for turn in range(len(ranges)):
        while turn not in done:
            while asked and len(asked) < _ASKED and following < len(ranges):
                other.ask(*ranges[following], segment)
                asked.append(following)
                following += 1
            waits = following in (len(ranges), turn + _AHEAD)
            if asked and (waits or other.has_answer()):
                answer = other.answer()
                if answer is None:  # it is gone: what it was asked for is read here
                    done |= {at: read(ranges[at]) for at in asked}
                    asked = []
                else:
                    done[asked.pop(0)] = answer
            else:
                done[following] = read(ranges[following])
                following += 1
        yield done.pop(turn)


def _ranges(start: int, size: int) -> list[tuple[int, int]]:
    """Return the whole ranges of a file behind an offset, of which the first may be short."""
    edges = [max(start, len(HEADER)), *range((start // RANGE + 1) * RANGE, size, RANGE)]
    return list(pairwise(edges))


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
