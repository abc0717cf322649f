"""A file that may be growing, read piece by piece as it was at one moment."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

BLOCK: Final = 32 * 1024  # of the framing: a chunk of a log never crosses a block
#: Windows has none, and a disk image of macOS may call bytes a hole that are just being written.
_SEEK_DATA: Final[int | None] = os.SEEK_DATA if sys.platform == "linux" else None
_READ_ONLY: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0)
WINDOW: Final = 128 * BLOCK  # 4 MiB are held at a time: windows begin and end with a block


class Snapshot:
    """A file as long as it was when it was opened, read-only.

    It is read, not mapped: a file that shrinks under a map kills the process.
    """

    def __init__(self, path: str | os.PathLike[str], window: int = WINDOW) -> None:
        """Open the file; ``window`` is a multiple of ``BLOCK``. Raises OSError."""
        self._span = window
        self._path = path
        self._held = True
        self._fd = -1
        self._fd = os.open(path, _READ_ONLY)
        found = os.fstat(self._fd)
        self.size = found.st_size
        #: What tells it from every other file on this machine.
        self.identity = (found.st_dev, found.st_ino)

    def let_go(self) -> None:
        """Hold the file open no longer than a read takes, since of thousands not all can be."""
        self.close()
        self._held = False

    def close(self) -> None:
        """Close the file; closing it again does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes of a range, fewer if the file has shrunk. Raises OSError."""
        with self._opened() as fd:
            return self._read(fd, start, end)

    def next_data(self, start: int) -> int:
        """Return where at or after ``start`` the file system keeps bytes: before that are zeros.

        ``size`` where there are none. One that cannot tell keeps them everywhere. Raises OSError.
        """
        if _SEEK_DATA is None:
            return start
        with self._opened() as fd:
            try:
                return min(os.lseek(fd, start, _SEEK_DATA), self.size)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    return self.size
                if error.errno in (errno.EINVAL, errno.ENOTSUP):
                    return start
                raise

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Give the file, which between two reads may be closed."""
        if self._held:
            yield self._fd
            return
        fd = os.open(self._path, _READ_ONLY)
        try:
            found = os.fstat(fd)
            if (found.st_dev, found.st_ino) != self.identity:
                raise OSError(errno.ESTALE, "it was replaced by another file")
            yield fd
        finally:
            os.close(fd)

    def _read(self, fd: int, start: int, end: int) -> bytes:
        parts = []
        end = min(end, self.size)
        while start < end:
            os.lseek(fd, start, os.SEEK_SET)
            part = os.read(fd, end - start)
            if not part:
                break
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def window(self, start: int) -> bytes:
        """Return the bytes from ``start`` to the end of its window."""
        return self.read(start, (start // self._span + 1) * self._span)
