"""The text layer of an all-in-one export: its members, and its history a row at a time.

The whole text sits in memory, but never the decoded history: a row is decoded, used and dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.tokens import plain_decoder

_GAP = re.compile(r"[ \t\r\n]*")
_AGAIN = "Export it again, then ingest the new file."

#: A decoding error this near to the end is a word or an escape that was cut.
_CUT_WORD = 12


def decoded(name: str, data: bytes) -> str:
    """Return the text of a JSON file.

    Raises:
        SourceProblem: not UTF-8, or cut inside a character.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise _cut(name, len(data)) from error
        raise SourceProblem(
            f"{name} is not UTF-8 text (byte {error.start}).", hint=_AGAIN
        ) from error


@dataclass(frozen=True, slots=True)
class JsonText:
    """The text of one JSON file, read by position."""

    name: str
    text: str

    def members(self, skip: str) -> Iterator[tuple[str, Any]]:
        """Yield the top-level object's members; for ``skip`` its position instead of its value.

        Nothing is yielded when the top level is no object.

        Raises:
            SourceProblem: the text ends in the middle, or is no JSON.
        """
        decoder = plain_decoder()
        position = self._behind_gap(0)
        if self.text[position : position + 1] != "{":
            return
        position = self._behind_gap(position + 1)
        if self.text[position : position + 1] == "}":
            return
        while True:
            key, position = self._value(decoder, position)
            if not isinstance(key, str):
                raise self._broken(position)
            position = self._behind_gap(self._expect(":", position))
            if key == skip:
                yield key, position
                position = self._end_of(decoder, position)
            else:
                value, position = self._value(decoder, position)
                yield key, value
            mark, position = self._mark("}", position)
            if mark == "}":
                break
        end = self._behind_gap(position)
        if end != len(self.text):
            raise self._broken(end)

    def elements(self, decoder: json.JSONDecoder, position: int) -> Generator[Any, None, int]:
        """Yield the elements of the array at ``position``, and return the position behind it.

        Raises:
            SourceProblem: the text ends in the middle, or is no JSON.
        """
        position = self._behind_gap(position + 1)
        if self.text[position : position + 1] == "]":
            return position + 1
        mark = ","
        while mark == ",":
            value, position = self._value(decoder, position)
            mark, position = self._mark("]", position)
            yield value
        return position

    def is_array(self, position: int) -> bool:
        """Tell whether an array begins at ``position``."""
        return self.text[position : position + 1] == "["

    def _end_of(self, decoder: json.JSONDecoder, position: int) -> int:
        if not self.is_array(position):
            return self._value(decoder, position)[1]
        rows = self.elements(decoder, position)
        while True:
            try:
                next(rows)
            except StopIteration as end:
                return int(end.value)

    def _value(self, decoder: json.JSONDecoder, position: int) -> tuple[Any, int]:
        try:
            return decoder.raw_decode(self.text, position)
        except json.JSONDecodeError as error:
            cut = "Unterminated string" in error.msg
            raise self._broken(error.pos, cut) from error
        except RecursionError as error:
            raise SourceProblem(f"{self.name} is nested too deep.", hint=_AGAIN) from error

    def _mark(self, close: str, position: int) -> tuple[str, int]:
        """Return the ``,`` or ``close`` that must follow, and where the next value begins."""
        position = self._behind_gap(position)
        mark = self.text[position : position + 1]
        if not mark or mark not in "," + close:
            raise self._broken(position)
        return mark, self._behind_gap(position + 1) if mark == "," else position + 1

    def _expect(self, mark: str, position: int) -> int:
        position = self._behind_gap(position)
        if self.text[position : position + 1] != mark:
            raise self._broken(position)
        return position + 1

    def _behind_gap(self, position: int) -> int:
        match = _GAP.match(self.text, position)
        return match.end() if match else position

    def _broken(self, position: int, cut: bool = False) -> SourceProblem:
        if cut or len(self.text.rstrip()) - position < _CUT_WORD:
            return _cut(self.name, len(self.text.encode("utf-8", "replace")))
        byte = len(self.text[:position].encode("utf-8", "replace"))
        return SourceProblem(f"{self.name} is no valid JSON at byte {byte}.", hint=_AGAIN)


def _cut(name: str, size: int) -> SourceProblem:
    return SourceProblem(f"{name} ends in the middle (byte {size}).", hint=_AGAIN)
