"""A source's run becomes a stored run: read, write, decide the meaning, publish.

Under the run's lock: what a killed ingest left is swept; the source is read into a staging folder;
metrics, summary and config are made beside the history; the parts are moved in; and the runs row,
written last, makes them what readers see. Until that moment the earlier state is untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dakota_wh.errors import (
    RunConflict,
    UsageProblem,
    WarehouseError,
)
from dakota_wh.ingest import better, derive
from dakota_wh.ingest.landed import Action, Landed
from dakota_wh.ingest.pass_through import Told, take
from dakota_wh.ingest.progress import OnProgress, Progress, ignore
from dakota_wh.ingest.rebuild import rebuild_run
from dakota_wh.ingest.recognise import address_of, recognise, united
from dakota_wh.ingest.source import Continuation, Source
from dakota_wh.ingest.streams.beside import STREAMS
from dakota_wh.ingest.streams.bring import bring
from dakota_wh.ingest.streams.carry import carry
from dakota_wh.ingest.trouble import TROUBLE, problem_of
from dakota_wh.ingest.wandb_api.fetching import Fetch, fetch_runs
from dakota_wh.ingest.wandb_api.run_address import Address
from dakota_wh.store.changing import change, create, turn
from dakota_wh.warehouse import catalogue, parts
from dakota_wh.warehouse.layout import PART_TABLES, ROLES, STREAM_TABLES
from dakota_wh.warehouse.live_files import gather
from dakota_wh.warehouse.run_lock import WAIT
from dakota_wh.warehouse.run_row import RunRow, live_parts, named_files, newest, publish
from dakota_wh.warehouse.staging import move_in, staging
from dakota_wh.warehouse.streams import stored_streams
from dakota_wh.warehouse.sweep import sweep


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says about the runs of one ingest."""

    role: str | None = None
    entity: str | None = None
    project: str | None = None
    store_as: str | None = None
    force: bool = False
    refetch: bool = False
    #: What is wanted beside the history: system, files, tables.
    streams: Sequence[str] = ()


def ingest(
    root: Path,
    what: Sequence[str],
    *,
    role: str | None = None,
    entity: str | None = None,
    project: str | None = None,
    store_as: str | None = None,
    force: bool = False,
    streams: Sequence[str] = (),
    fetch: Fetch | None = None,
    on_progress: OnProgress | None = None,
) -> list[Landed]:
    """Bring every run of ``what`` into the warehouse at ``root``, which is created if need be.

    Args:
        root: the warehouse's folder.
        what: paths of W&B logs, run folders, ``wandb/`` folders or exports; runs of W&B by id,
            ``entity/project/id`` or web address; ``entity/project`` with filters in ``fetch``.
        role: the runs' role, instead of the one that their keys, name and config tell.
        entity: the W&B entity, where ``what`` or the source does not name it.
        project: the W&B project, likewise.
        store_as: the id to store the one run under.
        force: replace a stored run even by a source that knows less, or by another run.
        streams: what to bring beside the history: ``system`` metrics, the list of ``files`` and
            artifacts, the rows of logged ``tables``.
        fetch: how runs are fetched from W&B, and which of a project.
        on_progress: called as work goes on.

    Returns:
        One outcome per run found; a run that failed has its ``error`` and leaves what was stored.

    Raises:
        UsageProblem: a role that does not exist, ``store_as`` with several runs, nothing named.
        NotAWarehouse: the folder cannot be made a warehouse.
    """
    fetch = fetch or Fetch()
    options = Options(role, entity, project, store_as, force, fetch.refetch, tuple(streams))
    _check(options, what)
    fetch.check()
    sources, addresses, outcomes = _meant(what, options, narrows=fetch.narrows)
    named = {source.run_id for source in sources} | {str(address) for address in addresses}
    if store_as and len(named) > 1:
        raise UsageProblem(f"--as {store_as} names one run, but there are {len(named)}.")
    if sources or (addresses and not fetch.local_only):
        create(root)
        catalogue.ensure(root)
    for source in sources:
        outcomes.append(land(root, source, options, on_progress or ignore))
    if addresses:
        told = asdict(options)
        outcomes += fetch_runs(root, addresses, told, fetch, on_progress or ignore)
    if any(outcome.action in (Action.STORED, Action.GREW) for outcome in outcomes):
        gather(root)
    return outcomes


