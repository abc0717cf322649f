"""``dakota-wh query``: a view's rows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from dakota_wh.commands.completing import complete_runs, complete_views
from dakota_wh.commands.invocation import Command, ends_at_once, the_warehouse, warehouse_options
from dakota_wh.commands.output import Output, output_options
from dakota_wh.warehouse.layout import ROLES

_EXAMPLES: Final = """
dakota-wh query reward_trends
dakota-wh query metrics --run 29hn8w98 --metric 'loss/*' -o loss.parquet
dakota-wh query reward_stats --role orchestrator --format json
dakota-wh query history --run 29hn8w98 --limit 20 --warehouse ~/runs
dakota-wh query reward_trends --engine spark --master spark://host:7077
"""


@click.command("query", cls=Command, epilog=_EXAMPLES)
@click.argument("name", metavar="NAME", shell_complete=complete_views)
@click.option(
    "--run",
    "runs",
    metavar="ID",
    multiple=True,
    shell_complete=complete_runs,
    help="Only this run; can be repeated.",
)
@click.option("--role", type=click.Choice(ROLES), help="Only runs of this role.")
@click.option("--metric", metavar="PATTERN", help="Only metrics like this: 'reward/*', '*loss*'.")
@click.option("--version", metavar="N", type=click.IntRange(min=1), help="An older version.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(0, 2**63 - 1), help="At most so many rows."
)
@click.option(
    "--engine",
    type=click.Choice(("duckdb", "spark")),
    default="duckdb",
    help="What computes the rows; Spark is slower to start, and runs on a cluster as well.",
)
@click.option("--master", metavar="URL", help="Spark's master. Default: all cores of this machine.")
@output_options
@warehouse_options
def command(
    name: str,
    runs: tuple[str, ...],
    role: str | None,
    metric: str | None,
    version: int | None,
    limit: int | None,
    engine: str,
    master: str | None,
    format_: str | None,
    file: Path | None,
) -> None:
    """Print the rows of the view NAME; `dakota-wh views` lists the names.

    Outside tables numbers have full precision. In JSON a NULL is null, and NaN and the infinities
    are the strings "NaN", "Infinity" and "-Infinity". In CSV a NULL is an empty cell, NaN is NaN,
    and a text that a spreadsheet would compute with is its JSON: "=1+1", with the quotes.
    """
    output = Output(format_, file, limited=limit is not None)
    output.chosen()
    with ends_at_once():
        rows = the_warehouse().query(
            name,
            runs=runs,
            role=role,
            metric=metric,
            version=version,
            limit=limit,
            engine=engine,
            master=master,
        )
    output.write(rows)
