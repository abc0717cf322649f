"""``dakota-wh report``: runs on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from dakota_wh.commands.completing import complete_runs
from dakota_wh.commands.invocation import Command, ends_at_once, the_warehouse, warehouse_options

_EXAMPLES: Final = """
dakota-wh report 29hn8w98
dakota-wh report 29hn8w98 1y33h9zr -o comparison.html
"""


@click.command("report", cls=Command, epilog=_EXAMPLES)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_runs)
@click.option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The page to write.",
)
@warehouse_options
def command(runs: tuple[str, ...], file: Path) -> None:
    """Write a page about RUNs: one file that works from disk and asks nothing of a network.

    Overview, certificate, findings of check, reward with milestones, components with their
    weights, loss, entropy and mismatch beside the reward, throughput, settings, and under each
    figure the SQL that makes it. Of a pair both runs are in it, whichever is named.
    """
    with ends_at_once():
        written = the_warehouse().report(runs, file)
    size = written.stat().st_size / 1e6
    click.echo(f"written    {file}  {size:.1f} MB", err=True)
