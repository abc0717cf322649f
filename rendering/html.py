"""A table for a notebook: HTML that stands for itself, with everything in it escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import islice
from typing import Final

from dakota_wh.rendering.rows import Rows, is_number
from dakota_wh.rendering.values import brief

#: Rows that a notebook shows; all of them are in ``.df()``, ``.pl()`` and ``.arrow()``.
MOST_SHOWN: Final = 50
#: Characters of a text that a cell shows.
_LONGEST: Final = 200

_RIGHT: Final = ' style="text-align: right; font-variant-numeric: tabular-nums"'
_LEFT: Final = ' style="text-align: left"'


def html_table(rows: Rows, *, most: int = MOST_SHOWN) -> str:
    """Return the first ``most`` rows as a table, and how many there are."""
    return "".join(_parts(rows, most))


def _parts(rows: Rows, most: int) -> Iterator[str]:
    styles = [_RIGHT if is_number(kind) else _LEFT for kind in rows.types]
    yield "<table><thead><tr>"
    for name, kind, style in zip(rows.columns, rows.types, styles, strict=True):
        yield f'<th title="{escape(kind)}"{style}>{escape(name)}</th>'
    yield "</tr></thead><tbody>"
    for row in islice(iter(rows), most):
        cells = zip(row, styles, strict=True)
        shown = "".join(f"<td{s}>{escape(brief(value, _LONGEST))}</td>" for value, s in cells)
        yield f"<tr>{shown}</tr>"
    total = len(rows)
    more = f", the first {most} shown" if total > most else ""
    yield f"</tbody></table><p>{total:,} row{'' if total == 1 else 's'}{more}</p>"
