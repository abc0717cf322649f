"""What a run's local folders hold beside the history: see ``ingest/streams/beside.py``."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dakota_wh.ingest.streams.beside import Fetched, Listing, SystemReading, Wanted
from dakota_wh.warehouse.streams import RunFile

from .saved import artifacts_of, files_of
from .segments import Segment
from .stats import read_system


@dataclass(frozen=True, slots=True)
class LogBeside:
    """Implements ``Beside`` for the segments of one run, in their order."""

    segments: Sequence[Segment]

    def system(self, resume: Mapping[str, Any] | None) -> SystemReading:
        """Begin a pass over the system metrics, which a log holds all of."""
        return read_system(self.segments, resume)

    def files(self, known: Sequence[RunFile]) -> Listing:
        """List what lies in the folders; of a name in several of them, the last one's."""
        before = {one.name: one for one in known if one.kind == "file"}
        files: dict[str, RunFile] = {}
        artifacts: dict[RunFile, None] = {}
        lost = []
        for segment in self.segments:
            files.update((one.name, one) for one in files_of(segment, before))
            found, bad = artifacts_of(segment)
            artifacts.update(dict.fromkeys(found))
            if bad:
                lost.append(f"{bad} records of {segment.name} could not be read")
        return Listing([*files.values(), *artifacts], lost)

    def tables(self, wanted: Sequence[Wanted]) -> Generator[Fetched, None, None]:
        """Yield where each table's file lies, in the folder of its segment or of another one."""
        for one in wanted:
            yield self._found(one)

    def _found(self, wanted: Wanted) -> Fetched:
        first = [s for number, s in enumerate(self.segments) if number == wanted.segment]
        there: list[Path] = []
        for segment in (*first, *self.segments):
            folder = segment.path.parent / "files"
            path = folder / wanted.path
            try:
                if not path.is_file():
                    continue
                if not path.resolve().is_relative_to(folder.resolve()):
                    why = "its file is a link that leads out of the run's folder"
                    return Fetched(None, "refused", why)
                if wanted.size is None or path.stat().st_size == wanted.size:
                    return Fetched(path)
            except (OSError, ValueError):  # a name too long for the file system, say
                continue
            there.append(path)
        if there:
            return Fetched(there[0])
        return Fetched(None, "missing", "its file is not in the run's folder")
