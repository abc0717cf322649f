"""One ``.wandb`` file of a run: its names, and what its first records say of it.

A run has one log per process that wrote it: a run resumed offline leaves a second folder with the
same run id, whose ``_step`` may begin at 0 again.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from dakota_wh.errors import SourceProblem

from . import wire
from .framing import NotALogError, Scan
from .records import Fold
from .snapshot import BLOCK, Snapshot

#: The run record is the second or third record of a log; beyond this it is not looked for.
_LOOK_AT: Final = 200

_FILE_NAME = re.compile(r"run-(.+)\.wandb", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Segment:
    """A log file and the run it belongs to.

    ``started`` is in microseconds since 1970, None while the log has no run record. ``problem`` is
    why it cannot be read, if that is known already.
    """

    path: Path
    name: str  # "<run folder>/<file>", without the machine's own folders
    run_id: str
    entity: str | None = None
    project: str | None = None
    started: int | None = None
    problem: SourceProblem | None = None

    def order(self) -> tuple[bool, int, str]:
        """Return the key by which the segments of a run are sorted: start, then folder's name."""
        return (self.started is None, self.started or 0, self.name)


def look_at(path: Path) -> Segment:
    """Return what the beginning of a log says; a log that cannot be read has a ``problem``."""
    name = f"{path.parent.resolve().name}/{path.name}"
    match = _FILE_NAME.fullmatch(path.name)
    run_id = match[1] if match else path.stem
    try:
        fold = _first_run(path)
    except (OSError, NotALogError) as error:
        return Segment(path, name, run_id, problem=problem_of(name, error))
    return Segment(
        path,
        name,
        fold.run.get("run_id") or run_id,
        fold.run.get("entity") or None,
        fold.run.get("project") or None,
        fold.started,
    )


def closed_folder(path: Path) -> Segment:
    """Return what stands for the logs of a folder that cannot be listed: it has a ``problem``."""
    problem = SourceProblem(
        f"{path.name} cannot be listed: permission denied.",
        hint=f"Make the folder readable for this user: chmod u+rx {shlex.quote(str(path))}",
    )
    return Segment(path, path.name, path.name.rpartition("-")[2], problem=problem)


def _first_run(path: Path) -> Fold:
    """Read the log up to its first run record."""
    fold = Fold()
    file = Snapshot(path, window=BLOCK)  # of thousands of logs only the beginnings are read
    try:
        for payload in islice(Scan(file).records(), _LOOK_AT):
            try:
                _, kind, start, end = wire.envelope(payload)
                if kind == wire.RUN:
                    fold.apply(kind, bytes(payload[start:end]))
                    break
            except wire.BadRecordError:
                continue
    finally:
        file.close()
    return fold


def problem_of(name: str, error: OSError | NotALogError) -> SourceProblem:
    """Return the error that a person should see: what happened, to which file, what to do."""
    if isinstance(error, NotALogError):
        if error.version is not None:
            return SourceProblem(
                f"{name} was written by a newer W&B: the log has version byte {error.version},"
                " this program knows version 0.",
                hint="Update dakota-wh, or `wandb sync` the run and ingest it from the service.",
            )
        return SourceProblem(
            f"{name} is not a W&B log: it does not begin with ':W&B'.",
            hint="Copy it again from where it was written, or take it out of the folder.",
        )
    if isinstance(error, PermissionError):
        return SourceProblem(
            f"{name} cannot be opened: permission denied.",
            hint="Make the file readable for this user (chmod u+r), then ingest again.",
        )
    reason = error.strerror or type(error).__name__
    return SourceProblem(
        f"{name} cannot be read: {reason}.", hint="Check the disk, then try again."
    )
