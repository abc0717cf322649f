"""Everything that is derived, made anew from the stored history: no source is asked."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from dakota_wh.errors import NotAWarehouse, WarehouseError
from dakota_wh.ingest import derive
from dakota_wh.ingest.landed import Action, Landed
from dakota_wh.ingest.pass_through import opened
from dakota_wh.ingest.progress import OnProgress, Progress, ignore
from dakota_wh.ingest.streams.carry import carry
from dakota_wh.ingest.trouble import TROUBLE, problem_of
from dakota_wh.store.changing import change, create, tidy, turn
from dakota_wh.warehouse import catalogue, parts
from dakota_wh.warehouse.connection import check_is_warehouse
from dakota_wh.warehouse.integrity import Fault, check_parts, damaged
from dakota_wh.warehouse.layout import PART_TABLES, STREAM_TABLES, stored_run_ids
from dakota_wh.warehouse.live_files import gather
from dakota_wh.warehouse.origin import origin_of
from dakota_wh.warehouse.run_row import RunRow, newest, publish
from dakota_wh.warehouse.staging import move_in, staging
from dakota_wh.warehouse.sweep import sweep, sweep_left_behind

#: What nothing derives, beside the streams, which go along by themselves.
_KEPT: Final = ("history", "summary", "config")


def rebuild(root: Path, *, on_progress: OnProgress | None = None) -> list[Landed]:
    """Make metrics, series, steps and roles of every stored run anew, and the catalogue.

    Raises:
        NotAWarehouse: the folder holds no warehouse.
    """
    check_is_warehouse(root)
    create(root)
    outcomes = []
    for run_id in stored_run_ids(root):
        try:
            with turn(root, run_id):
                work = partial(_rebuild, run_id=run_id, on_progress=on_progress or ignore)
                outcomes.append(change(root, run_id, work))
        except WarehouseError as error:
            outcomes.append(Landed(run_id, "", Action.FAILED, note=error.message, error=error))
        except TROUBLE as error:
            problem = problem_of(run_id, error)
            outcomes.append(Landed(run_id, "", Action.FAILED, note=problem.message, error=problem))
    try:
        catalogue.build(root)
    except NotAWarehouse:
        # A run that cannot be read is why no view can be: its outcome says so.
        if not any(outcome.error for outcome in outcomes):
            raise
    gather(root)
    tidy(root)
    if origin_of(root) is None:
        sweep_left_behind(root)
    return outcomes


def _rebuild(root: Path, run_id: str, on_progress: OnProgress) -> Landed:
    live = newest(root, run_id)
    sweep(root, run_id, live)
    if live is None:
        raise WarehouseError(f"Run {run_id} was removed meanwhile.")
    on_progress(Progress(run_id, "metrics", 0, live.rows))
    row = rebuild_run(root, live, live.role if live.role_given else None)
    return Landed(
        run_id,
        row.source_name,
        Action.STORED,
        role=row.role,
        rows=row.rows,
        completeness=row.completeness,
        note=row.evidence,
    )


def rebuild_run(root: Path, live: RunRow, given_role: str | None) -> RunRow:
    """Derive a stored run anew, under a role that the user gives or that its history tells.

    Called under the run's lock. Returns the row that was published.

    Raises:
        WarehouseError: a part that nothing derives is damaged or gone; nothing was changed.
    """
    try:
        check_parts(root, live, (*_KEPT, *STREAM_TABLES))
    except FileNotFoundError as error:
        raise damaged(Fault(live.run_id, str(error), "is missing")) from error
    row = replace(live)
    with (
        staging(root, live.run_id) as staged,
        opened(parts.paths_of(root, live, "history")) as history,
    ):
        axis = derive.decide(row, history, parts.stored_config(root, live), given_role)
        derive.build_whole(row, history, axis, lambda table: staged / table)
        kept = _carry_over(root, live, row, staged)
        made = [path for table in PART_TABLES for path in (staged / table).glob("part-*.parquet")]
        row.parts = sorted(parts.ids_of([*kept, *made]))
        carry(root, live, row, axis, staged)
        move_in(staged, root, row.role, row.run_id, PART_TABLES)
        publish(root, row)
    return row


def _carry_over(root: Path, live: RunRow, row: RunRow, staged: Path) -> list[Path]:
    """Keep the parts that nothing derives; rewrite them where the run moves to another role."""
    kept = [(t, p) for t in _KEPT for p in parts.paths_of(root, live, t)]
    if row.role == live.role:
        return [path for _, path in kept]
    for table, path in kept:
        parts.copy_part(path, staged / table)
    return []
