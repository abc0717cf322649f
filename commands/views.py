"""``dakota-wh views``: the published views, and the SQL that makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from dakota_wh.commands.completing import complete_views
from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.commands.output import Output, open_stdout, output_options
from dakota_wh.errors import UsageProblem
from dakota_wh.rendering.rows import Listing
from dakota_wh.rendering.whole_file import replacing

_EXAMPLES: Final = """
dakota-wh views
dakota-wh views --format markdown
dakota-wh views --sql reward_trends
dakota-wh views --sql --dialect spark -o views.sql
"""


@click.command("views", cls=Command, epilog=_EXAMPLES)
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_views)
@click.option("--sql", is_flag=True, help="Print the statements that make the views, in order.")
@click.option(
    "--dialect", type=click.Choice(("duckdb", "spark")), help="Whose SQL. Default: duckdb."
)
@click.option(
    "--scratch",
    metavar="DIR",
    help="For Spark: where what several views rest on is written when the script runs.",
)
@output_options
@warehouse_options
def command(
    names: tuple[str, ...],
    sql: bool,
    dialect: str | None,
    scratch: str | None,
    format_: str | None,
    file: Path | None,
) -> None:
    """List the views with their versions, what they answer, and what a row of each is.

    A view is asked by its name, which means the newest version, or as NAME_v1. With NAME, only
    those are listed. With --sql, the statements that make them over the warehouse's files.
    """
    if sql:
        _print_sql(names, dialect or "duckdb", scratch, format_, file)
        return
    if dialect is not None or scratch is not None:
        raise UsageProblem("--dialect and --scratch go with --sql.", hint="Add --sql")
    from dakota_wh.sql.views import View, all_views, find_view

    wanted = {find_view(name).name for name in names}
    by_name: dict[str, list[View]] = {}
    for view in all_views():
        if not names or view.name in wanted:
            by_name.setdefault(view.name, []).append(view)
    rows = []
    for name, versions in by_name.items():
        newest = versions[-1]
        numbers = ", ".join(str(view.version) for view in versions)
        rows.append((name, numbers, newest.description, newest.row))
    columns = ["view", "versions", "description", "row"]
    Output(format_, file).write(Listing(columns, ["VARCHAR"] * 4, rows))


def _print_sql(
    names: tuple[str, ...],
    dialect: str,
    scratch: str | None,
    format_: str | None,
    file: Path | None,
) -> None:
    if format_ is not None:
        raise UsageProblem("SQL is text: --format does not go with --sql.", hint="Leave it out")
    statements = the_warehouse().views_sql(*names, dialect=dialect, scratch=scratch)
    text = "".join(f"{statement};\n\n" for statement in statements)
    if file is None:
        open_stdout().write(text)
        return
    with replacing(file) as target:
        target.write(text.encode("utf-8"))
