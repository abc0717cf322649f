"""What a WHAT of ``dakota-wh ingest WHAT…`` is."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from dakota_wh.errors import NoSuchSource, SourceProblem
from dakota_wh.ingest.exports.find import find_exports
from dakota_wh.ingest.source import Source
from dakota_wh.ingest.wandb_api.run_address import (
    Address,
    ProjectAddress,
    is_path_like,
    read_address,
)
from dakota_wh.ingest.wandb_log.find import find_logs, one_each
from dakota_wh.ingest.wandb_log.source import WandbLog


def recognise(what: str) -> list[Source]:
    """Return the runs that a path holds: W&B's local logs, or earlier exports.

    Raises:
        NoSuchSource: there is no such path, or it holds no run.
        SourceProblem: it holds one that cannot be read.
    """
    try:
        path = Path(what).expanduser()
    except RuntimeError as error:  # ~name of nobody
        raise _not_there(what) from error
    try:
        if not path.exists():
            raise _leads_nowhere(path) if path.is_symlink() else _not_there(what)
        if not (path.is_file() or path.is_dir()):
            raise NoSuchSource(f"{path} is no file and no folder: a pipe or a device.", hint=_TAKES)
        sources: list[Source] = [*find_logs(path), *find_exports(path)]
    except PermissionError as error:
        raise SourceProblem(
            f"{error.filename or what} cannot be read: permission denied.",
            hint="Check who owns it: ls -l",
        ) from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise NoSuchSource(
            f"{what[:40]}… is too long for a name of a file.", hint=_TAKES
        ) from error
    if not sources:
        raise NoSuchSource(_nothing_in(path), hint=_TAKES)
    return sources


def address_of(
    what: str, entity: str | None, project: str | None, *, narrows: bool
) -> Address | None:
    """Return which run or project of W&B is meant; None where a path is.

    Two words with a slash are a project only if something picks among its runs (``narrows``):
    without that it is likelier a folder that is not here.

    Raises:
        NoSuchSource, UsageProblem: it is no path, and no run can be meant either.
    """
    if "://" not in what and (is_path_like(what) or os.path.lexists(what)):
        return None
    address = read_address(what, entity, project, base_url=os.environ.get("WANDB_BASE_URL"))
    if isinstance(address, ProjectAddress) and "://" not in what and not narrows:
        raise NoSuchSource(
            f"There is no file or folder {what} here.",
            hint="If it is a project of W&B, say which of its runs: --state all, --since 7d, …",
        )
    return address


def united(sources: Sequence[Source]) -> list[Source]:
    """Return the sources with logs of one run, named one by one, as one source."""
    segments = {
        segment.path.resolve(): segment
        for source in sources
        if isinstance(source, WandbLog)
        for segment in source.segments
    }
    others = [source for source in sources if not isinstance(source, WandbLog)]
    return [*one_each(segments.values()), *others]


_TAKES = (
    "It takes a .wandb file, a run folder, a wandb/ folder, or an export: <id>_history.csv with"
    " <id>_summary.json, the all-in-one JSON, a history .parquet."
)


def _nothing_in(path: Path) -> str:
    if path.is_dir():
        some = sorted(entry.name for entry in path.iterdir())[:4]
        held = f"it holds {', '.join(some)}, …" if some else "it is empty"
        return f"No run in the folder {path}: {held}."
    return f"{path} is neither a W&B log nor an export of a run."


def _leads_nowhere(path: Path) -> NoSuchSource:
    return NoSuchSource(f"{path} is a link that leads nowhere.", hint=f"See: ls -l {path}")


def _not_there(what: str) -> NoSuchSource:
    return NoSuchSource(f"There is no file or folder {what}.", hint=_TAKES)
