"""``WandbLog``: one run, read from the ``.wandb`` files that W&B's client left on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dakota_wh.ingest.source import Continuation

from .beside import LogBeside
from .framing import NotALogError, Scan, check_header
from .proof import proves
from .reading import LogReading, Piece
from .resume import Bookmark, Progress
from .segments import Segment, problem_of
from .snapshot import Snapshot

KIND: Final = "wandb-log"

#: Files that are held open while a run is read; many systems allow 256 in all.
_HELD: Final = 64


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

        Of every stored file enough is read to tell whether it is the same log (``proof.py``).

        Raises:
            SourceProblem: a file cannot be opened, or is no log of a version known here.
        """
        files: list[Snapshot] = []
        try:
            for segment in self.segments:
                files.append(_opened(segment))
                if len(self.segments) > _HELD:
                    files[-1].let_go()
            stored = None if resume is None else Progress.from_json(resume)
            return self._reading(stored, files)
        except BaseException:
            for file in files:
                file.close()
            raise

    def beside(self) -> LogBeside:
        """Return what the run's folders hold beside the history."""
        return LogBeside(self.segments)

    def _reading(self, stored: Progress | None, files: Sequence[Snapshot]) -> LogReading:
        here = list(zip(self.segments, files, strict=True))
        pieces = None if stored is None else _aligned(stored.bookmarks, here)
        if stored is not None and pieces is not None:
            found = _compare(stored.bookmarks, pieces)
            if found is not Continuation.WHOLE:
                return LogReading(self.run_id, pieces, found, stored)
        names = {segment.name for segment in self.segments}
        missing = [m.name for m in stored.bookmarks if m.name not in names] if stored else []
        return LogReading(self.run_id, here, Continuation.WHOLE, Progress(), missing=tuple(missing))


def _aligned(
    marks: Sequence[Bookmark], here: Sequence[tuple[Segment, Snapshot]]
) -> list[Piece] | None:
    """Put the files given now beside the bookmarks, new ones behind; None where that is not so.

    A file that was read before and is not given now stays as it was read. A new one must have
    begun after all of them, and must not be one of them under another name.
    """
    by_name = {segment.name: (segment, file) for segment, file in here}
    known: list[Piece] = [by_name.pop(mark.name, (None, None)) for mark in marks]
    new = list(by_name.values())
    absent = [mark for mark, (segment, _) in zip(marks, known, strict=True) if segment is None]
    latest = max((mark.started for mark in marks if mark.started is not None), default=None)
    for segment, file in new:
        begun = segment.started
        if absent and (begun is None or latest is None or begun <= latest):
            return None
        if any(_same_beginning(file, mark) for mark in absent):
            return None
    order = [segment.order() for segment, _ in [*known, *new] if segment is not None]
    return [*known, *new] if order == sorted(order) else None


def _compare(marks: Sequence[Bookmark], pieces: Sequence[Piece]) -> Continuation:
    """Tell how the files relate to what was read before."""
    grown = changed = False
    for mark, (segment, file) in zip(marks, pieces, strict=False):
        if segment is None or file is None:
            continue
        try:
            if not _same_beginning(file, mark):
                return Continuation.WHOLE
            grown = _has_more(file, mark)
            # Rows of an earlier segment come before those of a later one: if that has grown
            # since, its new rows cannot be appended.
            if grown and mark is not marks[-1]:
                return Continuation.WHOLE
        except (OSError, NotALogError) as error:
            raise problem_of(segment.name, error) from error
        changed = mark is marks[-1] and file.size != mark.size
    if grown or changed or len(pieces) > len(marks):
        return Continuation.APPEND
    return Continuation.UNCHANGED


def _opened(segment: Segment) -> Snapshot:
    if segment.problem is not None and segment.path.is_dir():
        raise segment.problem
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
    return proves(mark.digest, file, mark.good_end)


def _has_more(file: Snapshot, mark: Bookmark) -> bool:
    """Tell whether there is a whole record after the bookmark."""
    for _ in Scan(file, mark.good_end).records():
        return True
    return False
