"""``dakota-wh sql``: one SELECT over the views."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from dakota_wh.commands.invocation import Command, ends_at_once, the_warehouse, warehouse_options
from dakota_wh.commands.output import Output, output_options
from dakota_wh.commands.seconds import checked_seconds
from dakota_wh.commands.size import checked_size
from dakota_wh.errors import NothingFound, UsageProblem
from dakota_wh.warehouse.overrun import ended_on_overrun

_EXAMPLES: Final = """
dakota-wh sql "SELECT run_id, max(step) FROM metrics GROUP BY run_id"
dakota-wh sql 'SELECT _step, "reward/mean" FROM history' -o rewards.csv
dakota-wh sql -f report.sql --format markdown
dakota-wh sql - --timeout 10 < report.sql
"""

_TIMEOUT: Final = 300.0
_MEMORY: Final = "4GB"


@click.command("sql", cls=Command, epilog=_EXAMPLES)
@click.argument("text", metavar="[SELECT | -]", required=False)
@click.option(
    "-f",
    "--file",
    "script",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read the SELECT from a file.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    callback=checked_seconds,
    default=_TIMEOUT,
    show_default=True,
    help="Stop after so long; 0 for never.",
)
@click.option(
    "--memory-limit",
    metavar="SIZE",
    default=_MEMORY,
    show_default=True,
    callback=checked_size,
    help="Spill to disk beyond this; a process that takes far more is ended.",
)
@output_options
@warehouse_options
def command(
    text: str | None,
    script: Path | None,
    timeout: float,
    memory_limit: str,
    format_: str | None,
    file: Path | None,
) -> None:
    """Print the rows of one SELECT over the views; - reads it from stdin.

    It can read the warehouse and nothing else, and changes nothing. `dakota-wh schema` lists the
    views with their columns. For more than a SELECT there is `dakota-wh shell`.
    """
    output = Output(format_, file)
    output.chosen()
    select = _statement(text, script)
    with ends_at_once(), ended_on_overrun(timeout or None, memory_limit, _tell):
        rows = the_warehouse().sql(select, timeout=timeout or None, memory_limit=memory_limit)
    output.write(rows)


def _tell(text: str) -> None:
    click.echo(f"dakota-wh: {text}", err=True)


def _statement(text: str | None, script: Path | None) -> str:
    if (text is None) == (script is None):
        raise click.UsageError(
            "Give one SELECT: as text, with -f FILE, or - for stdin.", click.get_current_context()
        )
    try:
        if script is not None and str(script) != "-":
            return script.read_text(encoding="utf-8-sig")
        if text not in ("-", None):
            return str(text)
        if sys.stdin is None:
            raise UsageProblem("There is no standard input to read the SELECT from.")
        return sys.stdin.read()
    except FileNotFoundError as error:
        raise NothingFound(f"There is no file {script}.") from error
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{script or 'Standard input'} is not text in UTF-8.") from error
