"""``dakota-wh``: the group of commands, the global options, and how errors are told.

Each command is a module of :mod:`dakota_wh.commands` that is imported when it is called, so that
``--help`` and ``query`` start without what an ingest needs. Data goes to stdout, all talk to
stderr, and every error is one line with an exit code of :class:`dakota_wh.errors.ExitCode`.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Final

import click

from dakota_wh.commands.env_file import read_env_file
from dakota_wh.commands.invocation import Place, Settings, remember_folder
from dakota_wh.errors import ExitCode, WarehouseError

PROGRAM: Final = "dakota-wh"

#: What a shell reports for a program that its reader has left: 128 + SIGPIPE.
_PIPE_CLOSED: Final = 141

#: What DuckDB makes of a Ctrl-C that comes while a query runs.
_ENGINE_INTERRUPTED: Final = "Query interrupted"

#: Each command: the module that holds it, and its line in ``--help``.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "ingest": ("ingest", "Bring runs into the warehouse."),
    "watch": ("watch", "Ingest runs that still train, until they end."),
    "query": ("query", "Print a view's rows."),
    "sql": ("sql", "Print the rows of one SELECT."),
    "runs": ("runs", "List the runs that are here."),
    "show": ("show", "Tell what is known of one run."),
    "views": ("views", "List the views."),
    "schema": ("schema", "Describe the columns of a view."),
    "shell": ("shell", "Open the duckdb shell on the views."),
    "check": ("check", "Find what is odd about the runs."),
    "compare": ("compare", "Set runs or groups of seeds side by side."),
    "plot": ("plot", "Draw metrics as lines, in the terminal or to a file."),
    "report": ("report", "Write a page about runs that works from disk."),
    "analyze": ("analyze", "Analyze a training's rewards, as the guide does."),
    "export": ("export", "Write runs to files: JSON, CSV, Parquet, xlsx."),
    "pair": ("pair", "Fix which trainer belongs to which orchestrator."),
    "rebuild": ("rebuild", "Make everything derived anew, from the stored history."),
    "remove": ("remove", "Delete runs from the warehouse."),
    "sync": ("sync", "Copy a warehouse between folders and object stores."),
    "doctor": ("doctor", "Find out what is wrong with the installation or the warehouse."),
    "completion": ("completion", "Print a shell's completion script."),
    "mcp": ("mcp", "Serve the warehouse to agents, read-only."),
    "demo": ("demo", "Try it all on a small sample, without network or account."),
}

_EPILOG: Final = """\
First steps:
  dakota-wh demo
  dakota-wh ingest 29hn8w98 --entity me --project rl
  dakota-wh query reward_trends

Each command's --help has examples. Exit codes: 0 ok, 1 error, 2 usage, 3 nothing found,
4 sign-in, 5 network, 6 some runs failed, 7 check found something, 130 interrupted.
"""


class PipeClosed(Exception):
    """The reader of our output has gone; there is nobody left to tell."""


class CommandGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a person meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and return the command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"dakota_wh.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names, or say which one is near."""
        name = args[0]
        if name not in COMMANDS and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"There is no command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog as it stands."""
        formatter.write_paragraph()
        formatter.write(_EPILOG)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; a closed pipe gets a name of its own, which click has none for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise PipeClosed from error


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(f"{PROGRAM} {version('dakota-wh')}")
    ctx.exit()


@click.group(
    cls=CommandGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--warehouse",
    metavar="DIR",
    type=Place(),
    envvar="DAKOTA_WH_DIR",
    show_envvar=True,
    expose_value=False,
    is_eager=True,
    callback=remember_folder,
    help="The warehouse's folder, or s3://bucket/prefix (default: ./dakota-warehouse).",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """A local analytics warehouse over Weights & Biases runs: complete, exact, in SQL."""
    ctx.ensure_object(Settings)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Run the command line and leave with its exit code.

    Nothing that it creates is for everybody to write, whatever the umask says.
    """
    os.umask(os.umask(0o022) | 0o002)
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Run one command line; return the exit code."""
    _let_streams_take_everything()
    debug = "--debug" in args
    try:
        read_env_file(Path(".env"))
        outcome = cli.main(list(args), prog_name=PROGRAM, standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else ExitCode.ERROR
    except (PipeClosed, BrokenPipeError):
        _forget_stdout()
        return _PIPE_CLOSED
    except (KeyboardInterrupt, click.Abort):
        _tell("interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:
        if isinstance(error, RuntimeError) and str(error) == _ENGINE_INTERRUPTED:
            _tell("interrupted")
            return ExitCode.INTERRUPTED
        if debug:
            _show_traceback(error)
        return _report(error)
    return outcome if isinstance(outcome, int) else ExitCode.OK


def _report(error: Exception) -> int:
    """Say in one line what happened; return the exit code that goes with it."""
    if isinstance(error, WarehouseError):
        _tell(str(error))
        return error.exit_code
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else PROGRAM
        _tell(f"{error.format_message()} See: {path} --help")
        return ExitCode.USAGE
    if isinstance(error, click.ClickException):
        _tell(error.format_message())
        return error.exit_code
    if isinstance(error, OSError):
        _tell(_words_of(error))
        _forget_stdout()
        return ExitCode.ERROR
    if isinstance(error, MemoryError):
        _tell("There is not enough memory. Ask for less: --run, --limit, or fewer columns in SQL.")
        return ExitCode.ERROR
    what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(" :.")
    _tell(f"unexpected {what}. Please report it; --debug shows the traceback.")
    return ExitCode.ERROR


def _words_of(error: OSError) -> str:
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    where = f"{' -> '.join(names)}: " if names else ""
    return f"{where}{error.strerror or error}."


def _tell(text: str) -> None:
    """Write one line on stderr: no line break or escape sequence of what it quotes gets out."""
    line = " ".join(_without_secrets(text).split())
    click.echo(f"{PROGRAM}: {_printable(line)}", err=True)


def _printable(line: str) -> str:
    from dakota_wh.rendering.values import printable

    return printable(line)


def _show_traceback(error: Exception) -> None:
    from traceback import format_exception

    for line in _without_secrets("".join(format_exception(error))).rstrip("\n").split("\n"):
        click.echo(_printable(line), err=True)


def _without_secrets(text: str) -> str:
    from dakota_wh.ingest.wandb_api.sign_in import known_keys, without_key

    store = [os.environ.get(name, "") for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
    for key in [*known_keys(), *store]:
        text = without_key(text, key)
    return text


def _let_streams_take_everything() -> None:
    """Let a narrow encoding show what it lacks as ``\\u2713``, and keep line ends as written."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", newline="\n")


def _forget_stdout() -> None:
    """Let nothing be flushed at exit to where nothing can be written."""
    with suppress(OSError, AttributeError, ValueError), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
