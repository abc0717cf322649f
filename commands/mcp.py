"""``dakota-wh mcp``: the warehouse for agents, over the Model Context Protocol."""

from __future__ import annotations

import sys
from typing import Final

import click

from dakota_wh.commands.invocation import Command, settings, warehouse_options
from dakota_wh.commands.output import on_terminal
from dakota_wh.commands.seconds import checked_seconds
from dakota_wh.commands.size import checked_size
from dakota_wh.errors import NotInstalled

_EXAMPLES: Final = """
dakota-wh mcp
dakota-wh mcp --warehouse ~/runs --max-rows 50
"""


@click.command("mcp", cls=Command, epilog=_EXAMPLES)
@click.option(
    "--max-rows",
    metavar="N",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Rows in one answer.",
)
@click.option(
    "--max-characters",
    metavar="N",
    type=click.IntRange(min=1_000),
    default=20_000,
    show_default=True,
    help="Characters in one answer.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    callback=checked_seconds,
    default=60.0,
    show_default=True,
    help="Stop a question after so long.",
)
@click.option(
    "--memory-limit",
    metavar="SIZE",
    default="2GB",
    show_default=True,
    callback=checked_size,
    help="Spill to disk beyond this.",
)
@warehouse_options
def command(max_rows: int, max_characters: int, timeout: float, memory_limit: str) -> None:
    """Serve the warehouse to an agent, on standard input and output, reading only.

    The agent can list runs and views, describe and query a view, run one SELECT, and ask what is
    odd about the runs. Nothing is written, and nothing outside the warehouse is read. An agent's
    program starts this itself, as its list of servers says. It needs the extra mcp.
    """
    try:
        from dakota_wh.agents.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "pydantic"):
            raise
        raise NotInstalled("dakota-wh mcp", "the package mcp", extra="mcp") from error
    from importlib.metadata import version

    from dakota_wh.agents.answer import Caps
    from dakota_wh.agents.tools import Tools
    from dakota_wh.api import open as open_warehouse  # lists a store anew for each question

    if on_terminal(sys.stdin):
        click.echo(
            "dakota-wh: waiting for a client of the protocol on stdin; Ctrl-C ends.", err=True
        )
    tools = Tools(
        open_warehouse(settings().folder), Caps(max_rows, max_characters), timeout, memory_limit
    )
    serve(tools, version("dakota-wh"))