def _check(options: Options, what: Sequence[str]) -> None:
    if not what or not all(word.strip() for word in what):
        raise UsageProblem("Nothing to ingest was named.", hint="Try: dakota-wh ingest --help")
    if options.role is not None and options.role not in ROLES:
        raise UsageProblem(f"There is no role {options.role!r}.", hint=f"Roles: {', '.join(ROLES)}")
    unknown = [name for name in options.streams if name not in STREAMS]
    if unknown:
        raise UsageProblem(
            f"There is no stream {unknown[0]!r}.", hint=f"Streams: {', '.join(STREAMS)}"
        )


def _meant(
    what: Sequence[str], options: Options, *, narrows: bool
) -> tuple[list[Source], list[Address], list[Landed]]:
    """Return local sources, runs of the service, and what is neither."""
    sources: list[Source] = []
    addresses: list[Address] = []
    failed: list[Landed] = []
    for one in what:
        try:
            address = address_of(one, options.entity, options.project, narrows=narrows)
            if address is None:
                sources += recognise(one)
            else:
                addresses.append(address)
        except WarehouseError as error:
            failed.append(Landed(one, one, Action.FAILED, note=error.message, error=error))
    return united(sources), addresses, failed


def land(
    root: Path,
    source: Source,
    options: Options,
    on_progress: OnProgress = ignore,
    *,
    wait: float = WAIT,
) -> Landed:
    """Bring one run in; whatever goes wrong is in the outcome's ``error``.

    ``wait`` is how long another process may hold the run's lock, in seconds.
    """
    run_id = options.store_as or source.run_id
    had: set[str] = set()
    lost = False

    def history(at: Path) -> Landed:
        nonlocal had, lost
        before = newest(at, run_id)
        had = set() if before is None else _streams_of(at, before)
        lost = before is not None and _streams_lack_some(at, before)
        return _land(at, run_id, source, options, on_progress)

    def streams(at: Path) -> Landed:
        return _beside(at, landed, source, options, had, on_progress, lost=lost)

    try:
        with turn(root, run_id, wait=wait):
            landed = change(root, run_id, history)
            return change(root, run_id, streams) if options.streams or had else landed
    except WarehouseError as error:
        return Landed(run_id, source.name, Action.FAILED, note=error.message, error=error)
    except TROUBLE as error:
        problem = problem_of(run_id, error)
        return Landed(run_id, source.name, Action.FAILED, note=problem.message, error=problem)


def _beside(
    root: Path,
    landed: Landed,
    source: Source,
    options: Options,
    had: set[str],
    on_progress: OnProgress,
    *,
    lost: bool,
) -> Landed:
    """Bring what is wanted beside the history of a run that has just landed.

    Where all of the run was written anew, that includes the streams which it had: they may be of
    what it was before. Where a part of these was ``lost``, what is said to be stored may not be.
    """
    live = newest(root, landed.run_id)
    if live is None or landed.action is Action.KEPT:
        kept = "not brought, since what is stored of the run is kept"
        return replace(landed, streams=tuple(f"--{name}: {kept}." for name in options.streams))
    anew = landed.action is Action.STORED and landed.new_rows > 0
    wanted = {*options.streams, *(had if anew else ())}
    again = options.force or options.refetch or lost
    row, remarks = bring(root, live, source, sorted(wanted), on_progress, anew=again)
    return replace(landed, streams=remarks, warnings=tuple(row.warning_list()))


