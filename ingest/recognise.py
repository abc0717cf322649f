"""What a WHAT of ``dakota-wh ingest WHAT…`` is."""

from __future__ import annotations

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
    path = Path(what).expanduser()
    try:
        if not path.exists():
            raise _not_there(what)
        sources: list[Source] = [*find_logs(path), *find_exports(path)]
    except PermissionError as error:
        raise SourceProblem(
            f"{error.filename or what} cannot be read: permission denied.",
            hint="Check who owns it: ls -l",
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
    if "://" not in what and (is_path_like(what) or Path(what).exists()):
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


def _not_there(what: str) -> NoSuchSource:
    return NoSuchSource(f"There is no file or folder {what}.", hint=_TAKES)
