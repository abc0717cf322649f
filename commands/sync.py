"""``dakota-wh sync``: a warehouse copied between folders and object stores."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import click

from dakota_wh.commands.invocation import Command
from dakota_wh.commands.outcome import outcome_format
from dakota_wh.commands.output import say_json
from dakota_wh.errors import SomeRunsFailed
from dakota_wh.rendering.values import printable

if TYPE_CHECKING:
    from dakota_wh.store.synced import Synced

_EXAMPLES: Final = """
dakota-wh sync ./dakota-warehouse s3://bucket/runs
dakota-wh sync s3://bucket/runs ./copy --dry-run
dakota-wh sync ./dakota-warehouse s3://bucket/runs --delete
"""


@click.command("sync", cls=Command, epilog=_EXAMPLES)
@click.argument("source", metavar="SRC", type=click.Path())
@click.argument("target", metavar="DST", type=click.Path())
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--delete", is_flag=True, help="Remove runs from DST that SRC has not.")
@outcome_format
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def command(source: str, target: str, dry_run: bool, delete: bool, format_: str) -> None:
    """Copy the warehouse SRC to DST: folders, or addresses like s3://bucket/prefix.

    Only what DST has not is copied, each file held to its SHA-256, a run's row last: broken off,
    it goes on where it ended, and nothing is half to be seen. A newer generation of a run at DST
    stays as it is.
    """
    from dakota_wh.api import sync

    outcomes = sync(
        source, target, delete=delete, dry_run=dry_run, on_outcome=lambda one: _tell(one, dry_run)
    )
    if format_ == "json":
        say_json([_document(one) for one in outcomes])
    click.echo(_summary(outcomes, dry_run), err=True)
    failed = [one for one in outcomes if one.error is not None]
    if len(failed) == 1 == len(outcomes) and failed[0].error is not None:
        raise failed[0].error
    if failed:
        names = printable(", ".join(one.run_id for one in failed))
        raise SomeRunsFailed(
            f"{len(failed)} of {len(outcomes)} runs were not copied: {names}.",
            hint="What was copied stays; sync again.",
        )


def _tell(one: Synced, dry_run: bool) -> None:
    if one.action == "unchanged":
        return
    parts = [f"{one.action:<9}", one.run_id or one.note]
    if one.action == "copied":
        parts.append(f"{one.files} file{'' if one.files == 1 else 's'}, {one.bytes / 1e6:,.1f} MB")
    elif one.run_id and one.note:
        parts.append(one.note if one.error is None else str(one.error))
    if dry_run:
        parts.append("(not done)")
    click.echo(printable("  ".join(parts)), err=True)


def _summary(outcomes: list[Synced], dry_run: bool) -> str:
    runs = [one for one in outcomes if one.run_id]
    counts = Counter(one.action for one in runs)
    told = [f"{counts[a]} {a}" for a in sorted(counts)] or ["no runs"]
    size = sum(one.bytes for one in outcomes) / 1e6
    verb = "would be written" if dry_run else "written"
    return f"{', '.join(told)}; {sum(one.files for one in outcomes)} files, {size:,.1f} MB {verb}"


def _document(one: Synced) -> dict[str, Any]:
    return {
        "run_id": one.run_id,
        "action": one.action,
        "files": one.files,
        "bytes": one.bytes,
        "note": one.note,
        "error": None if one.error is None else str(one.error),
    }
