"""A run as an Excel workbook, for looking at: everything is a value, nothing a formula or a link.

A spreadsheet's numbers are doubles and its cells hold 32,767 characters, so this is the one format
that is not read back; what does not fit is text, or cut, and the sheet ``run`` says how much.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from dakota_wh.errors import NotInstalled
from dakota_wh.export.cells import rows_of
from dakota_wh.export.described import describe
from dakota_wh.export.stored_run import StoredRun
from dakota_wh.warehouse.entries import leaves

T = TypeVar("T")

#: The limits of the format, as Microsoft's "Excel specifications and limits" has them.
MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
MAX_TEXT: Final = 32_767

_WHOLE_SHEET: Final = MAX_ROWS
_EXACT: Final = 2**53

#: Nothing of a text is to be anything but text.
_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def check_installed() -> None:
    """Raise unless the library is there.

    Raises:
        NotInstalled: it is an extra.
    """
    try:
        import xlsxwriter  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise NotInstalled("xlsx", "XlsxWriter", extra="xlsx") from error


def write_workbook(path: Path, run: StoredRun, info: dict[str, Any]) -> None:
    """Write the sheets history (several for a history beyond a sheet's limits), statistics,
    summary, config and run."""
    from xlsxwriter.exceptions import FileCreateError

    try:
        with path.open("wb") as file:
            sink = _Sink(file)
            try:
                _write(sink, path.parent, run, info)
            finally:
                sink.end()
    except FileCreateError as error:  # what the system said is inside
        reason = error.args[0] if error.args else error
        raise reason if isinstance(reason, OSError) else OSError(str(reason)) from error


class _Sink:
    """A file that takes nothing more after an error.

    The zip archive over it would write its end when it is thrown away, and fail again.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._failed = False

    def end(self) -> None:
        self._failed = True

    def write(self, data: bytes) -> int:
        return len(data) if self._failed else self._once(self._file.write, data)

    def flush(self) -> None:
        if not self._failed:
            self._once(self._file.flush)

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0 if self._failed else self._once(self._file.seek, offset, whence)

    def tell(self) -> int:
        return 0 if self._failed else self._file.tell()

    def _once(self, act: Callable[..., T], *args: Any) -> T:
        try:
            return act(*args)
        except OSError:
            self._failed = True
            raise


def _write(sink: _Sink, scratch: Path, run: StoredRun, info: dict[str, Any]) -> None:
    from xlsxwriter import Workbook

    with closing(Workbook(sink, {**_OPTIONS, "tmpdir": str(scratch)})) as book:
        cut = _Cut()
        sheets = _write_history(book, run, cut)
        _, statistics = describe(run)
        header = ("metric", "count", "mean", "std", "min", "25%", "50%", "75%", "max")
        _write_sheet(
            book, "statistics", header, ((n, *row.values()) for n, row in statistics.items()), cut
        )
        for name, tree in (("summary", run.summary), ("config", run.config)):
            rows = ((".".join(at), _leaf(value)) for at, value in leaves(tree) if at)
            _write_sheet(book, name, ("key", "value"), rows, cut)
        about = {**info, **info["dakota_wh"], "history sheets": sheets}
        del about["dakota_wh"]
        # Read last, when all other sheets are written.
        rows = ((key, _leaf(value)) for key, value in [*about.items(), *cut.told()])
        _write_sheet(book, "run", ("what", "value"), rows, cut)


class _Cut:
    """Counts what a cell could not hold."""

    def __init__(self) -> None:
        self.texts = 0
        self.numbers = 0
        self.rows = 0

    def told(self) -> Iterator[tuple[str, int]]:
        yield "texts cut at 32,767 characters", self.texts
        yield "rows of other sheets than history left out", self.rows
        yield "integers beyond 2^53 and non-finite numbers, as text", self.numbers


def _write_history(book: Any, run: StoredRun, cut: _Cut) -> int:
    """Write the history in blocks of a sheet's columns and rows; return how many sheets it took."""
    sheets: list[Any] = []
    names = list(run.columns.values())
    blocks = [slice(at, at + MAX_COLUMNS) for at in range(0, len(names), MAX_COLUMNS)]
    place = MAX_ROWS
    for batch in run.history.batches(run.batch_rows):
        for row in rows_of(batch, list(run.columns), str):
            if place == MAX_ROWS:
                current = [_new_sheet(book, sheets, names[block], cut) for block in blocks]
                place = 1
            for sheet, block in zip(current, blocks, strict=True):
                for column, token in enumerate(row[block]):
                    if token is not None:
                        _put(sheet, place, column, _value(token), cut)
            place += 1
    if not sheets:
        for block in blocks:
            _new_sheet(book, sheets, names[block], cut)
    return len(sheets)


def _new_sheet(book: Any, sheets: list[Any], names: list[str], cut: _Cut) -> Any:
    title = "history" if not sheets else f"history {len(sheets) + 1}"
    sheets.append(book.add_worksheet(title))
    for column, name in enumerate(names):
        _put(sheets[-1], 0, column, name, cut)
    return sheets[-1]


def _write_sheet(
    book: Any, title: str, header: tuple[str, ...], rows: Iterable[tuple[Any, ...]], cut: _Cut
) -> None:
    sheet = book.add_worksheet(title)
    for place, row in enumerate([header, *rows]):
        if place >= _WHOLE_SHEET:
            cut.rows += 1
            continue
        for column, value in enumerate(row):
            _put(sheet, place, column, value, cut)


def _put(sheet: Any, row: int, column: int, value: Any, cut: _Cut) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif _fits(value):
        sheet.write_number(row, column, value)
    else:
        if not isinstance(value, str):
            cut.numbers += 1
        text = str(value).encode("utf-8", "backslashreplace").decode()
        # Excel counts a character beyond 16 bits as two.
        wide = len(text.encode("utf-16-le")) // 2
        if wide > MAX_TEXT:
            cut.texts += 1
            text = text.encode("utf-16-le")[: 2 * MAX_TEXT].decode("utf-16-le", "ignore")
        sheet.write_string(row, column, text)


def _fits(value: Any) -> bool:
    """Return whether a spreadsheet's number holds this one exactly."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) <= _EXACT


def _value(token: str) -> Any:
    """Return what a cell shows of a logged value: lists and dicts as their JSON."""
    if token[0] in "[{":
        return token
    try:
        return json.loads(token)
    except (ValueError, RecursionError):  # of a damaged log
        return token


def _leaf(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return json.dumps(value, ensure_ascii=False)
