"""What every command shares: its help with examples, and which warehouse is meant."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from dakota_wh.api import Warehouse

F = TypeVar("F", bound=Callable[..., Any])

_OWN_OPTIONS: Final = ("--warehouse", "--debug")


@dataclass(slots=True)
class Settings:
    """The global options, gathered from the group and from the command."""

    folder: Path | None = None
    #: Whether the folder was typed, and not taken from the environment.
    typed: bool = False


class Command(click.Command):
    """A command whose epilog, its examples, is printed as written and not wrapped anew."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.strip().splitlines():
                    formatter.write(f"  {line}\n" if line else "\n")


def remember_folder(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    """Keep ``--warehouse``; one that stands after the command wins over one before it."""
    settings = ctx.ensure_object(Settings)
    if value is None:
        return
    source = ctx.get_parameter_source(param.name or "")
    settings.folder = value
    settings.typed = source is click.core.ParameterSource.COMMANDLINE


def warehouse_options(
    function: F, default: str = "default: $DAKOTA_WH_DIR, else ./dakota-warehouse"
) -> F:
    """Add ``--warehouse`` and ``--debug``, which may also stand after the command."""
    function = click.option(
        "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
    )(function)
    return click.option(
        "--warehouse",
        metavar="DIR",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=remember_folder,
        help=f"The warehouse's folder ({default}).",
    )(function)


@contextmanager
def ends_at_once() -> Iterator[None]:
    """Let Ctrl-C end the program at once while it only reads.

    Python's own handler would have to wait until DuckDB comes back from a long computation. The
    shell is told 130 either way.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # ignored, as in the background of a script, or somebody else's
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def the_warehouse() -> Warehouse:
    """Return the warehouse that this call of the program is about."""
    from dakota_wh.api import open as open_warehouse

    return open_warehouse(settings().folder)


def settings() -> Settings:
    """Return the global options of this call of the program."""
    return click.get_current_context().ensure_object(Settings)
