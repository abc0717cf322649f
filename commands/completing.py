"""What a shell offers at the tab key: the ids of stored runs, the names of views.

Only folders and file names are read; neither DuckDB nor pyarrow is loaded. Whatever goes wrong
means that nothing is offered.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dakota_wh.commands.invocation import Settings
from dakota_wh.errors import WarehouseError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_runs(
    ctx: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Return the runs of the meant warehouse that begin so; those typed already are left out."""
    from dakota_wh.warehouse.layout import stored_run_ids

    known: list[str] = []
    with suppress(OSError, WarehouseError):
        known = stored_run_ids(_folder(ctx.ensure_object(Settings).folder))
    typed = {word for value in ctx.params.values() for word in _words(value)}
    return _items((run for run in known if run not in typed), incomplete)


def _folder(named: Path | str | None) -> Path:
    """Return where the rows of the meant warehouse are on this machine: no store is asked."""
    from dakota_wh.api import open as open_warehouse
    from dakota_wh.store.address import is_address, parse
    from dakota_wh.store.cache import folder_of

    place = str(named or os.environ.get("DAKOTA_WH_DIR", ""))
    return folder_of(parse(place)) if is_address(place) else open_warehouse(named).path


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
