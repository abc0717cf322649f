"""One try, watched: what it raised, how long it took, and how much memory."""

from __future__ import annotations

import re
import resource
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

from benchmarks.fuzz.target import Lied, Target
from dakota_wh.errors import WarehouseError

#: Seconds of processor time that a small input may take.
SECONDS = 10.0
#: Bytes that an input may take: so many times its own, and so many at least.
TIMES, LEAST = 64, 64 * 1024 * 1024
#: Addresses that the process may have in use, so that a bomb ends in an error and not the machine.
ADDRESSES = 6 * 1024**3

#: What no error may be called here: nothing is wrong with this machine, only with the input.
_MISTAKEN = ("could not be stored", "Please report")
_HERE = Path(__file__).parents[2]


class Hang(BaseException):
    """A try took too long."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong: its kind, which is the same for inputs that show the same, and its words."""

    target: str
    kind: str
    text: str


def limit_memory() -> None:
    """Let this process have only so much memory."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))


def judge(target: Target, data: bytes, *, memory: bool = True) -> Fault | None:
    """Try one input; return the fault that it shows, None where all is well.

    Args:
        target: what to try.
        data: the input.
        memory: measure the peak of the memory too, which Linux alone tells (a file to write).
    """
    before = _begin_peak() if memory else None
    try:
        with _limited(SECONDS):
            target.attempt(data)
    except WarehouseError as error:
        words = f"{error.message} {error.hint}"
        if any(text in words for text in _MISTAKEN):
            return _fault(target, error, f"mistaken: {type(error).__name__}")
        if "\n" in words or not error.message or not error.hint:
            return _fault(target, error, "an error of several lines, or without a hint")
    except Hang as error:
        return _fault(target, error, f"longer than {SECONDS:g} s")
    except Exception as error:
        return _fault(target, error, type(error).__name__)
    if before is not None:
        most = TIMES * len(data) + LEAST
        taken = _peak() - before
        if taken > most:
            text = f"{taken >> 20} MiB of memory for {len(data)} bytes"
            return Fault(target.name, f"{target.name}: memory", text)
    return None


def _fault(target: Target, error: BaseException, kind: str) -> Fault:
    place = _place(error.__traceback__)
    said = re.sub(r"\d+", "#", (str(error).splitlines() or [""])[0])[:40]
    told = f": {said}" if isinstance(error, Lied | WarehouseError) else ""
    text = "".join(traceback.format_exception(error))
    return Fault(target.name, f"{target.name}: {kind} in {place}{told}", text)


def _place(trace: TracebackType | None) -> str:
    """Return the file and function of the program's own in which it happened."""
    found = "?"
    for frame, _ in traceback.walk_tb(trace):
        path = Path(frame.f_code.co_filename)
        inside = path.is_relative_to(_HERE) and ".venv" not in path.parts
        if inside and frame.f_code.co_name != "must":
            found = f"{path.relative_to(_HERE)}:{frame.f_code.co_name}"
    return found


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise :class:`Hang` inside after so much processor time; libFuzzer has the other timers."""

    def late(_: int, __: FrameType | None) -> None:
        raise Hang

    earlier = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, earlier)


_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def _begin_peak() -> int | None:
    """Begin to measure the peak anew; return what is in use, None where nothing tells."""
    try:
        _CLEAR.write_text("5")
        return _peak()
    except OSError:
        return None


def _peak() -> int:
    """Return the most bytes that were in use since the measuring began."""
    found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    return int(found[1]) * 1024 if found else 0
