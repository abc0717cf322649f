"""``dakota-wh rebuild``: everything derived, anew."""

from __future__ import annotations

from typing import Final

import click

from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.commands.outcome import outcome_format, tell_outcome
from dakota_wh.commands.progress_shown import progress_shown
from dakota_wh.warehouse.arrow_alone import spare_pandas

_EXAMPLES: Final = """
dakota-wh rebuild
dakota-wh rebuild --warehouse ~/runs
"""


@click.command("rebuild", cls=Command, epilog=_EXAMPLES)
@outcome_format
@warehouse_options
def command(format_: str) -> None:
    """Make metrics, roles and the shell's views anew from the stored history.

    No source is asked, and the history itself is not touched.
    """
    spare_pandas()
    with progress_shown() as on_progress:
        landed = the_warehouse().rebuild(on_progress=on_progress)
    tell_outcome(landed, as_json=format_ == "json")
