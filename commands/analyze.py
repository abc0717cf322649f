"""``dakota-wh analyze``: the guide's reward analysis of a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from dakota_wh.commands.completing import complete_runs
from dakota_wh.commands.export import FOLDER
from dakota_wh.commands.fetch_options import the_fetch, ways_to_fetch
from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.commands.output import Output, open_stdout, say_json
from dakota_wh.commands.progress_shown import progress_shown
from dakota_wh.rendering.rows import Listing
from dakota_wh.rendering.values import printable

if TYPE_CHECKING:
    from dakota_wh.export.analysis import Analysis

_EXAMPLES: Final = """
dakota-wh analyze
dakota-wh analyze --orchestrator-run 29hn8w98 --trainer-run 7nikv4vp
dakota-wh analyze --orchestrator-run me/rl/29hn8w98 --trainer-run me/rl/7nikv4vp --force-fetch
dakota-wh analyze --local-only --output-dir analysis --format json
"""

F = TypeVar("F", bound=Callable[..., Any])

_STATISTICS: Final = ("samples", "mean", "median", "std", "min", "max", "final")
_TREND: Final = ("first_half_mean", "second_half_mean", "improvement", "improvement_pct")
_KEY: Final = ("mean", "std", "min", "max", "final", "trend")


def _run_option(side: str) -> Callable[[F], F]:
    return click.option(
        f"--{side}-run",
        side,
        metavar="RUN",
        envvar=f"DAKOTA_{side.upper()}_RUN",
        show_envvar=True,
        shell_complete=complete_runs,
        help=f"The {side}: an id, or entity/project/id (default: as paired in the warehouse).",
    )


@click.command("analyze", cls=Command, epilog=_EXAMPLES)
@_run_option("orchestrator")
@_run_option("trainer")
@click.option(
    "--output-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=FOLDER,
    show_default=True,
    help="The folder for reward_analysis_summary.json and orchestrator_rewards.csv.",
)
@click.option("--force", is_flag=True, help="Replace the files of another training.")
@click.option("--local-only", is_flag=True, help="Use what is in the warehouse, ask W&B nothing.")
@click.option("--force-fetch", is_flag=True, help="Fetch all of both runs again first.")
@click.option("--entity", metavar="E", help="W&B entity (default: $WANDB_ENTITY).")
@click.option("--project", metavar="P", help="W&B project (default: $WANDB_PROJECT).")
@ways_to_fetch
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json")),
    default="text",
    help="json: the summary's document on stdout.",
)
@warehouse_options
def command(
    orchestrator: str | None,
    trainer: str | None,
    output_dir: Path,
    force: bool,
    entity: str | None,
    project: str | None,
    format_: str,
    **fetching: Any,
) -> None:
    """Analyze a training's rewards: components, statistics, trends, and its training metrics.

    Without runs named, the one pair of the warehouse is meant; a named run that is not there is
    fetched from W&B. Undefined improvements are 0 and every falling metric is "improving", as the
    guide has it; `dakota-wh query reward_trends` and trend_evidence say it exactly.
    """
    with progress_shown() as on_progress:
        found = the_warehouse().analyze(
            orchestrator,
            trainer,
            output_dir=output_dir,
            force=force,
            entity=entity,
            project=project,
            fetch=the_fetch(**fetching),
            on_progress=on_progress,
        )
    if format_ == "json":
        say_json(found.document)
    else:
        _show(found)
    for path in found.files:
        click.echo(printable(f"written    {path}"), err=True)
    for remark in found.remarks:
        click.echo(printable(remark), err=True)


def _show(found: Analysis) -> None:
    stdout = open_stdout()
    document = found.document
    names = (
        f"{side}: {about['run_id']} ({about['name']}, {about['state']})"
        for side in ("orchestrator", "trainer")
        if (about := document[f"{side}_run"])["run_id"] != "unknown"
    )
    stdout.write("".join(f"{printable(line)}\n" for line in names))
    for title, rows in _tables(document):
        stdout.write(f"\n{title}\n")
        stdout.flush()
        Output("table", None).write(rows)


def _tables(document: dict[str, Any]) -> Iterator[tuple[str, Listing]]:
    rewards, training = document["reward_analysis"], document["training_analysis"]
    statistics = rewards.get("reward_statistics", {})
    if statistics:
        yield (
            f"Reward statistics ({rewards['total_steps']:,} rows)",
            _listing(statistics, _STATISTICS),
        )
    if rewards.get("reward_trends"):
        yield "Reward trends, first half to second", _listing(rewards["reward_trends"], _TREND)
    if training.get("key_metrics"):
        yield (
            f"Training metrics ({training['total_steps']:,} rows)",
            _listing(training["key_metrics"], _KEY),
        )


def _listing(rows: dict[str, dict[str, Any]], columns: tuple[str, ...]) -> Listing:
    kinds = {"samples": "BIGINT", "trend": "VARCHAR"}
    types = ["VARCHAR", *(kinds.get(column, "DOUBLE") for column in columns)]
    cells = [(metric, *(row[column] for column in columns)) for metric, row in rows.items()]
    return Listing(["metric", *columns], types, cells)
