"""What every source of runs delivers, whatever it reads.

A *source* is one run as one place has it: a W&B log, an export, later the service. It is read
in one pass: first the log rows, batch by batch, then the facts that are certain only at the end.
The warehouse knows nothing of where they came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

import pyarrow as pa

from dakota_wh.errors import SourceProblem

#: A logged key as its path: ``("loss",)`` for a plain key, ``("a", "b")`` for ``{"a": {"b": …}}``.
#: The plain key ``"a.b"`` is ``("a.b",)`` and stays apart from it.
KeyPath = tuple[str, ...]

#: Rows and steps that a source may claim. A larger number counts nothing; two fit a BIGINT.
MOST: Final = 2**62

#: Different keys that a run may have: each costs some 10 KB of memory and a millisecond.
MOST_KEYS: Final = 200_000


class TooManyKeys(SourceProblem):
    """A run has more than ``MOST_KEYS`` different keys."""

    def __init__(self, name: str) -> None:
        """``name`` is the run, or its file."""
        super().__init__(
            f"{name} has more than {MOST_KEYS:,} different keys, the most that can be stored.",
            hint="Log what has so many names as a table or a histogram, or take such keys out.",
        )


def check_keys(count: int, name: str = "The run") -> None:
    """Raise :class:`TooManyKeys` for more keys than a run may have; ``name`` is what has them."""
    if count > MOST_KEYS:
        raise TooManyKeys(name)


@dataclass(frozen=True, slots=True)
class LogRows:
    """A batch of log rows in the order in which they were logged.

    ``columns`` maps a key to an array of ``count`` cells. Arrow type of an array:

    * ``string``: each cell is the JSON text of the value as logged, with NaN, Infinity and
      -Infinity as bare words; null means *not logged in this row*, the text ``null`` means that
      None was logged. ``1`` is an integer and ``1.0`` a float.
    * ``int64``, ``double``, ``bool``: the values themselves; null means not logged.

    ``segment`` counts the files or attempts that make up one run, from 0.
    """

    count: int
    columns: Mapping[KeyPath, pa.Array]
    segment: int = 0


@dataclass(frozen=True, slots=True)
class StepMetric:
    """One ``define_metric`` record: ``metric`` (a name, or a glob ending in ``*``) and its axis."""

    metric: str
    step_metric: str


class Ended(StrEnum):
    """How the source's own record of the run ends."""

    FINISHED = "finished"  # an exit record, or the service, says that it ended well
    FAILED = "failed"  # an exit record, or the service, says that it ended badly
    OPEN = "open"  # no end is recorded: still running, or killed
    UNKNOWN = "unknown"  # this kind of source does not say


@dataclass(frozen=True, slots=True)
class Stated:
    """The certificate that a source states of itself, and the ``rows`` that it was given for."""

    completeness: str
    evidence: str
    sampled: str
    expected_rows: int | None
    rows: int


@dataclass(slots=True)
class RunFacts:
    """What a source knows of a run once it was read to its end. None means it does not know."""

    run_id: str
    entity: str | None = None
    project: str | None = None
    name: str | None = None
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    sweep_id: str | None = None
    url: str | None = None
    state: str | None = None
    created_at: datetime | None = None  # aware, UTC
    #: Nested as logged; leaves are JSON values (NaN and infinities are floats, integers exact).
    #: W&B's own bookkeeping key ``_wandb`` is left out of both.
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    step_metrics: tuple[StepMetric, ...] = ()
    ended: Ended = Ended.UNKNOWN
    #: The role that a person gave the run, where the source keeps it.
    role: str | None = None
    #: The certificate that came with the run, which counts when all of its rows are here.
    stated: Stated | None = None
    #: How many log rows there should be in all, where the source says so.
    expected_rows: int | None = None
    #: The last ``_step`` that there should be, where the source says so beside its summary.
    last_step: int | None = None
    #: How many values there should be under a key, by its dotted name, where the source says so.
    key_counts: Mapping[str, int] = field(default_factory=dict)
    #: How many rows were asked for where not all were, None otherwise.
    sampled: int | None = None
    #: True when the source stops in the middle of a record; ``tail`` says which bytes of which
    #: file are no whole record: not written yet, cut off, or damaged.
    torn: bool = False
    tail: tuple[tuple[str, int, int], ...] = ()
    #: Byte ranges ``(file, start, end)`` that could not be read, and the records lost with them.
    skipped: tuple[tuple[str, int, int], ...] = ()
    lost_records: int = 0
    #: What an earlier pass read of this run and this source does not have: files, by name.
    missing: tuple[str, ...] = ()
    #: What this kind of source cannot tell, in words: "an empty cell may be NaN or not logged".
    lossy: tuple[str, ...] = ()
    #: Anything else that a person should see once, a sentence each.
    warnings: tuple[str, ...] = ()
    #: Where to go on at the next ingest; JSON values only; given back to ``Source.read``.
    resume: dict[str, Any] = field(default_factory=dict)


class Continuation(StrEnum):
    """How a reading relates to what was stored when ``resume`` was returned."""

    UNCHANGED = "unchanged"  # byte for byte the same: there are no rows to read
    APPEND = "append"  # only the rows that came after it
    WHOLE = "whole"  # all rows: a first reading, or the source was rewritten


class Reading(Protocol):
    """One pass over one run. ``rows`` is exhausted first, then ``facts`` is asked once."""

    @property
    def continuation(self) -> Continuation:
        """Known before the first row is read."""
        ...

    def rows(self) -> Iterator[LogRows]:
        """Yield the batches, each small enough to sit in memory."""
        ...

    def facts(self) -> RunFacts:
        """Return what is known of the run; valid after ``rows`` is exhausted."""
        ...


class Source(Protocol):
    """One run as one place has it."""

    @property
    def kind(self) -> str:
        """``wandb-log``, ``csv-export``, ``json-export``, ``parquet-export`` or ``wandb-api``."""
        ...

    @property
    def name(self) -> str:
        """Where it was read, short and without the machine's own folders: ``run-x/run-x.wandb``."""
        ...

    @property
    def run_id(self) -> str:
        """The run's id, known before the history is read."""
        ...

    @property
    def entity(self) -> str | None:
        """The run's entity, where the source knows it before the history is read."""
        ...

    @property
    def project(self) -> str | None:
        """The run's project, where the source knows it before the history is read."""
        ...

    def read(self, resume: Mapping[str, Any] | None) -> Reading:
        """Begin a pass. ``resume`` is what an earlier pass returned, None for all of it.

        Raises:
            SourceProblem: the source is there but cannot be read as a run.
        """
        ...
