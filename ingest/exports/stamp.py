"""Which bytes a reading saw: sizes and digests of its files, and whether they stayed the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.tokens import safe_key

_CHUNK = 1 << 20


def cannot_read(path: Path, error: OSError) -> SourceProblem:
    """Return the problem of a file that the system does not let us read."""
    reason = error.strerror or type(error).__name__
    return SourceProblem(
        f"{safe_key(path.name)} cannot be read: {reason}.",
        hint="Check that the file is there and that you may read it, then ingest it again.",
    )


def digest(path: Path, watch: Callable[[bytes], None] | None = None) -> list[int | str]:
    """Return ``[bytes, blake2b hex]`` of a file; ``watch`` sees each chunk on the way.

    Raises:
        SourceProblem: the file cannot be read.
    """
    state = hashlib.blake2b(digest_size=32)
    size = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                state.update(chunk)
                size += len(chunk)
                if watch is not None:
                    watch(chunk)
    except OSError as error:
        raise cannot_read(path, error) from error
    return [size, state.hexdigest()]


class Snapshot:
    """The files of one reading as they were when it began."""

    def __init__(
        self, files: Iterable[Path], watch: Mapping[Path, Callable[[bytes], None]] | None = None
    ) -> None:
        self._files = tuple(files)
        self._seen = [_times(path) for path in self._files]
        watchers = watch or {}
        self._stamps = {
            safe_key(path.name): digest(path, watchers.get(path)) for path in self._files
        }

    @property
    def resume(self) -> dict[str, Any]:
        """What the next reading compares with: ``{"files": {name: [size, digest]}}``."""
        return {"files": dict(self._stamps)}

    def matches(self, resume: Mapping[str, Any] | None) -> bool:
        """Tell whether ``resume`` names exactly these bytes."""
        return resume is not None and resume.get("files") == self._stamps

    def check(self) -> None:
        """Raise SourceProblem when a file was written to while it was being read."""
        for path, seen in zip(self._files, self._seen, strict=True):
            if _times(path) != seen:
                raise SourceProblem(
                    f"{path.name} changed while it was being read.",
                    hint="Wait until the export is finished, then ingest it again.",
                )


def _times(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise cannot_read(path, error) from error
    return status.st_size, status.st_mtime_ns
