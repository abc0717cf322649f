"""``dakota-wh runs``: which runs the warehouse has."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.commands.output import Output, output_options
from dakota_wh.rendering.rows import Rows, pick
from dakota_wh.warehouse.layout import ROLES

_EXAMPLES: Final = """
dakota-wh runs
dakota-wh runs --role trainer --format json
dakota-wh runs -o runs.csv
"""

#: What a person looks for; all columns are in the other formats.
_SHOWN: Final = ("run_id", "role", "name", "state", "rows", "last_step", "completeness")


@click.command("runs", cls=Command, epilog=_EXAMPLES)
@click.option("--role", type=click.Choice(ROLES), help="Only runs of this role.")
@click.option("--limit", metavar="N", type=click.IntRange(min=0), help="At most so many.")
@output_options
@warehouse_options
def command(role: str | None, limit: int | None, format_: str | None, file: Path | None) -> None:
    """List the runs that are here, and how complete each is.

    A table has the main columns; every other format has all of the view `runs`.
    """
    output = Output(format_, file, limited=limit is not None)
    chosen = output.chosen()
    rows: Rows = the_warehouse().query("runs", role=role, limit=limit)
    output.write(pick(rows, _SHOWN) if chosen == "table" else rows)
