"""CSV and TSV: quoting of RFC 4180, lines that end in ``\\n``.

NULL is an empty cell and an empty text is ``""`` (in a table of one column both are); NaN is
``NaN``. A tab-separated file quotes as a
comma-separated one does, so that any text survives; but a text that a spreadsheet would compute
with is written as its JSON, ``"=1+1"`` with the quotes, as ``export`` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from dakota_wh.rendering.formulas import defused
from dakota_wh.rendering.rows import Rows
from dakota_wh.rendering.values import exact

_SPECIAL: Final = {",": re.compile(r'[",\r\n]'), "\t": re.compile(r'["\t\r\n]')}


def write_csv(rows: Rows, write: Callable[[str], object]) -> None:
    """Write a header line and a line per row, separated by commas."""
    _write(rows, write, ",")


def write_tsv(rows: Rows, write: Callable[[str], object]) -> None:
    """Write a header line and a line per row, separated by tabs."""
    _write(rows, write, "\t")


def _write(rows: Rows, write: Callable[[str], object], separator: str) -> None:
    special = _SPECIAL[separator]
    # The only cell of a line: readers take an empty line for none at all.
    null = '""' if len(rows.columns) == 1 else ""

    def cell(value: Any) -> str:
        if value is None:
            return null
        text = defused(value) if isinstance(value, str) else exact(value)
        if text and not special.search(text):
            return text
        return '"' + text.replace('"', '""') + '"'

    write(separator.join(cell(name) for name in rows.columns) + "\n")
    for row in rows:
        write(separator.join([cell(value) for value in row]) + "\n")
