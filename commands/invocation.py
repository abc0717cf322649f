"""What every command shares: its help with examples, and which warehouse is meant."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dakota_wh.errors import ExitCode
from dakota_wh.store.address import is_address

if TYPE_CHECKING:
    from dakota_wh.api import Warehouse

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Settings:
    """The global options, gathered from the group and from the command."""

    folder: Path | str | None = None
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


class Place(click.Path):
    """A folder, or the address of a place in an object store, which is left as it is written."""

    def __init__(self) -> None:
        """Make the type of ``--warehouse``."""
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a path, or the address as text."""
        if isinstance(value, str) and is_address(value):
            return value
        return super().convert(value, param, ctx)


def remember_folder(ctx: click.Context, param: click.Parameter, value: Path | str | None) -> None:
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
        type=Place(),
        expose_value=False,
        callback=remember_folder,
        help=f"The warehouse's folder, or s3://bucket/prefix ({default}).",
    )(function)


@contextmanager
def ends_at_once() -> Iterator[None]:
    """Let Ctrl-C end the program at once while it only reads, and say so.

    Python's own handler would have to wait until DuckDB comes back from a long computation; a
    thread does not.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # ignored, as in the background of a script, or somebody else's
        return
    if sys.platform == "win32":  # it cannot write a signal's number into a pipe
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return
    seen, came = os.pipe()
    os.set_blocking(came, False)
    before = signal.set_wakeup_fd(came)
    signal.signal(signal.SIGINT, lambda *_: None)  # the thread does it
    try:
        stderr = os.dup(2)  # Spark's start turns it elsewhere for a while
    except OSError:  # there is none
        stderr = os.open(os.devnull, os.O_WRONLY)
    Thread(target=_end_when, args=(seen, stderr), daemon=True).start()
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.set_wakeup_fd(before)
        os.close(came)


def _end_when(seen: int, stderr: int) -> None:
    """End the program when SIGINT's number comes through a pipe; return when that is closed."""
    while numbers := os.read(seen, 64):
        if signal.SIGINT in numbers:
            with suppress(OSError):
                os.write(stderr, b"dakota-wh: interrupted\n")
            os._exit(ExitCode.INTERRUPTED)
    os.close(seen)
    os.close(stderr)


def the_warehouse() -> Warehouse:
    """Return the warehouse that this call of the program is about.

    One in a store is listed once, and again after this call has written to it.
    """
    from dakota_wh.api import open as open_warehouse

    warehouse = open_warehouse(settings().folder)
    click.get_current_context().with_resource(warehouse.one_listing())
    return warehouse


def settings() -> Settings:
    """Return the global options of this call of the program."""
    return click.get_current_context().ensure_object(Settings)
