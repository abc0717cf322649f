"""The text layer of a CSV export: header, blocks of rows, and what is wrong with a broken file.

Every column is read as text. Sniffing types loses data: a column of ``inf`` alone becomes a date,
and a text in row 50,000 of a numeric column fails the whole read.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pacsv

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.stamp import cannot_read
from dakota_wh.ingest.source import check_keys

BLOCK = 4 * 1024 * 1024
MAX_BLOCK = 1024 * 1024 * 1024

#: The csv module refuses cells beyond 131,072 characters unless told otherwise, and takes four
#: bytes for each. Where the quotes are not even, a longer cell is one that was never closed.
_LONGEST = 16 * 1024 * 1024

_AGAIN = "Export the run's history again, then ingest that file."


class TextWatch:
    """Sees a file's bytes as they pass: are the quotes even, and is there a last line end?"""

    def __init__(self) -> None:
        self._quotes = 0
        self._last = b"\n"

    def __call__(self, chunk: bytes) -> None:
        """Take the next chunk."""
        self._quotes += chunk.count(b'"')
        self._last = chunk[-1:]

    @property
    def odd_quotes(self) -> bool:
        """An odd number of quotes: perhaps a quoted cell is never closed."""
        return self._quotes % 2 == 1

    @property
    def cut_line(self) -> bool:
        """The last line has no line end, as in a file that was cut."""
        return self._last not in (b"\n", b"\r")


def read_header(path: Path) -> tuple[list[str], bool]:
    """Return the column names, and whether the writer quotes every cell.

    Such a writer (``QUOTE_ALL``) puts ``""`` for an empty cell, which others use for empty text.

    Raises:
        SourceProblem: no header, a name twice, or not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            lines = _Remembered(text)
            header = next((row for row in csv.reader(lines) if row), None)
    except OSError as error:
        raise cannot_read(path, error) from error
    except UnicodeDecodeError as error:
        raise _not_text(path) from error
    except csv.Error as error:
        raise SourceProblem(f"{path.name} has no readable header: {error}.", hint=_AGAIN) from error
    if header is None:
        raise SourceProblem(f"{path.name} is empty: it has not even a header.", hint=_AGAIN)
    check_keys(len(header), path.name)
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise SourceProblem(
            f"{path.name} has the column {twice[0]!r} twice.",
            hint="Rename or remove one of them in the header, then ingest the file again.",
        )
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in header)
    return header, lines.last.strip("\r\n") == quoted


def blocks(path: Path, header: list[str], quotes_all: bool) -> Iterator[pa.RecordBatch]:
    """Yield the rows as batches of text columns, one block of the file in memory at a time.

    A row longer than a block makes the block grow, and the reading go on behind the rows given.

    Raises:
        SourceProblem: a row has too few or too many cells, or the file is not UTF-8.
    """
    given = 0
    size = BLOCK
    while True:
        skip = given
        try:
            # A handle of our own, since Arrow takes no path that is not UTF-8.
            with path.open("rb") as file, _open(file, header, quotes_all, size) as reader:
                if reader.schema.names != header:
                    raise SourceProblem(f"{path.name} has no readable header.", hint=_AGAIN)
                for batch in reader:
                    fresh = batch.slice(min(skip, batch.num_rows))
                    skip -= batch.num_rows - fresh.num_rows
                    given += fresh.num_rows
                    if fresh.num_rows:
                        yield fresh
            return
        except OSError as error:
            raise cannot_read(path, error) from error
        except (pa.ArrowException, UnicodeDecodeError) as error:
            if "Empty CSV" in str(error) and _only_header(path):
                return
            if "straddling" not in str(error) or size >= MAX_BLOCK:
                raise _problem(path, len(header), error) from error
            size *= 4


def check_closed(path: Path) -> None:
    """Raise SourceProblem when the file ends inside a quoted cell.

    The parser takes the rest of such a file as one cell, so a cut file would pass in silence.
    """
    mark = "end of file"
    last: list[str] = []
    limit = csv.field_size_limit(_LONGEST)
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as text:
            for row in csv.reader(chain(text, [mark])):
                last = row
    except csv.Error:
        last = []
    except OSError as error:
        raise cannot_read(path, error) from error
    finally:
        csv.field_size_limit(limit)
    if last != [mark]:
        raise SourceProblem(
            f"{path.name} ends in the middle of a quoted cell: the file was cut.", hint=_AGAIN
        )


class _Remembered:
    """Iterates over lines and keeps the one given last."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.last = ""

    def __iter__(self) -> _Remembered:
        return self

    def __next__(self) -> str:
        self.last = next(self._lines)
        return self.last


def _open(
    file: BinaryIO, header: list[str], quotes_all: bool, size: int
) -> pacsv.CSVStreamingReader:
    return pacsv.open_csv(
        file,
        read_options=pacsv.ReadOptions(block_size=size),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types={name: pa.string() for name in header},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=quotes_all,
        ),
    )


def _only_header(path: Path) -> bool:
    """Tell whether nothing but blank lines follows the header, which the parser refuses."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            rows = (row for row in csv.reader(text) if row)
            return next(rows, None) is not None and next(rows, None) is None
    except (csv.Error, OSError):
        return False


def _problem(path: Path, width: int, error: Exception) -> SourceProblem:
    text = str(error)
    if "UTF8" in text or "utf-8" in text:
        return _not_text(path)
    if "straddling" in text:
        return SourceProblem(f"{path.name} has a row longer than 1 GiB.", hint=_AGAIN)
    if "columns, got" in text:
        place, cells = _ragged_line(path, width)
        return SourceProblem(
            f"{path.name}{place} has {cells} cells where the header has {width}.", hint=_AGAIN
        )
    # The parser quotes the row, which may be long and is not ours to print.
    return SourceProblem(f"{path.name} cannot be read as CSV: {text[:120]!r}.", hint=_AGAIN)


def _ragged_line(path: Path, width: int) -> tuple[str, str]:
    """Return the line where the first row of another width begins, and its number of cells."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            reader = csv.reader(text)
            line = 1
            for row in reader:
                if row and len(row) != width:
                    return f" line {line}", str(len(row))
                line = reader.line_num + 1
    except (csv.Error, OSError):
        pass
    return ": a row", "other than the expected number of"


def _not_text(path: Path) -> SourceProblem:
    place = ""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError:
                    place = f" (line {number})"
                    break
    except OSError:
        pass
    return SourceProblem(
        f"{path.name} is not UTF-8 text{place}.",
        hint="Save it as UTF-8, or export the run's history again, then ingest that file.",
    )
