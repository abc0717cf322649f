"""The file of a ``wandb.Table``, read a row at a time: only the longest row sits in memory.

It is a JSON object with ``columns``, a list of names, and ``data``, a list of rows that are lists
of as many cells; an artifact's form of it has more members, which are passed over. W&B's client
writes NaN and the infinities as bare words. Numbers stay as they were written.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from dakota_wh.ingest.exports.tokens import EXACT, Token, safe_key, to_json

_READ: Final = 1 << 18
#: A single value longer than this is taken for an attack or damage, not for a row.
LONGEST: Final = 1 << 27
#: A word, a number's sign or an escape that was cut is not further from the end than this.
_WORD: Final = 64
_GOES_ON: Final = ("", *".eE+-0123456789")
_GAP: Final = re.compile(r"[ \t\r\n]*")


class MalformedError(ValueError):
    """The file is no table; the text says why, without anything that stands in the file."""


class TableText:
    """A table's file, open. Use it in ``with``."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises OSError."""
        self._file = path.open("rb")
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._at = 0
        self._ended = False

    def __enter__(self) -> TableText:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def columns(self) -> list[str]:
        """Return the names of the columns, wherever they stand in the file.

        Raises:
            MalformedError: it is no table.
        """
        for key in self._members():
            if key == "columns":
                names = self._value()
                if not isinstance(names, list):
                    raise MalformedError("its columns are no list")
                return _distinct(names)
            self._skip()
        raise MalformedError("it has no columns")

    def rows(self, width: int) -> Iterator[list[str]]:
        """Yield the rows as JSON texts of their ``width`` cells; the file is read from its start.

        Raises:
            MalformedError: it is no table, or ends in the middle.
        """
        self._rewind()
        found = False
        for key in self._members():
            if key != "data" or found:
                self._skip()
                continue
            found = True
            for number, row in enumerate(self._elements()):
                if not isinstance(row, list) or len(row) != width:
                    held = f"{len(row)} cells" if isinstance(row, list) else "no cells"
                    raise MalformedError(f"its row {number} has {held} for {width} columns")
                try:
                    yield [to_json(cell) for cell in row]
                except RecursionError as error:
                    raise MalformedError(f"its row {number} is nested too deep") from error
        if not found:
            raise MalformedError("it has no data")

    def _rewind(self) -> None:
        self._file.seek(0)
        self._decode.reset()
        self._text, self._at, self._ended = "", 0, False

    def _members(self) -> Iterator[str]:
        """Yield the keys of the object; the caller takes each one's value before the next."""
        self._expect("{")
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            key = self._value()
            if not isinstance(key, str) or isinstance(key, Token):
                raise MalformedError("it is no JSON")
            self._expect(":")
            yield key
            if self._expect(",}") == "}":
                break
        if self._peek():
            raise MalformedError("something follows the table")

    def _elements(self) -> Iterator[Any]:
        self._expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            if self._expect(",]") == "]":
                return

    def _skip(self) -> None:
        if self._peek() == "[":
            for _ in self._elements():
                pass
        else:
            self._value()

    def _value(self) -> Any:
        self._peek()
        wanted = _READ
        while True:
            try:
                value, end = EXACT.raw_decode(self._text, self._at)
                # A number at the end of what was read may go on in what was not: 0 of 0.5.
                if self._ended or self._text[end : end + 1] not in _GOES_ON:
                    self._at = end
                    return value
            except json.JSONDecodeError as error:
                if self._ended:
                    raise MalformedError("it is no JSON, or ends in the middle") from error
                # What is wrong well before the end does not become right by more text.
                if error.pos < len(self._text) - _WORD and "Unterminated" not in error.msg:
                    raise MalformedError("it is no JSON") from error
            except RecursionError as error:
                raise MalformedError("it is nested too deep") from error
            if len(self._text) - self._at > LONGEST:
                raise MalformedError(f"one value of it is longer than {LONGEST} characters")
            self._more(wanted)
            wanted *= 2  # so that a long value is not decoded over and over

    def _expect(self, marks: str) -> str:
        mark = self._peek()
        if not mark or mark not in marks:
            raise MalformedError("it is no JSON" if mark else "it ends in the middle")
        self._at += 1
        return mark

    def _peek(self) -> str:
        """Return the next character that is no white space; nothing at the end."""
        while True:
            match = _GAP.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._more(_READ)

    def _more(self, count: int) -> None:
        data = self._file.read(count)
        self._ended = not data
        try:
            text = self._decode.decode(data, final=self._ended)
        except UnicodeDecodeError as error:
            raise MalformedError("it is no UTF-8 text") from error
        self._text, self._at = self._text[self._at :] + text, 0


def _distinct(names: list[Any]) -> list[str]:
    """Return names of columns as texts that differ: the second ``a`` is ``a~2``."""
    found: dict[str, None] = {}
    tried: dict[str, int] = {}  # so that a thousand of one name do not try a million
    for name in names:
        try:
            plain = safe_key(name) if isinstance(name, str) else to_json(name)
        except RecursionError as error:
            raise MalformedError("the name of a column is nested too deep") from error
        chosen, attempt = plain, tried.get(plain, 1)
        while chosen in found:
            attempt += 1
            chosen = f"{plain}~{attempt}"
        tried[plain] = attempt
        found[chosen] = None
    return list(found)
