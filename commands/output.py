"""Where the data goes, and in which format: stdout or a file that appears whole or not at all."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, Final, TextIO, TypeVar

import click

from dakota_wh.errors import UsageProblem, WarehouseError
from dakota_wh.rendering.apart import must_be_apart
from dakota_wh.rendering.rows import Rows
from dakota_wh.rendering.whole_file import replacing

F = TypeVar("F", bound=Callable[..., Any])

FORMATS: Final = ("table", "csv", "tsv", "json", "ndjson", "markdown", "parquet")

_SUFFIXES: Final = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".md": "markdown",
    ".markdown": "markdown",
    ".parquet": "parquet",
    ".txt": "table",
}

#: What a program reads; JSON escapes by its own rules where the console is narrow.
_DATA: Final = ("csv", "tsv", "markdown")

#: What a terminal may be given as it is, of what is not printable.
_LAYOUT: Final = re.compile(r"([\n\t])")

#: A table on a terminal ends here unless --limit says otherwise; nobody scrolls further.
_MOST_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class Output:
    """What ``--format`` and ``-o`` ask for."""

    format: str | None
    file: Path | None
    #: Whether the caller already limited the rows.
    limited: bool = False

    def write(self, rows: Rows) -> None:
        """Write the rows.

        Raises:
            UsageProblem: the format cannot be told from the file's suffix, or does not go there.
        """
        chosen = self.chosen()
        if not len(rows):
            click.echo("dakota-wh: no rows.", err=True)
        if self.file is None:
            self._to_stdout(rows, chosen)
        else:
            with replacing(self.file) as file:
                _write_bytes(rows, chosen, file)

    def chosen(self) -> str:
        """Return the format: as asked, else by the suffix, else by where stdout leads.

        Asked before the work, it also says whether the file may be written there at all.

        Raises:
            UsageProblem: the suffix says none, or the file lies in a warehouse.
        """
        if self.file is not None:
            must_be_apart(self.file, elsewhere="-o FILE")
        if self.format is not None:
            return self.format
        if self.file is not None:
            suffix = self.file.suffix.lower()
            if suffix not in _SUFFIXES:
                raise UsageProblem(
                    f"The name {self.file.name!r} does not say in which format to write.",
                    hint=f"Give --format, or one of the suffixes {' '.join(_SUFFIXES)}",
                )
            return _SUFFIXES[suffix]
        return "table" if on_terminal(sys.stdout) else "csv"

    def _to_stdout(self, rows: Rows, chosen: str) -> None:
        stdout = open_stdout()
        terminal = on_terminal(stdout)
        if chosen in _DATA and not terminal:
            _speak_utf8(stdout)
        if chosen == "parquet":
            if terminal:
                raise UsageProblem(
                    "Parquet is not for a terminal.", hint="Write it to a file: -o FILE.parquet"
                )
            stdout.flush()
            _write_bytes(rows, chosen, stdout.buffer)
        elif chosen == "table" and terminal:
            self._to_terminal(rows)
        else:
            write = _spelling(stdout.write) if terminal else stdout.write
            _write_text(rows, chosen, write, ascii_only=not _takes_unicode(stdout))

    def _to_terminal(self, rows: Rows) -> None:
        from dakota_wh.rendering.table import a_console, show_table

        most = None if self.limited else _MOST_SHOWN
        show_table(rows, a_console(), most=most)
        total = len(rows)
        if most is not None and total > most:
            click.echo(
                f"{total - most:,} more rows are not shown: --limit {total} shows them here, "
                "-o FILE writes all.",
                err=True,
            )


def output_options(function: F) -> F:
    """Add ``--format`` and ``-o``."""
    function = click.option(
        "-o",
        "--output",
        "file",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write to a file, in the format of its suffix.",
    )(function)
    return click.option(
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        help="Default: a table on a terminal, csv in a pipe.",
    )(function)


def on_terminal(stream: IO[str] | None) -> bool:
    """Return whether a person looks at what is written there."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def open_stdout() -> TextIO:
    """Return stdout.

    Raises:
        WarehouseError: the program was started without one.
    """
    if sys.stdout is None:
        raise WarehouseError("Standard output is closed.", hint="Write to a file: -o FILE")
    return sys.stdout


def say_json(value: Any) -> None:
    """Write a document as JSON on stdout."""
    from dakota_wh.rendering.as_json import pretty

    stdout = open_stdout()
    stdout.write(pretty(value, ascii_only=not _takes_unicode(stdout)) + "\n")


def _spelling(write: Callable[[str], object]) -> Callable[[str], object]:
    """Return what writes for eyes: no character in it moves the cursor or turns the line round.

    Line breaks and tabs stay, which are the format's own; files and pipes get the exact text.
    """
    from dakota_wh.rendering.values import printable

    def spelled(text: str) -> object:
        pieces = _LAYOUT.split(text)
        return write("".join(p if p in ("\n", "\t") else printable(p) for p in pieces))

    return spelled


def _speak_utf8(stdout: TextIO) -> None:
    """Let data for a program be UTF-8, whatever the console is: an escape would be another text."""
    if isinstance(stdout, TextIOWrapper) and not _takes_unicode(stdout):
        stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def _takes_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def _write_text(
    rows: Rows, chosen: str, write: Callable[[str], object], *, ascii_only: bool = False
) -> None:
    if chosen in ("json", "ndjson"):
        from dakota_wh.rendering import as_json

        writer = as_json.write_json if chosen == "json" else as_json.write_ndjson
        writer(rows, write, ascii_only=ascii_only)
    elif chosen in ("csv", "tsv"):
        from dakota_wh.rendering import delimited

        (delimited.write_csv if chosen == "csv" else delimited.write_tsv)(rows, write)
    elif chosen == "markdown":
        from dakota_wh.rendering.markdown import write_markdown

        write_markdown(rows, write)
    else:
        from dakota_wh.rendering.table import write_table

        write_table(rows, write)


def _write_bytes(rows: Rows, chosen: str, file: IO[bytes]) -> None:
    if chosen == "parquet":
        from dakota_wh.rendering.parquet import write_parquet

        write_parquet(rows, file)
        return
    _write_text(rows, chosen, lambda text: file.write(text.encode("utf-8")))
