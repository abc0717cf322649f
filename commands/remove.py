"""``dakota-wh remove``: runs out of the warehouse."""

from __future__ import annotations

import sys
from typing import Final

import click

from dakota_wh.commands.completing import complete_runs
from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.commands.output import on_terminal
from dakota_wh.errors import UsageProblem
from dakota_wh.rendering.values import printable

_EXAMPLES: Final = """
dakota-wh remove 29hn8w98
dakota-wh remove 29hn8w98 7nikv4vp --yes
"""


@click.command("remove", cls=Command, epilog=_EXAMPLES)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_runs)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@warehouse_options
def command(runs: tuple[str, ...], yes: bool) -> None:
    """Delete runs from the warehouse; W&B and the files that they came from are not touched."""
    warehouse = the_warehouse()
    wanted = list(dict.fromkeys(runs))
    warehouse.must_be_removable(*wanted)
    names = printable(", ".join(wanted))
    if not yes and not _agreed(f"Remove {names} from {warehouse.location}?"):
        click.echo("Nothing was removed.", err=True)
        raise click.exceptions.Exit(1)
    for run_id in wanted:
        warehouse.remove(run_id)
        click.echo(f"removed  {printable(run_id)}", err=True)


def _agreed(question: str) -> bool:
    if not on_terminal(sys.stdin):
        raise UsageProblem(
            "Removing runs needs a yes, and there is no terminal to ask on.", hint="Add --yes"
        )
    return click.confirm(question, err=True)
