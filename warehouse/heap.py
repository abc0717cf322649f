"""Memory of a process that goes on for hours."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

#: ``M_ARENA_MAX`` of glibc's ``malloc.h``.
_ARENA_MAX = -8
_FEW = 2


def keep_flat() -> bool:
    """Let the threads of this process share two heaps; tell whether the system can do that.

    Every ingest starts threads, and glibc gives threads heaps of their own, up to eight a core,
    which keep what was freed in them. So does Arrow's own allocator, which is therefore the
    system's here. Arrow asks for one when it is loaded, so call this before; the processes that
    this one starts have the setting, too. ``benchmarks/attacks/soak.py`` tells what each keeps.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_ARENA_MAX, _FEW))
    except (OSError, AttributeError):  # another libc
        return False


def give_back() -> None:
    """Return to the system what is free in the heaps, before work that needs other memory.

    Arrow and glibc keep what was freed for more of the same size. After a long reading that is
    tens of MiB, which what is derived from it would take once more.
    """
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):  # another libc
            ctypes.CDLL(None).malloc_trim(0)
