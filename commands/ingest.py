"""``dakota-wh ingest``: runs into the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from dakota_wh.commands.completing import complete_sources
from dakota_wh.commands.fetch_options import (
    choice_of_runs,
    optional_streams,
    the_fetch,
    ways_to_fetch,
)
from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.commands.outcome import outcome_format, tell_outcome
from dakota_wh.commands.output import Output
from dakota_wh.commands.progress_shown import progress_shown
from dakota_wh.errors import SomeRunsFailed
from dakota_wh.rendering.rows import Listing
from dakota_wh.rendering.values import printable
from dakota_wh.warehouse.arrow_alone import spare_pandas
from dakota_wh.warehouse.layout import ROLES

if TYPE_CHECKING:
    from dakota_wh.ingest.planned import Planned

_EXAMPLES: Final = """
dakota-wh ingest 29hn8w98 7nikv4vp --entity me --project rl
dakota-wh ingest me/rl/29hn8w98 --role orchestrator
dakota-wh ingest me/rl --state finished --since 7d --dry-run
dakota-wh ingest wandb/
dakota-wh ingest me/rl/29hn8w98 --tables --system
dakota-wh ingest exports/29hn8w98_history.csv --as baseline --format json
"""


@click.command("ingest", cls=Command, epilog=_EXAMPLES)
@click.argument("what", metavar="WHAT...", nargs=-1, shell_complete=complete_sources)
@click.option("--role", type=click.Choice(ROLES), help="What the run is, where it cannot be told.")
@click.option("--entity", metavar="E", help="W&B entity (default: $WANDB_ENTITY).")
@click.option("--project", metavar="P", help="W&B project (default: $WANDB_PROJECT).")
@click.option("--as", "store_as", metavar="NAME", help="Store the run under another id.")
@click.option("--force", is_flag=True, help="Write all of it anew, whatever is stored.")
@optional_streams
@choice_of_runs
@ways_to_fetch
@click.option("--dry-run", is_flag=True, help="List the runs and what would change; write nothing.")
@outcome_format
@warehouse_options
def command(
    what: tuple[str, ...],
    role: str | None,
    entity: str | None,
    project: str | None,
    store_as: str | None,
    force: bool,
    streams: tuple[str, ...],
    run_path: tuple[str, ...],
    dry_run: bool,
    format_: str,
    **fetching: Any,
) -> None:
    """Bring runs into the warehouse. A run that is here already gets only what is new.

    WHAT is a W&B run (an id, entity/project/id, or its web address), a project (entity/project)
    with --state, --since, --group or --filter, a .wandb file or a folder of them (run-*,
    offline-run-*, wandb/), or a file or folder of an earlier export.
    """
    everything = (*what, *(f"wandb:{path}" for path in run_path))
    if not everything:
        raise click.MissingParameter(param_hint="'WHAT...'", param_type="argument")
    fetch = the_fetch(**fetching)
    if dry_run:
        planned = the_warehouse().plan(
            *everything, entity=entity, project=project, store_as=store_as, fetch=fetch
        )
        _tell_plan(planned, as_json=format_ == "json")
        return
    spare_pandas()
    with progress_shown() as on_progress:
        landed = the_warehouse().ingest(
            *everything,
            role=role,
            entity=entity,
            project=project,
            store_as=store_as,
            force=force,
            streams=streams,
            fetch=fetch,
            on_progress=on_progress,
        )
    tell_outcome(landed, as_json=format_ == "json")


_COLUMNS: Final = ("run", "name", "state", "expected_rows", "stored_rows", "change")


def _tell_plan(planned: list[Planned], *, as_json: bool) -> None:
    """Print what an ingest would do.

    Raises:
        WarehouseError: one of the runs cannot be asked for; the others are printed.
    """
    rows = [
        (one.source_name, one.name, one.state, one.expected_rows, one.stored_rows, one.change)
        for one in planned
        if one.error is None
    ]
    types = ["VARCHAR", "VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "VARCHAR"]
    output = Output("json" if as_json else None, None)
    if rows:
        output.write(Listing(list(_COLUMNS), types, rows))
    failed = [one for one in planned if one.error is not None]
    if not failed:
        return
    if len(planned) == 1 and failed[0].error is not None:
        raise failed[0].error
    for one in failed:
        click.echo(printable(f"failed     {one.source_name}  {one.error}"), err=True)
    raise SomeRunsFailed(f"{len(failed)} of {len(planned)} cannot be asked for.")
