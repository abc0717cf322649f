"""``dakota-wh export``: runs as files, and the curves of a training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from dakota_wh.commands.completing import complete_runs
from dakota_wh.commands.fetch_options import the_fetch, ways_to_fetch
from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.commands.output import open_stdout
from dakota_wh.commands.progress_shown import progress_shown
from dakota_wh.errors import UsageProblem
from dakota_wh.rendering.values import printable

if TYPE_CHECKING:
    from dakota_wh.export.run_export import Exported

_EXAMPLES: Final = """
dakota-wh export 29hn8w98
dakota-wh export --run-path me/rl/29hn8w98 --output-dir exports
dakota-wh export 29hn8w98 7nikv4vp --format parquet --format xlsx
dakota-wh export 29hn8w98 --name dakota_rl_wandb
dakota-wh export 29hn8w98 --curves
"""

#: As in dakota_wh.export, which brings pyarrow along.
FORMATS: Final = ("json", "csv", "parquet", "xlsx")
FOLDER: Final = "wandb_analysis"


@click.command("export", cls=Command, epilog=_EXAMPLES)
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=complete_runs)
@click.option("--run-path", metavar="E/P/ID", multiple=True, help="A run, as RUN; can be repeated.")
@click.option(
    "--output-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=FOLDER,
    show_default=True,
    help="The folder to write to; a run's files go into DIR/<id>.",
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    help="Of the history; can be repeated (default: json and csv).",
)
@click.option("--curves", is_flag=True, help="The curves and analyses of the run's training"
              " instead: reward, KL, loss, efficiency, curriculum, generations.")  # fmt: skip
@click.option("--name", metavar="NAME", help="Write DIR/NAME_history.csv and so on instead.")
@click.option("--force", is_flag=True, help="Replace files that no export of the run wrote;"
              " of --curves, those of another training.")  # fmt: skip
@click.option("--local-only", is_flag=True, help="Ask W&B nothing.")
@click.option("--force-fetch", is_flag=True, help="Fetch all of the runs again first.")
@click.option("--entity", metavar="E", help="W&B entity (default: $WANDB_ENTITY).")
@click.option("--project", metavar="P", help="W&B project (default: $WANDB_PROJECT).")
@ways_to_fetch
@warehouse_options
def command(
    runs: tuple[str, ...],
    run_path: tuple[str, ...],
    output_dir: Path,
    formats: tuple[str, ...],
    curves: bool,
    name: str | None,
    force: bool,
    entity: str | None,
    project: str | None,
    **fetching: Any,
) -> None:
    """Write each RUN's complete history, summary and config to files that `ingest` reads back.

    RUN is a stored run's id; a run of W&B that is not stored (entity/project/id, its web address,
    or an id with --entity and --project) is fetched first. The names of the files written go to
    stdout. xlsx is for looking at, and is not read back.
    """
    what = (*runs, *run_path)
    if not what:
        raise click.MissingParameter(param_hint="'RUN...'", param_type="argument")
    for flag, given in (("--format", formats), ("--name", name)):
        if curves and given:
            raise UsageProblem(f"{flag} is for whole runs, not for --curves.")
    warehouse = the_warehouse()
    with progress_shown() as on_progress:
        found = warehouse.bring(
            *what,
            entity=entity,
            project=project,
            fetch=the_fetch(**fetching),
            on_progress=on_progress,
        )
    ids = list(dict.fromkeys(found))
    if not curves:
        for one in warehouse.export(
            *ids, output_dir=output_dir, formats=formats or FORMATS[:2], name=name, force=force
        ):
            _tell(one)
        return
    done = warehouse.export_curves(*ids, output_dir=output_dir, force=force)
    say_files(done.files)
    for remark in done.remarks:
        click.echo(printable(remark), err=True)


def say_files(files: Iterable[Path]) -> None:
    """Write the names of files on stdout."""
    stdout = open_stdout()
    stdout.write("".join(f"{printable(str(path))}\n" for path in files))
    stdout.flush()


def _tell(one: Exported) -> None:
    say_files(one.files)
    rows = f"{one.rows:,} row{'' if one.rows == 1 else 's'}"
    click.echo(printable(f"exported   {one.run_id}  {rows}  {one.completeness}"), err=True)
    if not one.rows:
        click.echo("           Empty history data: the run holds no rows.", err=True)
    elif one.completeness != "complete":
        click.echo(printable(f"           {one.evidence}"), err=True)
