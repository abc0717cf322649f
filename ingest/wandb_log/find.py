"""Finding the logs that a path holds, and which of them are one run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dakota_wh.errors import NoSuchSource, SourceProblem

from .segments import Segment, closed_folder, look_at
from .source import WandbLog

SUFFIX: Final = ".wandb"
_RUN_FOLDERS: Final = ("run-", "offline-run-", "latest-run")


def find_logs(path: Path) -> list[WandbLog]:
    """Return the runs whose logs are at ``path``, in the order of their first start.

    ``path`` is a ``.wandb`` file, a run's folder (``run-…``, ``offline-run-…``), a ``wandb``
    folder, or a folder that holds one. Logs of one run id become one ``WandbLog``. Links to a log
    that is there anyway (``latest-run``) are passed over. An empty list means that nothing here is
    a W&B log. In a folder, a log that cannot be read is found out when it is read, so that it does
    not stand in the way of the others; a folder in it that cannot be listed counts as one.

    Raises:
        NoSuchSource: there is nothing at ``path``.
        SourceProblem: ``path`` is a log that cannot be read, or a folder that cannot be listed.
    """
    try:
        if not path.exists():
            raise NoSuchSource(
                f"There is nothing at {path}.", hint="Check the path, or give a W&B run id."
            )
        alone = path.is_file()
        files = _files(path)
    except PermissionError as error:
        raise SourceProblem(
            f"{error.filename or path.name} cannot be listed: permission denied.",
            hint="Make the folder readable for this user (chmod u+rx), then ingest again.",
        ) from error
    segments = [look_at(file) if file.is_file() else closed_folder(file) for file in files]
    if alone and segments and segments[0].problem:
        raise segments[0].problem
    return one_each(segments)


def one_each(segments: Iterable[Segment]) -> list[WandbLog]:
    """Return the segments as one log a run: same id, and no two different projects or entities."""
    runs: dict[str, list[_Run]] = {}
    for segment in sorted(segments, key=Segment.order):
        namesakes = runs.setdefault(segment.run_id, [])
        place = (segment.project or None, segment.entity or None)
        same = next((run for run in namesakes if run.may_be_at(place)), None)
        if same is None:
            same = _Run()
            namesakes.append(same)
        same.places.add(place)
        same.segments.append(segment)
    return [
        WandbLog(_without_copies(run.segments)) for namesakes in runs.values() for run in namesakes
    ]


@dataclass(slots=True)
class _Run:
    """Logs of one run, and the projects and entities that they name."""

    segments: list[Segment] = field(default_factory=list)
    places: set[tuple[str | None, str | None]] = field(default_factory=set)

    def may_be_at(self, place: tuple[str | None, str | None]) -> bool:
        """Tell whether none of the logs names another project or entity."""
        return all(
            x == y or not x or not y
            for other in self.places
            for x, y in zip(other, place, strict=True)
        )


def _without_copies(run: Sequence[Segment]) -> list[Segment]:
    """Leave out a log that another one begins with: a backup, perhaps an older one.

    Only logs that began in the same microsecond are compared.
    """
    kept: list[Segment] = []
    twins: dict[int, list[Segment]] = {}
    for segment in sorted(run, key=lambda s: s.path.stat().st_size, reverse=True):
        same = [] if segment.started is None else twins.setdefault(segment.started, [])
        if not any(_begins_with(twin.path, segment.path) for twin in same):
            kept.append(segment)
            same.append(segment)
    return kept


def _begins_with(path: Path, shorter: Path) -> bool:
    with path.open("rb") as whole, shorter.open("rb") as part:
        while piece := part.read(1 << 20):
            if whole.read(len(piece)) != piece:
                return False
    return True


def _files(path: Path) -> list[Path]:
    """Return the log files at ``path``, each once, whatever links lead to it."""
    if path.is_file():
        return [path] if path.suffix == SUFFIX else []
    seen: dict[Path, Path] = {}
    for file in _candidates(path):
        seen.setdefault(file.resolve(), file)
    return list(seen.values())


def _candidates(path: Path) -> Iterator[Path]:
    """Yield log files; those that are reached without a link come first.

    Of a folder that cannot be listed, the folder.
    """
    folders = [path, *_run_folders(path)]
    inner = path / "wandb"
    if inner.is_dir() and not is_closed(inner):
        folders += _run_folders(inner)
    closed = (folder for folder in path.iterdir() if is_closed(folder))
    yield from sorted(closed, key=lambda folder: (folder.is_symlink(), folder.name))
    for folder in sorted(folders, key=lambda folder: folder.is_symlink()):
        if folder != path and is_closed(folder):
            if folder.parent != path:  # else it was among its folders
                yield folder
            continue
        files = [file for file in folder.iterdir() if file.suffix == SUFFIX and file.is_file()]
        yield from sorted(files, key=lambda file: (file.is_symlink(), file.name))


def is_closed(folder: Path) -> bool:
    """Return whether it is a folder below a source that this user cannot list; hidden ones aside.

    :func:`find_logs` tells of it, so that whoever else looks there may pass over it.
    """
    if folder.name.startswith(".") or not folder.is_dir():
        return False
    return not os.access(folder, os.R_OK | os.X_OK)


def _run_folders(path: Path) -> list[Path]:
    return sorted(
        child for child in path.iterdir() if child.name.startswith(_RUN_FOLDERS) and child.is_dir()
    )
