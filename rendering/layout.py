"""How rows of text fit a width: as one table, as a table for each run, or as records.

Numbers, run ids and roles are never broken. Other texts and the column heads fold, at a blank or
behind ``/ _ . -`` where they can. What does not fit even so is split into a table per run, whose
head then holds the columns that are the same in all its rows; what still does not fit becomes one
record a row. Nothing is hidden.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

#: Between two columns.
GAP: Final = 2
_SHORTEST_FOLD: Final = 12
#: Digits in a text beyond this are no number that a person reads.
_LONGEST_NUMBER: Final = 24
_WHOLE: Final = re.compile(r"(.*_)?run_id|role")
#: Where a text may be broken. A number (``0.1841``, ``-3``, ``1e-05``, ``2026-01-05``) stays whole,
#: and so does a name that begins with a dot.
_BREAK: Final = re.compile(
    r"""
      (?<=\S)(?=\s)
    | (?<=\s)(?=\S)
    | (?<=[/_])(?=[^\s/_.\-])
    | (?<=/)(?=\.)
    | (?<=\.)(?<![\s/]\.)(?<!^\.)(?!(?<=\d\.)\d)(?=[^\s/_.\-])
    | (?<=-)(?<![\s(]-)(?<!^-)(?!(?<=\d-)\d)(?!(?<=\de-)\d)(?=[^\s/_.\-])
    """,
    re.VERBOSE,
)
_NUMBER: Final = re.compile(r"[\-−]?\d[\d.,]*(?:e[+\-]?\d+)?", re.IGNORECASE)
_ID: Final = ("run_id", "orchestrator_run_id", "trainer_run_id")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of texts."""

    name: str
    number: bool = False

    @property
    def whole(self) -> bool:
        """Whether its cells must not be broken."""
        return self.number or _WHOLE.fullmatch(self.name) is not None


@dataclass(slots=True)
class Block:
    """A table that fits: the widths to fold to, and the columns that are told once, above it."""

    columns: list[Column]
    widths: list[int]
    rows: list[list[str]]
    told_once: list[tuple[str, str]]


def width_of(text: str) -> int:
    """Return how many cells of a terminal a printable text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def arrange(columns: list[Column], rows: list[list[str]], width: int | None) -> list[Block] | None:
    """Return the tables that show the rows within a width, None if only records can.

    Without a width everything stays on its line.
    """
    widths = _widths(columns, rows, width)
    if widths is not None:
        return [Block(columns, widths, rows, [])]
    return _grouped(columns, rows, width) if len(rows) > 1 else None


def _grouped(columns: list[Column], rows: list[list[str]], width: int | None) -> list[Block] | None:
    ids = [i for i, column in enumerate(columns) if column.name in _ID]
    groups = [list(group) for _, group in groupby(rows, key=lambda row: [row[i] for i in ids])]
    if len(groups) * 2 > len(rows):
        return None
    blocks = []
    for group in groups:
        told = [i for i in range(len(columns)) if len({row[i] for row in group}) == 1]
        told = told if len(group) > 1 else ids
        kept = [i for i in range(len(columns)) if i not in told]
        inner = [[row[i] for i in kept] for row in group]
        widths = _widths([columns[i] for i in kept], inner, width)
        if widths is None or not kept:
            return None
        once = [(columns[i].name, group[0][i]) for i in told]
        blocks.append(Block([columns[i] for i in kept], widths, inner, once))
    return blocks


def _widths(columns: list[Column], rows: list[list[str]], width: int | None) -> list[int] | None:
    cells = [max((width_of(row[i]) for row in rows), default=0) for i in range(len(columns))]
    widest = [max(cell, width_of(c.name)) for cell, c in zip(cells, columns, strict=True)]
    if width is None or sum(widest) + GAP * (len(columns) - 1) <= width:
        return widest
    least = [_least(column, i, cells[i], rows) for i, column in enumerate(columns)]
    room = width - GAP * (len(columns) - 1)
    if sum(least) > room:
        return None
    heads_folded = [max(cell, low) for cell, low in zip(cells, least, strict=True)]
    for floor in (heads_folded, least):
        _shrink(widest, floor, room)
    return widest


def _shrink(widths: list[int], floor: list[int], room: int) -> None:
    """Take from the widest column that is above its floor until all fit."""
    while sum(widths) > room:
        spare = [w if w > low else 0 for w, low in zip(widths, floor, strict=True)]
        if not any(spare):
            return
        widths[spare.index(max(spare))] -= 1


def _least(column: Column, place: int, widest: int, rows: Sequence[list[str]]) -> int:
    head = max((width_of(piece) for piece in pieces_of(column.name)), default=0)
    if column.whole:
        return max(head, widest)
    longest = max((width_of(p) for row in rows for p in pieces_of(row[place])), default=0)
    numbers = (len(n) for row in rows for n in _NUMBER.findall(row[place]))
    widest_number = max((n for n in numbers if n <= _LONGEST_NUMBER), default=0)
    return max(head, min(longest, _SHORTEST_FOLD), widest_number)


def pieces_of(text: str) -> list[str]:
    """Return a text in the pieces between which a line may end; joined, they are the text."""
    return [piece for piece in _BREAK.split(text) if piece]


def fold(text: str, width: int) -> list[str]:
    """Return the lines of a text folded to a width; joined, they are the text."""
    if width_of(text) <= width:
        return [text]
    lines = [""]
    for piece in pieces_of(text):
        if lines[-1] and width_of(lines[-1]) + width_of(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
        while width_of(lines[-1].rstrip()) > width:
            cut = _cut(lines[-1], width)
            lines[-1:] = [lines[-1][:cut], lines[-1][cut:]]
    return lines


def hanging(head: str, text: str, width: int | None, indent: int) -> list[str]:
    """Return a text behind its head, folded to a width, with its further lines indented."""
    if width is None or width - indent < _SHORTEST_FOLD:
        return [head + text]
    if len(head) > indent:  # the head is part of the first line's text
        first, *rest = fold(head + text, width - indent)
    else:
        first, *rest = fold(text, width - indent)
        first = head.ljust(indent) + first
    return [first.rstrip(), *(f"{' ' * indent}{line}".rstrip() for line in rest)]


def _cut(text: str, width: int) -> int:
    taken = 0
    for place, character in enumerate(text):
        taken += width_of(character)
        if taken > width:
            return max(place, 1)
    return len(text)
