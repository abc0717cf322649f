"""A file that may be growing, read piece by piece as it was at one moment."""

from __future__ import annotations

import os
from typing import Final

BLOCK: Final = 32 * 1024  # of the framing: a chunk of a log never crosses a block
WINDOW: Final = 128 * BLOCK  # 4 MiB are held at a time: windows begin and end with a block


class Snapshot:
    """A file as long as it was when it was opened, read-only.

    It is read, not mapped: a file that shrinks under a map kills the process.
    """

    def __init__(self, path: str | os.PathLike[str], window: int = WINDOW) -> None:
        """Open the file; ``window`` is a multiple of ``BLOCK``. Raises OSError."""
        self._span = window
        self._fd = -1
        self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self.size = os.fstat(self._fd).st_size

    def close(self) -> None:
        """Close the file; closing it again does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes of a range, fewer if the file has shrunk. Raises OSError."""
        parts = []
        end = min(end, self.size)
        while start < end:
            os.lseek(self._fd, start, os.SEEK_SET)
            part = os.read(self._fd, end - start)
            if not part:
                break
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def window(self, start: int) -> bytes:
        """Return the bytes from ``start`` to the end of its window."""
        return self.read(start, (start // self._span + 1) * self._span)
