"""``dakota-wh views``: the published views."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from dakota_wh.commands.invocation import Command, warehouse_options
from dakota_wh.commands.output import Output, output_options
from dakota_wh.rendering.rows import Listing

_EXAMPLES: Final = """
dakota-wh views
dakota-wh views --format markdown
"""


@click.command("views", cls=Command, epilog=_EXAMPLES)
@output_options
@warehouse_options
def command(format_: str | None, file: Path | None) -> None:
    """List the views with their versions, what they answer, and what a row of each is.

    A view is asked by its name, which means the newest version, or as NAME_v1.
    """
    from dakota_wh.sql.views import View, all_views

    by_name: dict[str, list[View]] = {}
    for view in all_views():
        by_name.setdefault(view.name, []).append(view)
    rows = []
    for name, versions in by_name.items():
        newest = versions[-1]
        numbers = ", ".join(str(view.version) for view in versions)
        rows.append((name, numbers, newest.description, newest.row))
    columns = ["view", "versions", "description", "row"]
    Output(format_, file).write(Listing(columns, ["VARCHAR"] * 4, rows))
