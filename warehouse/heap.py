"""Memory of a process that goes on for hours."""

from __future__ import annotations

import ctypes
import sys

#: ``M_ARENA_MAX`` of glibc's ``malloc.h``.
_ARENA_MAX = -8
_FEW = 2


def keep_flat() -> bool:
    """Let the threads of this process share two heaps; tell whether the system can do that.

    Every ingest starts threads, and glibc gives threads heaps of their own, up to eight a core,
    which keep what was freed in them: measured, 0.06 MiB more after each of 360 rounds of a growing
    log, and none with two.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_ARENA_MAX, _FEW))
    except (OSError, AttributeError):  # another libc
        return False
