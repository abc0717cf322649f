"""One line of the doctor's: what was looked at, what was found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dakota_wh.errors import ExitCode


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"  # nothing is wrong, but somebody may want to know
    WARNING = "warning"  # works, and not as well as it could
    ERROR = "error"  # does not work


@dataclass(frozen=True, slots=True)
class Told:
    """What one look found. ``do`` is what to type next, ``""`` where there is nothing to do."""

    #: program, settings, warehouse, runs, locks or service.
    about: str
    subject: str
    state: State
    what: str
    do: str = ""
    #: What the process tells the shell if this is the only error.
    exit_code: ExitCode = ExitCode.ERROR


def exit_code(told: list[Told]) -> ExitCode:
    """Return 0 if nothing is an error, the errors' own code if they agree, else 1."""
    codes = {one.exit_code for one in told if one.state is State.ERROR}
    if not codes:
        return ExitCode.OK
    return codes.pop() if len(codes) == 1 else ExitCode.ERROR
