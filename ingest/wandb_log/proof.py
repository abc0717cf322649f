"""Is a file still the log that was read before? What it takes to say so without reading all of it.

W&B's client only ever appends to a log. So a file that begins with the same bytes, has the same
ones just before the place up to which it was read, and the same in samples of what lies between,
goes on from what is stored. A byte that was changed between the samples after it had been read is
not noticed; nothing that is stored depends on it any more. Where the log could not be read in part,
a later copy may have been repaired anywhere: then every byte counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from .snapshot import Snapshot

#: Read whole: so many bytes at the beginning, and before the end.
EDGE: Final = 1024 * 1024
#: Between them: so many samples of so many bytes, the first and the last at the edges.
SAMPLES: Final = 64
SAMPLE: Final = 64 * 1024

#: Stands before the hash of samples; a change of the rule gets another one. A hash of all bytes,
#: which earlier versions stored for every log, has nothing before it.
_SAMPLED: Final = "edges+64x64KiB:"
_PIECE: Final = 4 * 1024 * 1024


def proof(file: Snapshot, end: int, *, whole: bool = False) -> str:
    """Return what identifies the bytes ``[0, end)`` of a log.

    Args:
        file: the log.
        end: up to which byte.
        whole: hash all of them.

    Raises:
        OSError: it cannot be read.
    """
    found = hashlib.blake2b(digest_size=20)
    for start, stop in [(0, end)] if whole else sampled(end):
        for at in range(start, stop, _PIECE):
            found.update(file.read(at, min(at + _PIECE, stop)))
    return ("" if whole else _SAMPLED) + found.hexdigest()


def proves(told: str, file: Snapshot, end: int) -> bool:
    """Return whether a file has the bytes ``[0, end)`` that :func:`proof` was taken of.

    Raises:
        OSError: it cannot be read.
    """
    return file.size >= end and proof(file, end, whole=is_whole(told)) == told


def is_whole(told: str) -> bool:
    """Return whether a proof is a hash of all bytes; False for none."""
    return bool(told) and not told.startswith(_SAMPLED)


def sampled(end: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of ``[0, end)`` that are hashed, in order and apart: all of a short log."""
    between = end - 2 * EDGE
    if between <= SAMPLES * SAMPLE:
        yield 0, end
        return
    yield 0, EDGE
    for number in range(SAMPLES):
        start = EDGE + number * (between - SAMPLE) // (SAMPLES - 1)
        yield start, start + SAMPLE
    yield end - EDGE, end
