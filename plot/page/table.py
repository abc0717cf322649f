"""A table on a page: numbers to five digits, with the exact ones behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dakota_wh.plot.naming import number, shown
from dakota_wh.rendering.layout import pieces_of
from dakota_wh.rendering.values import brief, exact

#: Characters of a cell; the SQL beneath the table has the rest.
_LONGEST = 400
#: Characters that a line of a cell need not hold more of without a place to break.
_LONGEST_WORD = 20


@dataclass(frozen=True, slots=True)
class Noted:
    """A number, and what must be read with it."""

    value: float
    words: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of values as the warehouse gave them; None is shown as ``undefined``."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    sql: str = ""
    #: What is said beneath it.
    notes: Sequence[str] = ()
    #: Whether a line is a fact and a column a run.
    turned: bool = False

    @property
    def head(self) -> list[tuple[str, bool]]:
        """The columns, each with whether it holds numbers."""
        return [
            (name, any(is_number(row[i]) for row in self.rows))
            for i, name in enumerate(self.columns)
        ]


def is_number(value: Any) -> bool:
    """Return whether a cell stands to the right."""
    return isinstance(value, (int, float, Noted)) and not isinstance(value, bool)


def cell(value: Any) -> str:
    """Return a value for people."""
    if value is None:
        return "undefined"
    if isinstance(value, Noted):
        return number(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, datetime):
        return f"{brief(value)} UTC"
    return shown(str(value), _LONGEST)


def exactly(value: Any) -> str:
    """Return a number with all its digits."""
    return exact(value.value if isinstance(value, Noted) else value)


def words(value: Any) -> str:
    """Return what must be read with a number; mostly nothing."""
    return value.words if isinstance(value, Noted) else ""


def places(text: str) -> list[str]:
    """Return a text in pieces between which a line of a narrow column may end.

    Words and numbers stay whole, unless they are longer than any word; a name of many short parts
    is not broken at each of them.
    """
    merged: list[str] = []
    for piece in pieces_of(text):
        if merged and len(merged[-1] + piece) <= _LONGEST_WORD:
            merged[-1] += piece
        else:
            merged += [
                piece[start : start + _LONGEST_WORD]
                for start in range(0, len(piece), _LONGEST_WORD)
            ]
    return merged
