"""``dakota-wh shell``: the duckdb shell, read-only, with the views."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import click

from dakota_wh.commands.invocation import Command, the_warehouse, warehouse_options
from dakota_wh.errors import NotAWarehouse, NothingFound

_EXAMPLES: Final = """
dakota-wh shell
dakota-wh shell -c "SELECT run_id, role, completeness FROM runs"
dakota-wh shell -csv -c "FROM reward_trends" > trends.csv
dakota-wh shell --warehouse ~/runs -c ".tables"
"""

_WITH_VALUE: Final = ("--warehouse",)
_ALONE: Final = ("--debug", "--help", "-h")


class ShellCommand(Command):
    """A command of which only the first words can be ours; the rest is duckdb's, unread."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Cut the words where duckdb's begin."""
        place = 0
        while place < len(args):
            word = args[place]
            if word in _WITH_VALUE:
                place += 2
            elif word in _ALONE or word.startswith("--warehouse="):
                place += 1
            else:
                break
        rest = args[place + 1 :] if args[place : place + 1] == ["--"] else args[place:]
        return super().parse_args(ctx, [*args[:place], "--", *rest])


@click.command("shell", cls=ShellCommand, epilog=_EXAMPLES)
@click.argument("args", nargs=-1, type=click.UNPROCESSED, metavar="[DUCKDB ARGS]...")
@warehouse_options
def command(args: tuple[str, ...]) -> None:
    """Open the duckdb shell on the views; all further words are duckdb's own.

    It is opened read-only: it never stands in the way of an ingest, and sees new runs at its next
    query.
    """
    program = find_duckdb()
    root = the_warehouse().whole().absolute()
    words = [str(program), *arguments(root), *args]
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if os.name == "posix":
        os.execv(program, words)  # noqa: S606 - no shell is wanted
    raise click.exceptions.Exit(subprocess.run(words, check=False).returncode)  # noqa: S603


def find_duckdb() -> Path:
    """Return the duckdb program: the one installed with this Python, else the one on the PATH.

    Raises:
        NothingFound: there is none.
    """
    here = Path(sys.executable).parent
    found = shutil.which("duckdb", path=str(here)) or shutil.which("duckdb")
    if found is None:
        raise NothingFound(
            "The duckdb shell is not installed.",
            hint="Get it: pip install duckdb-cli. Without it: dakota-wh sql 'SELECT …'",
        )
    return Path(found)


def arguments(root: Path) -> list[str]:
    """Return duckdb's arguments for a warehouse, after making sure that its views are current.

    Raises:
        NotAWarehouse: there is none, or it has no views and none can be written.
    """
    from dakota_wh.warehouse import catalogue
    from dakota_wh.warehouse.layout import CATALOGUE
    from dakota_wh.warehouse.quoting import glob_literal, literal

    try:
        catalogue.ensure(root)
    except NotAWarehouse:
        if not (root / CATALOGUE).is_file():  # a folder that cannot be written may still have one
            raise
    place = literal(glob_literal(root.as_posix()))
    return ["-readonly", "-cmd", f"SET VARIABLE dakota_root = {place}", str(root / CATALOGUE)]
