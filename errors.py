"""Every error that dakota-wh raises on purpose, and the exit code that goes with each.

    WarehouseError                  1  something went wrong
    ├── UsageProblem                2  the call's words are off
    │   └── NoSuchView              2  no view of that name or version
    ├── NothingFound                3  the thing asked for is not there
    │   ├── NoSuchRun               3  the warehouse has no such run
    │   ├── NoSuchSource            3  the path or run to ingest is not there
    │   └── NoSuchStore             3  the bucket is not there
    ├── NotSignedIn                 4  W&B wants a key
    ├── StoreRefused                4  an object store wants credentials, or other ones
    ├── SourceUnreachable           5  the network or the service does not answer
    │   └── StoreUnreachable        5  an object store does not answer
    ├── SomeRunsFailed              6  some runs were ingested, some were not
    ├── SourceProblem               1  the source is there but cannot be read as a run
    ├── RunConflict                 1  another run of the same id is stored
    ├── BadQuery                    1  the SQL was refused or failed
    ├── NotInstalled                1  an optional package is not there
    ├── StoreProblem                1  an object store fails, or gives other bytes than were stored
    └── NotAWarehouse               1  the folder is something else
        ├── NotReadable             1  a part of it is there, but may not or cannot be read now
        └── StoredByNewer           1  a run in it was stored by a newer program

A message says what happened, to which run, and what to type next; ``hint`` is that last part.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells the shell; the numbers are a contract."""

    OK = 0
    ERROR = 1
    USAGE = 2
    NOTHING_FOUND = 3
    AUTHENTICATION = 4
    NETWORK = 5
    SOME_RUNS_FAILED = 6
    FINDINGS = 7
    INTERRUPTED = 130


class WarehouseError(Exception):
    """Root of all errors of dakota-wh.

    ``message`` says what happened and to which run; ``hint``, when there is one, what to type next.
    """

    exit_code: ExitCode = ExitCode.ERROR

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class UsageProblem(WarehouseError):
    """The call's own words are off: an impossible flag, an unknown format."""

    exit_code = ExitCode.USAGE


class NoSuchView(UsageProblem):
    """No view of that name, or not in that version."""


class NothingFound(WarehouseError):
    """The thing asked for is not there."""

    exit_code = ExitCode.NOTHING_FOUND


class NoSuchRun(NothingFound):
    """The warehouse holds no run of that id."""


class NoSuchSource(NothingFound):
    """The path or run that should be ingested is not there, or holds no run."""


class NoSuchStore(NothingFound):
    """The bucket of an object store is not there."""


class NotSignedIn(WarehouseError):
    """W&B wants a key that is missing or was refused."""

    exit_code = ExitCode.AUTHENTICATION


class StoreRefused(WarehouseError):
    """An object store has no credentials of ours, does not know them, or does not allow it."""

    exit_code = ExitCode.AUTHENTICATION


class SourceUnreachable(WarehouseError):
    """The network or the service did not answer in time."""

    exit_code = ExitCode.NETWORK


class StoreUnreachable(SourceUnreachable):
    """An object store did not answer in time."""


class SomeRunsFailed(WarehouseError):
    """Some of several runs were ingested and some were not."""

    exit_code = ExitCode.SOME_RUNS_FAILED


class SourceProblem(WarehouseError):
    """The source is there but cannot be read as a run."""


class RunConflict(WarehouseError):
    """A different run of the same id is stored already."""


class BadQuery(WarehouseError):
    """SQL was refused by the read-only gate, or failed."""


class StoreProblem(WarehouseError):
    """An object store failed, or gave bytes that are not those that were stored."""


class NotInstalled(WarehouseError):
    """An optional package is not installed.

    Args:
        what: who needs it.
        package: its name in the registry.
        extra: the extra of ours that brings it, if one does.
    """

    def __init__(self, what: str, package: str, *, extra: str = "") -> None:
        hint = how_to_add(extra) if extra else f"Beside dakota-wh: (uv) pip install {package}"
        super().__init__(f"{what} needs {package}, which is not installed.", hint=hint)


def how_to_add(extra: str) -> str:
    """Return how to get one of the program's extras, whichever way the program was installed."""
    return (
        f"Install dakota-wh again with it: in a clone uv tool install '.[{extra}]' or pip install "
        f"'.[{extra}]'; from an index pip install 'dakota-wh[{extra}]'"
    )


class NotAWarehouse(WarehouseError):
    """The folder is not a warehouse, or cannot be written or read."""


class NotReadable(NotAWarehouse):
    """A file or folder of a warehouse is there, but may not be read, or the disk does not answer.

    Nothing of it is known to be damaged.
    """


class StoredByNewer(NotAWarehouse):
    """A run was stored in a layout that this program does not know."""

    def __init__(self, run_id: str, layout: int) -> None:
        super().__init__(
            f"Run {run_id} was stored by a newer dakota-wh (layout {layout}).",
            hint="Update this program: pip install -U dakota-wh",
        )
