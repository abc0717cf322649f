"""A Markdown table as GitHub reads it; numbers in full precision, lined up on the right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dakota_wh.rendering.rows import Rows, is_number
from dakota_wh.rendering.values import exact, printable

_ESCAPED: Final = str.maketrans(
    {"\\": "\\\\", "|": "\\|", "*": "\\*", "`": "\\`", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
)


def write_markdown(rows: Rows, write: Callable[[str], object]) -> None:
    """Write the table; a NULL is an empty cell."""
    write(_line([_cell(name) for name in rows.columns]))
    write(_line(["---:" if is_number(kind) else "---" for kind in rows.types]))
    for row in rows:
        write(_line([_cell(value) for value in row]))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    parts = exact(value).translate(_ESCAPED).splitlines()
    return "<br>".join(printable(part) for part in parts)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
