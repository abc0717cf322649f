"""What a shell offers at the tab key: the ids of stored runs, the names of views.

Only folders and file names are read; neither DuckDB nor pyarrow is loaded. Whatever goes wrong
means that nothing is offered.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from dakota_wh.commands.invocation import Settings

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_runs(
    ctx: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Return the runs of the meant warehouse that begin so; those typed already are left out."""
    from dakota_wh.api import open as open_warehouse
    from dakota_wh.warehouse.layout import stored_run_ids

    known: list[str] = []
    with suppress(OSError):
        known = stored_run_ids(open_warehouse(ctx.ensure_object(Settings).folder).path)
    typed = {word for value in ctx.params.values() for word in _words(value)}
    return _items((run for run in known if run not in typed), incomplete)


def complete_sources(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Return stored runs, to be ingested again, and let the shell add files and folders."""
    from click.shell_completion import CompletionItem

    return [*complete_runs(ctx, param, incomplete), CompletionItem(incomplete, type="file")]


def complete_views(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Return the views that begin so, with what each answers."""
    from click.shell_completion import CompletionItem

    from dakota_wh.sql.views import aliases, find_view

    return [
        CompletionItem(name, help=find_view(name).description)
        for name in sorted(aliases())
        if name.startswith(incomplete)
    ]


def _words(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return [word for word in value if isinstance(word, str)] if isinstance(value, tuple) else ()


def _items(names: Iterable[str], incomplete: str) -> list[CompletionItem[str]]:
    from click.shell_completion import CompletionItem

    # A line break would end the answer, and nobody can type an escape sequence.
    fitting = (n for n in names if n.startswith(incomplete) and n.isprintable())
    return [CompletionItem(name) for name in fitting]
