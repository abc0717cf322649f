"""The runs that somebody names: those that are not in the warehouse are fetched first."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from dakota_wh.errors import NoSuchRun, NoSuchSource, RunConflict, UsageProblem
from dakota_wh.ingest.landing import ingest
from dakota_wh.ingest.progress import Progress
from dakota_wh.ingest.wandb_api.fetching import Fetch
from dakota_wh.ingest.wandb_api.run_address import RunAddress, read_address
from dakota_wh.warehouse.connection import check_is_warehouse
from dakota_wh.warehouse.layout import stored_run_ids
from dakota_wh.warehouse.run_row import RunRow, newest

_LOCAL: Final = "For what is on disk: dakota-wh ingest PATH, then again with the run's id."


def bring(
    root: Path,
    what: Sequence[str],
    *,
    entity: str | None = None,
    project: str | None = None,
    fetch: Fetch | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[str]:
    """Return the id of each run that is meant, all of them stored by now.

    Args:
        root: the warehouse's folder; it is made when something is fetched.
        what: ids, ``entity/project/id``, or web addresses.
        entity: the W&B entity of what is fetched by its id alone, else ``$WANDB_ENTITY``.
        project: the W&B project, likewise, else ``$WANDB_PROJECT``.
        fetch: how; with ``local_only`` nothing is fetched, with ``refetch`` all of them are.
        on_progress: called as work goes on.

    Raises:
        NoSuchRun: one is not stored, and nobody may or can be asked for it.
        RunConflict: a run of that id is stored, but of another project.
        UsageProblem: a project where a run is wanted.
        WarehouseError: fetching one failed; what is stored stays.
    """
    fetch = fetch or Fetch()
    stored = set(stored_run_ids(root))
    ids: list[str] = []
    wanted: list[str] = []
    for one in what:
        run_id, address = _meant(root, one, stored, entity, project, fetch)
        ids.append(run_id)
        if address:
            wanted.append(address)
    if wanted:
        landed = ingest(
            root, wanted, entity=entity, project=project, fetch=fetch, on_progress=on_progress
        )
        for outcome in landed:
            if outcome.error is not None:
                raise outcome.error
    elif what:
        check_is_warehouse(root)
    return ids


def _meant(
    root: Path,
    one: str,
    stored: set[str],
    entity: str | None,
    project: str | None,
    fetch: Fetch,
) -> tuple[str, str]:
    """Return the run's id, and the words to fetch it by; none where it need not be."""
    row = newest(root, one) if one in stored else None
    if row is not None and not fetch.refetch:
        return one, ""
    if row is not None:
        entity, project = entity or row.entity, project or row.project
    try:
        address = read_address(one, entity, project, base_url=os.environ.get("WANDB_BASE_URL"))
    except NoSuchSource as error:
        raise _nowhere(one, stored, local_only=fetch.local_only) from error
    if not isinstance(address, RunAddress):
        raise UsageProblem(
            f"{one} is a project of W&B; which run of it?", hint="Like: entity/project/29hn8w98"
        )
    row = newest(root, address.run_id) if address.run_id in stored else None
    if row is not None and _other(row, address):
        raise RunConflict(
            f"The warehouse has another run {row.run_id}, of {row.entity}/{row.project}.",
            hint=f"Fetch this one under another id: dakota-wh ingest {address} --as NAME",
        )
    if row is not None and not fetch.refetch:
        return row.run_id, ""
    if fetch.local_only:
        raise _nowhere(one, stored, local_only=True)
    return address.run_id, f"wandb:{address}"


def _other(row: RunRow, address: RunAddress) -> bool:
    pairs = ((row.entity, address.entity), (row.project, address.project))
    return any(stored and wanted and stored != wanted for stored, wanted in pairs)


def _nowhere(one: str, stored: set[str], *, local_only: bool) -> NoSuchRun:
    known = sorted(stored)
    has = f" It has: {', '.join(known[:8])}{' …' if known[8:] else ''}." if known else ""
    if local_only:
        hint = f"Without --local-only it is fetched from W&B. {_LOCAL}"
    else:
        hint = f"Fetch it: dakota-wh ingest ENTITY/PROJECT/{one.rsplit('/', 1)[-1]}. {_LOCAL}"
    return NoSuchRun(f"No data available: the warehouse has no run {one}.{has}", hint=hint)
