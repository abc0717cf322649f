"""Rows of JSON text into columns of tokens, by recognising the layout that most rows share.

A training loop logs the same keys in the same order again and again. The first row of a kind is
taken apart and becomes a pattern with a group for each value; the next ones are matched by it
at once, several times faster than they could be decoded, and every value keeps its text. What no
pattern fits (a nested value, a key twice) is decoded exactly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from dakota_wh.ingest.exports.tokens import (
    EXACT,
    SERVICE_WORDS,
    RowColumns,
    leaves,
    safe_key,
    text_token,
)
from dakota_wh.ingest.source import KeyPath

#: Patterns that are kept; a run that needs more of them is decoded row by row.
MAX_LAYOUTS: Final = 32
#: Keys that a pattern may have.
MAX_KEYS: Final = 2000

# Possessive and a stretch at a time: what is tried a character at a time takes 200 bytes for each.
_STRING: Final = r'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"'
_NUMBER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_PLAIN: Final = rf'{_NUMBER}|true|false|null|NaN|-?Infinity|"NaN"|"-?Infinity"'
_PAIR: Final = re.compile(rf"\s*({_STRING})\s*:\s*(?:({_PLAIN})|({_STRING}))\s*(,|\}}\s*$)")


@dataclass(slots=True)
class Layout:
    """The keys of a kind of row in their order, and the pattern that takes such a row apart."""

    pattern: re.Pattern[str]
    paths: tuple[KeyPath, ...]
    #: Places in ``paths`` whose values are strings, to be written in one form.
    strings: frozenset[int]


@dataclass(slots=True)
class RowReader:
    """Takes rows of one run; learns their layouts as it goes."""

    _layouts: list[Layout] = field(default_factory=list)

    def columns(self, rows: Sequence[str]) -> dict[KeyPath, pa.Array[Any]]:
        """Return a string array of tokens for each key, ``len(rows)`` cells, null: not logged.

        Raises:
            ValueError: a row is no JSON object.
            RecursionError: a row is nested too deep.
        """
        found: dict[int, tuple[list[int], list[tuple[str, ...]]]] = {}
        odd: list[int] = []
        last = 0
        for number, row in enumerate(rows):
            place, values = self._match(row, last)
            if values is None:
                odd.append(number)
                continue
            last = place
            where, cells = found.setdefault(place, ([], []))
            where.append(number)
            cells.append(values)
        whole = len(found) == 1 and not odd
        columns: dict[KeyPath, Any] = {}
        for place, (where, cells) in found.items():
            self._place(columns, self._layouts[place], None if whole else where, cells, len(rows))
        self._decode(columns, rows, odd)
        return {
            path: pa.array(cells, pa.string(), from_pandas=False) for path, cells in columns.items()
        }

    def _match(self, row: str, last: int) -> tuple[int, tuple[str, ...] | None]:
        layouts = self._layouts
        if last < len(layouts) and (match := layouts[last].pattern.fullmatch(row)):
            return last, match.groups()
        for place, layout in enumerate(layouts):
            if place != last and (match := layout.pattern.fullmatch(row)):
                return place, match.groups()
        if len(layouts) < MAX_LAYOUTS and (new := learn(row)) is not None:
            layouts.append(new)
            match = new.pattern.fullmatch(row)
            return len(layouts) - 1, match.groups() if match else None
        return last, None

    def _place(
        self,
        columns: dict[KeyPath, Any],
        layout: Layout,
        where: list[int] | None,
        cells: list[tuple[str, ...]],
        count: int,
    ) -> None:
        for place, values in enumerate(zip(*cells, strict=True)):
            tokens: Sequence[str] = values
            if place in layout.strings:
                tokens = [_one_form(value) for value in values]
            elif '"' in "".join(values):
                tokens = [SERVICE_WORDS.get(value, value) for value in values]
            path = layout.paths[place]
            if where is None:
                columns[path] = tokens
                continue
            column = columns.setdefault(path, np.full(count, None, dtype=object))
            column[where] = tokens

    def _decode(self, columns: dict[KeyPath, Any], rows: Sequence[str], odd: list[int]) -> None:
        if not odd:
            return
        decoded = RowColumns()
        for number in odd:
            row = EXACT.decode(rows[number])
            if not isinstance(row, dict):
                raise ValueError(f"row {number} is no object")
            for key, value in row.items():
                for path, token in leaves((safe_key(key),), value):
                    decoded.put(path, SERVICE_WORDS.get(token, token))
            decoded.end_row()
        for path, array in decoded.columns().items():
            column = columns.setdefault(path, np.full(len(rows), None, dtype=object))
            column[odd] = array.to_pylist()


def learn(row: str) -> Layout | None:
    """Return the layout of a row, None where it holds a nested value, or a key twice."""
    start = row.find("{") + 1
    pattern = [r"\s*\{"]
    paths: list[KeyPath] = []
    strings: set[int] = set()
    end = ","
    while end == ",":
        found = _PAIR.match(row, start)
        if found is None or len(paths) >= MAX_KEYS:
            return None
        key, _, text, end = found.groups()
        if text is not None:
            strings.add(len(paths))
        value = _PLAIN if text is None else f"{_STRING}|null"
        comma = "" if not paths else ","
        pattern.append(rf"{comma}\s*{re.escape(key)}\s*:\s*({value})\s*")
        paths.append((safe_key(json.loads(key)),))
        start, end = found.end(), end[0]
    if len(set(paths)) < len(paths):
        return None
    pattern.append(r"\}\s*")
    return Layout(re.compile("".join(pattern)), tuple(paths), frozenset(strings))


def _one_form(value: str) -> str:
    """Return a string's token in the one form that all sources use."""
    if value == "null":
        return value
    token = text_token(json.loads(value)) if "\\" in value else value
    return SERVICE_WORDS.get(token, token)
