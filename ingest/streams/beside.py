"""What a source may have of a run beside its history, and how it hands that out.

Local logs and W&B's service have it; earlier exports have not. The history is stored before any of
this is asked for, so that a file which cannot be had never costs the run.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

from dakota_wh.warehouse.streams import RunFile

#: The streams, by the names of their flags, in the order in which they are fetched.
STREAMS: Final = ("system", "files", "tables")


@dataclass(slots=True)
class SystemValues:
    """Some values of system metrics, as columns of one length.

    ``token`` is the JSON text of a value, as in ``ingest.source.LogRows``; ``timestamp`` is in
    seconds since 1970, ``runtime`` in seconds since the run's first start, None where unknown.
    """

    metric: list[str] = field(default_factory=list)
    label: list[str | None] = field(default_factory=list)
    timestamp: list[float | None] = field(default_factory=list)
    runtime: list[float | None] = field(default_factory=list)
    token: list[str] = field(default_factory=list)

    def add(
        self,
        metric: str,
        token: str,
        timestamp: float | None,
        runtime: float | None,
        label: str | None = None,
    ) -> None:
        """Append one value."""
        self.metric.append(metric)
        self.label.append(label)
        self.timestamp.append(timestamp)
        self.runtime.append(runtime)
        self.token.append(token)

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self.metric)


@dataclass(slots=True)
class SystemReading:
    """One pass over system metrics. ``resume`` and ``lost`` are valid once ``values`` is through.

    ``goes_on`` tells that the values are only those that came after the stored ones.
    """

    values: Iterator[SystemValues]
    goes_on: bool
    sampled: bool
    evidence: str
    resume: dict[str, Any] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Listing:
    """Files and artifacts of a run; ``lost`` says, a sentence each, what could not be listed."""

    files: Sequence[RunFile]
    lost: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The file of a logged table: its path in the run, and the segment of the row that names it."""

    path: str
    segment: int
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A table's file, there until the next one is asked for; or why there is none.

    ``state`` is then one of ``tables_v1.sql``: missing, forbidden, unreachable, refused.
    ``sha256`` is that of the source's file, where ``path`` is a copy with a secret taken out.
    """

    path: Path | None
    state: str = ""
    why: str = ""
    sha256: str | None = None


class Beside(Protocol):
    """What one source has of one run beside its history.

    Raises (every call):
        WarehouseError: none of it can be had now.
    """

    def system(self, resume: Mapping[str, Any] | None) -> SystemReading:
        """Begin a pass over system metrics; ``resume`` is what an earlier one returned."""
        ...

    def files(self, known: Sequence[RunFile]) -> Listing:
        """List files and artifacts; ``known`` is what an earlier call returned, or nothing."""
        ...

    def tables(self, wanted: Sequence[Wanted]) -> Generator[Fetched, None, None]:
        """Yield the file of each wanted table, in order."""
        ...


@runtime_checkable
class HasBeside(Protocol):
    """A source that has it."""

    def beside(self) -> Beside:
        """Return what there is beside the history; called after the history was read."""
        ...


def is_safe(path: str) -> bool:
    """Tell whether a path that a run logged stays inside the run's folder."""
    parts = path.replace("\\", "/").split("/")
    plain = path and not path.startswith(("/", "\\")) and "\x00" not in path
    return bool(plain) and ".." not in parts and ":" not in parts[0]
