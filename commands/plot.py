"""``dakota-wh plot``: metrics of runs as lines, in the terminal or in a file."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

import click

from dakota_wh.commands.completing import complete_runs
from dakota_wh.commands.invocation import Command, ends_at_once, the_warehouse, warehouse_options
from dakota_wh.commands.output import on_terminal, open_stdout
from dakota_wh.plot.plot import checked_suffix
from dakota_wh.plot.selection import AXES, PRESETS

_EXAMPLES: Final = """
dakota-wh plot 29hn8w98
dakota-wh plot 29hn8w98 --preset components --smooth ma:20
dakota-wh plot 29hn8w98 7nikv4vp --metric 'time/*' --x time -o times.png
dakota-wh plot 29hn8w98 --metric loss/mean --metric 'entropy/*' --smooth ema:0.9 -o loss.html
"""


@click.command("plot", cls=Command, epilog=_EXAMPLES)
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=complete_runs)
@click.option(
    "--metric",
    "metrics",
    metavar="PATTERN",
    multiple=True,
    help="Metrics like this, a panel each; can be repeated.",
)
@click.option("--preset", type=click.Choice(tuple(PRESETS)), help="Default: rewards.")
@click.option("--smooth", metavar="ema:W|ma:N", help="A smoothed line over the values as logged.")
@click.option("--x", "x", type=click.Choice(AXES), default="step", show_default=True)
@click.option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a .png, .svg or .html file instead.",
)
@warehouse_options
def command(
    runs: tuple[str, ...],
    metrics: tuple[str, ...],
    preset: str | None,
    smooth: str | None,
    x: str,
    file: Path | None,
) -> None:
    """Draw metrics of RUNs (by default all that are here) as lines: in the terminal, or to a file.

    At most 12 panels of 8 lines. A gap in the steps is a gap in the line; NaN is counted beneath.
    Where the steps have no stride, as in a sampled run, the line runs on and it is said how many
    steps have no value. Of a run that logs no loss, its partner's is taken, and said. --smooth
    ema:0.6 is a debiased exponential mean, ma:20 the mean of a value and the 19 before it.
    """
    if file is not None:
        checked_suffix(file)
    with ends_at_once():
        drawn = the_warehouse().plot(runs, metric=metrics, preset=preset, smooth=smooth, x=x)
    if file is not None:
        drawn.save(file)
        click.echo(f"written    {file}", err=True)
        return
    stdout = open_stdout()
    terminal = on_terminal(sys.stdout)
    width = shutil.get_terminal_size().columns if terminal else 80
    stdout.write(
        drawn.text(
            width=width,
            colour=terminal and not _no_colour(),
            ascii_only=not (stdout.encoding or "").lower().replace("-", "").startswith("utf"),
        )
    )


def _no_colour() -> bool:
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
