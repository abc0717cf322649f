"""``dakota-wh ingest``: runs into the warehouse."""

from __future__ import annotations

from typing import Final

import click

from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.commands.outcome import tell_outcome
from dakota_wh.commands.progress_shown import progress_shown
from dakota_wh.warehouse.layout import ROLES

_EXAMPLES: Final = """
dakota-wh ingest 29hn8w98 7nikv4vp --entity me --project rl
dakota-wh ingest me/rl/29hn8w98 --role orchestrator
dakota-wh ingest wandb/
dakota-wh ingest exports/29hn8w98_history.csv --as baseline --format json
"""


@click.command("ingest", cls=Command, epilog=_EXAMPLES)
@click.argument("what", metavar="WHAT...", nargs=-1, required=True)
@click.option("--role", type=click.Choice(ROLES), help="What the run is, where it cannot be told.")
@click.option("--entity", metavar="E", help="W&B entity (default: $WANDB_ENTITY).")
@click.option("--project", metavar="P", help="W&B project (default: $WANDB_PROJECT).")
@click.option("--as", "store_as", metavar="NAME", help="Store the run under another id.")
@click.option("--force", is_flag=True, help="Write all of it anew, whatever is stored.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json")),
    default="text",
    help="json: the outcome of each run on stdout.",
)
@warehouse_options
def command(
    what: tuple[str, ...],
    role: str | None,
    entity: str | None,
    project: str | None,
    store_as: str | None,
    force: bool,
    format_: str,
) -> None:
    """Bring runs into the warehouse. A run that is here already gets only what is new.

    WHAT is a W&B run (an id, entity/project/id, or its web address), a .wandb file or a folder of
    them (run-*, offline-run-*, wandb/), or a file or folder of an earlier export.
    """
    with progress_shown() as on_progress:
        landed = the_warehouse().ingest(
            *what,
            role=role,
            entity=entity,
            project=project,
            store_as=store_as,
            force=force,
            on_progress=on_progress,
        )
    tell_outcome(landed, as_json=format_ == "json")
