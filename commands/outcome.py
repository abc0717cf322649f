"""What became of each run, told on stderr, and the exit code that it amounts to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from dakota_wh.commands.output import say_json
from dakota_wh.errors import SomeRunsFailed, WarehouseError
from dakota_wh.rendering.values import printable

if TYPE_CHECKING:
    from dakota_wh.ingest.landed import Landed

#: Whether :func:`tell_outcome`, or what a command has in its place, writes JSON.
outcome_format: Final = click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json")),
    default="text",
    help="json: the outcome of each run on stdout.",
)


def tell_outcome(landed: Sequence[Landed], *, as_json: bool) -> None:
    """Write a line a run on stderr; as JSON on stdout too where that is wanted.

    Raises:
        WarehouseError: the one run that was wanted failed, or all of them with one exit code.
        SomeRunsFailed: some of several failed.
    """
    failed = [one for one in landed if one.error is not None]
    for one in landed:
        if one.error is None or len(landed) > 1:
            _tell(one)
    if as_json:
        say_json([_document(one) for one in landed])
    if failed:
        raise _failure(failed, len(landed))


def _failure(failed: Sequence[Landed], total: int) -> WarehouseError:
    errors = [one.error for one in failed if one.error is not None]
    if total == 1:
        return errors[0]
    names = printable(", ".join(one.run_id or one.source_name for one in failed))
    codes = {error.exit_code for error in errors}
    failure = SomeRunsFailed(
        f"{len(failed)} of {total} runs failed: {names}.",
        hint="What was stored stays; ingest the failed ones again.",
    )
    if len(failed) == total and len(codes) == 1:
        failure.exit_code = codes.pop()
    return failure


def _tell(one: Landed) -> None:
    parts = [f"{one.action.value:<9}", one.run_id or one.source_name]
    if one.error is not None:
        parts.append(str(one.error))
    else:
        parts += [one.role, _rows(one), one.completeness]
        if one.source_name:
            parts.append(f"from {one.source_name}")
    click.echo(printable("  ".join(parts)), err=True)
    for remark in _remarks(one):
        click.echo(printable(f"           {remark}"), err=True)


def _remarks(one: Landed) -> list[str]:
    """Return what a person should see: warnings, and why a run is not complete or not replaced."""
    if one.error is not None:
        return []
    evident = one.completeness == "complete" and one.action.value != "kept"
    others = [warning for warning in one.warnings if warning not in one.streams]
    return [text for text in ("" if evident else one.note, *others, *one.streams) if text]


def _rows(one: Landed) -> str:
    plural = "" if one.rows == 1 else "s"
    grown = f" ({one.new_rows:,} new)" if 0 < one.new_rows < one.rows else ""
    return f"{one.rows:,} row{plural}{grown}"


def _document(one: Landed) -> dict[str, Any]:
    return {
        "run_id": one.run_id,
        "source_name": one.source_name,
        "action": one.action.value,
        "role": one.role,
        "rows": one.rows,
        "new_rows": one.new_rows,
        "completeness": one.completeness,
        "note": one.note,
        "warnings": list(one.warnings),
        "streams": list(one.streams),
        "error": None if one.error is None else str(one.error),
        "exit_code": 0 if one.error is None else int(one.error.exit_code),
    }
