"""``WandbLog``: one run, read from the ``.wandb`` files that W&B's client left on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dakota_wh.ingest.source import Continuation

from .framing import NotALogError, Scan, check_header
from .reading import LogReading
from .resume import Bookmark, Progress
from .segments import Segment, problem_of
from .snapshot import Snapshot

KIND: Final = "wandb-log"


class WandbLog:
    """Implements ``Source`` for the logs of one run, given as its segments in any order."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        """Take at least one segment; all have the same run id."""
        self.segments = tuple(sorted(segments, key=Segment.order))

    @property
    def kind(self) -> str:
        """Return ``wandb-log``."""
        return KIND

    @property
    def name(self) -> str:
        """Return ``<run folder>/<file>`` of the first log, and how many more there are."""
        more = len(self.segments) - 1
        return self.segments[0].name + (f" (+{more} more)" if more else "")

    @property
    def run_id(self) -> str:
        """Return the run's id: from its run record, from the file's name while there is none."""
        return self.segments[0].run_id

    @property
    def entity(self) -> str | None:
        """Return the entity, which W&B writes only if the user passed it."""
        return next((s.entity for s in reversed(self.segments) if s.entity), None)

    @property
    def project(self) -> str | None:
        """Return the project."""
        return next((s.project for s in reversed(self.segments) if s.project), None)

    def read(self, resume: Mapping[str, Any] | None) -> LogReading:
        """Begin a pass over the files as they are now; see ``Source.read``.

        Every stored file's beginning is hashed to tell whether it is the same log.

        Raises:
            SourceProblem: a file cannot be opened, or is no log of a version known here.
        """
        files: list[Snapshot] = []
        try:
            files.extend(map(_opened, self.segments))
            stored = None if resume is None else Progress.from_json(resume)
            found = Continuation.WHOLE if stored is None else self._compare(stored, files)
        except BaseException:
            for file in files:
                file.close()
            raise
        if stored is None or found is Continuation.WHOLE:
            return LogReading(
                self.run_id, self.segments, files, found, Progress(), self._missing(stored)
            )
        return LogReading(self.run_id, self.segments, files, found, stored)

    def _compare(self, stored: Progress, files: Sequence[Snapshot]) -> Continuation:
        """Tell how the files relate to what was read before."""
        marks = stored.bookmarks
        names = [segment.name for segment in self.segments]
        if not marks or [mark.name for mark in marks] != names[: len(marks)]:
            return Continuation.WHOLE
        grown = changed = False
        for segment, mark, file in zip(self.segments, marks, files, strict=False):
            try:
                # Rows of an earlier segment come before those of a later one: if that has grown
                # since, its new rows cannot be appended.
                if grown or not _same_beginning(file, mark):
                    return Continuation.WHOLE
                grown = _has_more(file, mark)
            except (OSError, NotALogError) as error:
                raise problem_of(segment.name, error) from error
            changed = mark is marks[-1] and file.size != mark.size
        if grown or changed or len(names) > len(marks):
            return Continuation.APPEND
        return Continuation.UNCHANGED

    def _missing(self, stored: Progress | None) -> list[str]:
        """Say which logs an earlier pass has read that this one does not see."""
        here = {segment.name for segment in self.segments}
        gone = [mark.name for mark in stored.bookmarks if mark.name not in here] if stored else []
        if not gone:
            return []
        return [
            f"An earlier ingest of run {self.run_id} also read {', '.join(gone)}, which is not "
            "among the logs given now: give the folder that holds all of them."
        ]


def _opened(segment: Segment) -> Snapshot:
    try:
        file = Snapshot(segment.path)
    except OSError as error:
        raise problem_of(segment.name, error) from error
    try:
        check_header(file)
    except (OSError, NotALogError) as error:
        file.close()
        raise problem_of(segment.name, error) from error
    return file


def _same_beginning(file: Snapshot, mark: Bookmark) -> bool:
    return file.size >= mark.good_end and file.digest(mark.good_end) == mark.digest


def _has_more(file: Snapshot, mark: Bookmark) -> bool:
    """Tell whether there is a whole record after the bookmark."""
    for _ in Scan(file, mark.good_end).records():
        return True
    return False
