"""What a WHAT of ``dakota-wh ingest WHAT…`` is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dakota_wh.errors import NoSuchSource, SourceProblem
from dakota_wh.ingest.exports.find import find_exports
from dakota_wh.ingest.source import Source
from dakota_wh.ingest.wandb_log.find import find_logs
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


def united(sources: Sequence[Source]) -> list[Source]:
    """Return the sources with logs of one run, named one by one, as one source."""
    logs: dict[str, WandbLog] = {}
    for source in sources:
        if isinstance(source, WandbLog):
            known = logs.get(source.run_id)
            here = [*known.segments, *source.segments] if known else source.segments
            logs[source.run_id] = WandbLog(list({s.path.resolve(): s for s in here}.values()))
    others = [source for source in sources if not isinstance(source, WandbLog)]
    return [*logs.values(), *others]


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
    if "/" in what or "\\" in what or "." in what:
        return NoSuchSource(f"There is no file or folder {what}.", hint=_TAKES)
    return NoSuchSource(
        f"There is no file or folder {what} here.",
        hint="This version reads local logs and exports, not W&B itself: name the run's path.",
    )