def _land(
    root: Path, run_id: str, source: Source, options: Options, on_progress: OnProgress
) -> Landed:
    live = newest(root, run_id)
    sweep(root, run_id, live)
    if live is not None:
        if live.role_given and options.role is None:
            options = replace(options, role=live.role)
        entity, project = source.entity or options.entity, source.project or options.project
        _refuse_other_run(live, entity, project, options)
    resume = None
    again = options.force or options.refetch
    if live is not None and live.source == source.kind and not again:
        # With a part gone, all of the run is read again, which puts it back.
        resume = live.resume_point() if _all_there(root, live) else None
    reading = source.read(resume)
    if live is not None and reading.continuation is Continuation.UNCHANGED:
        return _unchanged(root, live, source, options)
    with staging(root, run_id) as staged:
        told = Told(run_id, options.role, options.entity, options.project)
        passed = take(root, told, live, source, reading, staged, on_progress)
        row = passed.row
        if live is not None:
            _refuse_other_run(live, row.entity, row.project, options)
            if resume is not None and _same(live, row):
                return _unchanged(root, live, source, options)
            # What was only added to holds all that is stored, and a part that is gone is no
            # better than what is here.
            added = reading.continuation is Continuation.APPEND or not _all_there(root, live)
            worse = "" if options.force or added else better.why_kept(live, row, passed.missing)
            if worse:
                return _outcome(live, source, Action.KEPT, note=worse)
        if live is not None:
            carry(root, live, row, passed.axis, staged)
        on_progress(Progress(run_id, "publishing", row.rows, row.rows))
        try:
            move_in(staged, root, row.role, run_id, PART_TABLES)
            publish(root, row)
        except OSError:
            with suppress(OSError):
                sweep(root, run_id, live)  # what was moved in is nobody's, and takes room
            raise
    if passed.moves_to is not None:
        row = rebuild_run(root, row, options.role)
    action = Action.GREW if passed.new_rows < row.rows else Action.STORED
    return _outcome(row, source, action, new_rows=passed.new_rows)


def _streams_of(root: Path, live: RunRow) -> set[str]:
    """Return the streams that a run has, also where the part that says so is gone."""
    return {*stored_streams(root, live)} | {*STREAMS} & {one.table for one in named_files(live)}


def _streams_lack_some(root: Path, live: RunRow) -> bool:
    """Tell whether a part of what a run has beside its history is gone."""
    named = {one.name for one in named_files(live) if one.table in STREAM_TABLES}
    here = {path.name for table in STREAM_TABLES for path in parts.paths_of(root, live, table)}
    return not named <= here


def _same(live: RunRow, row: RunRow) -> bool:
    """Tell whether the service gave again what is stored, where it had been asked for more."""
    facts = (row.rows, row.completeness, row.evidence, row.resume)
    stored = (live.rows, live.completeness, live.evidence, live.resume)
    return row.source == "wandb-api" and facts == stored


def _all_there(root: Path, live: RunRow) -> bool:
    here = {i for table in PART_TABLES for i in parts.ids_of(parts.paths_of(root, live, table))}
    return live_parts(live) <= here


def _refuse_other_run(
    live: RunRow, entity: str | None, project: str | None, options: Options
) -> None:
    stored, new = (live.entity, live.project), (entity, project)
    other = any(a and b and a != b for a, b in zip(stored, new, strict=True))
    if not other or options.force:
        return
    names = ["/".join(part or "?" for part in pair) for pair in (stored, new)]
    raise RunConflict(
        f"The warehouse has another run {live.run_id}, of {names[0]}; this one is of {names[1]}.",
        hint="Store it under another id (--as NAME), or replace the stored one (--force).",
    )


def _unchanged(root: Path, live: RunRow, source: Source, options: Options) -> Landed:
    """Store what is new about an unchanged run: what the user says, or how this version sees it.

    When that is nothing, nothing is written.
    """
    entity, project = live.entity or options.entity, live.project or options.project
    says = (entity, project) != (live.entity, live.project) or (
        options.role is not None and not live.role_given
    )
    moves = options.role is not None and options.role != live.role
    if not says and not moves and live.meaning == derive.meaning():
        return _outcome(live, source, Action.UNCHANGED)
    live.entity, live.project = entity, project
    if options.role is not None and not live.role_given:
        live.role_evidence, live.role_given = derive.GIVEN, True
    if moves or live.meaning != derive.meaning():
        live = rebuild_run(root, live, options.role)
    else:
        publish(root, live)
    return _outcome(live, source, Action.STORED)


def _outcome(
    row: RunRow, source: Source, action: Action, *, new_rows: int = 0, note: str = ""
) -> Landed:
    return Landed(
        run_id=row.run_id,
        source_name=source.name,
        action=action,
        role=row.role,
        rows=row.rows,
        new_rows=new_rows,
        completeness=row.completeness,
        note=note or row.evidence,
        warnings=tuple(row.warning_list()),
    )
