"""The last resort against a query that keeps to no limit: its process is ended.

DuckDB 2.0 looks at interrupts and counts memory between vectors of rows. One value of a constant
expression, ``repeat('x', 900000000)`` or a list of as many numbers, is computed to its end without
either: measured, 90 s of processor time after the time was up, and 1.8 GiB under a limit of 60 MB.
Such a query can only be stopped from outside, so it must run in a process that may die: that of
``dakota-wh sql``, or the one that ``dakota-wh mcp`` starts for each statement. Nothing is lost by
it, since a query writes nothing.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

#: Seconds after the time limit in which an interrupt takes effect wherever it does.
GRACE: Final = 3.0
#: What a process may take beyond the memory limit, which counts only the engine's buffers.
_SHARE: Final = 1.25
_SLACK: Final = 300_000_000
_GLANCE: Final = 0.05
_UNITS: Final = {"k": 1, "m": 2, "g": 3, "t": 4}


@contextmanager
def ended_on_overrun(
    seconds: float | None, memory_limit: str, tell: Callable[[str], object]
) -> Iterator[None]:
    """End this process if what is done inside keeps to neither limit.

    Args:
        seconds: the time limit, finite; None for none.
        memory_limit: as DuckDB writes sizes; held where the system tells what a process has
            (``/proc`` of Linux).
        tell: given the sentence that says so, just before the end with exit code 1.
    """
    done = threading.Event()
    most = _resident() + _SHARE * bytes_of(memory_limit) + _SLACK
    last = time.monotonic() + seconds + GRACE if seconds is not None else None

    def watch() -> None:
        while not done.wait(_GLANCE):
            if last is not None and time.monotonic() > last:
                why = f"took longer than {seconds:g} s and could not be interrupted"
            elif _resident() > most:
                why = f"took far more memory than {memory_limit}"
            else:
                continue
            tell(f"The query {why}: its process was ended. Narrow it down.")
            os._exit(1)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()


def bytes_of(size: str) -> int:
    """Return how many bytes a size is, as DuckDB reads it: ``500MB``, ``1.5 GiB``."""
    number, unit = re.fullmatch(r"([0-9.]+)\s*(\w+)", size.strip()).groups()  # type: ignore[union-attr]
    base = 1024 if "i" in unit.lower() else 1000
    return int(float(number) * base ** _UNITS.get(unit[0].lower(), 0))


def _resident() -> int:
    """Return the bytes of memory that this process has; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * int(os.sysconf("SC_PAGE_SIZE"))
