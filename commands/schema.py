"""``dakota-wh schema``: what the columns of a view mean."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from dakota_wh.commands.completing import complete_views
from dakota_wh.commands.invocation import Command, warehouse_options
from dakota_wh.commands.output import on_terminal, open_stdout, say_json
from dakota_wh.rendering.layout import hanging

if TYPE_CHECKING:
    from dakota_wh.sql.views import View

_EXAMPLES: Final = """
dakota-wh schema reward_trends
dakota-wh schema reward_trends --sql
dakota-wh schema --format json
"""


@click.command("schema", cls=Command, epilog=_EXAMPLES)
@click.argument("name", metavar="[VIEW]", required=False, shell_complete=complete_views)
@click.option("--version", metavar="N", type=click.IntRange(min=1), help="An older version.")
@click.option("--sql", "with_sql", is_flag=True, help="Print the SQL that defines it.")
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text")
@warehouse_options
def command(name: str | None, version: int | None, with_sql: bool, format_: str) -> None:
    """Describe the view VIEW: what a row is, how it is computed, what each column holds.

    Without VIEW all views are described, in their newest versions.
    """
    views = _wanted(name, version)
    if format_ == "json":
        say_json([_document(view) for view in views])
        return
    stdout = open_stdout()
    width = shutil.get_terminal_size().columns if on_terminal(sys.stdout) else None
    for place, view in enumerate(views):
        lines = view.text.splitlines() if with_sql else _page(view, width)
        stdout.write(("\n" if place else "") + "".join(f"{line}\n" for line in lines))


def _wanted(name: str | None, version: int | None) -> list[View]:
    from dakota_wh.sql.views import aliases, find_view

    if name is not None:
        return [find_view(name, version)]
    if version is not None:
        raise click.UsageError("--version needs the name of a view.", click.get_current_context())
    return [find_view(relation) for relation in aliases().values()]


def _page(view: View, width: int | None) -> Iterator[str]:
    yield from hanging(f"{view.name} (version {view.version}): ", view.description, width, 2)
    notes = [("note", note) for note in view.notes]
    for label, text in (("a row is", view.row), ("formula", view.formula), *notes):
        if text:
            yield from hanging(f"  {label}: ", text, width, 12)
    yield ""
    names = max((len(column.name) for column in view.columns), default=0)
    types = max((len(column.type) for column in view.columns), default=0)
    for column in view.columns:
        head = f"  {column.name:<{names}}  {column.type:<{types}}  "
        yield from hanging(head, column.description, width, len(head))
    if view.rest:
        yield from hanging(f"  {'…':<{names}}  ", view.rest, width, names + 4)


def _document(view: View) -> dict[str, Any]:
    return {
        "view": view.name,
        "version": view.version,
        "relation": view.relation,
        "description": view.description,
        "row": view.row,
        "formula": view.formula,
        "notes": list(view.notes),
        "columns": [
            {"name": c.name, "type": c.type, "description": c.description} for c in view.columns
        ],
        "rest": view.rest,
        "sql": view.sql,
    }
