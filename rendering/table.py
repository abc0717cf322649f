"""Tables for people: plain lines of text, or painted by rich where stdout is a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from dakota_wh.rendering.layout import GAP, Block, Column, arrange, fold, width_of
from dakota_wh.rendering.rows import Rows, is_number
from dakota_wh.rendering.values import brief, printable

if TYPE_CHECKING:
    from rich.console import Console

#: A text in a cell of a terminal's table is cut here.
LONGEST: Final = 240

_NO_ROWS: Final = "(no rows)"


def write_table(rows: Rows, write: Callable[[str], object]) -> None:
    """Write plain lined-up text, as wide as it is."""
    columns = _columns(rows)
    for line in _plain_lines(columns, _texts(rows, None), None):
        write(line + "\n")


def plain_lines(rows: Rows, width: int | None) -> Iterator[str]:
    """Yield plain lines, folded to a width where there is one."""
    return _plain_lines(_columns(rows), _texts(rows, None if width is None else LONGEST), width)


def show_table(rows: Rows, console: Console, *, most: int | None = None) -> None:
    """Paint the rows on a terminal, folded to its width; at most so many of them."""
    columns = _columns(rows)
    texts: list[list[str]] = []
    for text in _texts(rows, LONGEST):
        if most is not None and len(texts) >= most:
            break
        texts.append(text)
    blocks = arrange(columns, texts, console.width)
    if not texts or not columns or blocks is None:
        for line in _records(columns, texts, console.width):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        return
    for place, block in enumerate(blocks):
        if place:
            console.print()
        _paint(block, console)


def a_console(*, stderr: bool = False) -> Console:
    """Return a console that paints nothing where ``NO_COLOR`` or a dumb terminal says so."""
    from rich.console import Console

    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "") in ("dumb", "unknown")
    return Console(stderr=stderr, color_system=None if plain else "auto", highlight=False)


def _paint(block: Block, console: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    for line in _told(block, console.width):
        console.print(Text(line, style="bold cyan"), soft_wrap=True)
    table = Table(
        box=box.Box("    \n    \n ── \n    \n ── \n ── \n    \n    \n"),
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
        header_style="bold",
    )
    for column, width in zip(block.columns, block.widths, strict=True):
        head = "\n".join(line.rstrip() for line in fold(printable(column.name), width))
        table.add_column(
            Text(head),
            justify="right" if column.number else "left",
            width=width,
            no_wrap=True,
            overflow="fold",
            style="cyan" if column.whole and not column.number else "",
        )
    for row in block.rows:
        cells = zip(row, block.widths, strict=True)
        table.add_row(*(Text("\n".join(x.rstrip() for x in fold(t, w))) for t, w in cells))
    console.print(table)


def _columns(rows: Rows) -> list[Column]:
    pairs = zip(rows.columns, rows.types, strict=True)
    return [Column(printable(name), is_number(kind)) for name, kind in pairs]


def _texts(rows: Rows, longest: int | None) -> Iterator[list[str]]:
    return ([brief(value, longest) for value in row] for row in rows)


def _told(block: Block, width: int | None) -> list[str]:
    if not block.told_once:
        return []
    told = "  ".join(f"{name}: {text}" for name, text in block.told_once)
    lines = [told] if width is None else fold(told, width)
    return [line.rstrip() for line in lines]


def _plain_lines(
    columns: list[Column], texts: Iterable[list[str]], width: int | None
) -> Iterator[str]:
    rows = list(texts)
    blocks = arrange(columns, rows, width)
    if blocks is None or not columns:
        yield from _records(columns, rows, width or 80)
        return
    for place, block in enumerate(blocks):
        if place:
            yield ""
        yield from _told(block, width)
        yield from _plain_block(block)
    if not rows:
        yield _NO_ROWS


def _plain_block(block: Block) -> Iterator[str]:
    sides = list(zip(block.columns, block.widths, strict=True))
    yield from _plain_row([(c.name, c, w) for c, w in sides])
    yield (" " * GAP).join("-" * width for width in block.widths)
    for row in block.rows:
        yield from _plain_row([(t, c, w) for t, (c, w) in zip(row, sides, strict=True)])


def _plain_row(cells: list[tuple[str, Column, int]]) -> Iterator[str]:
    folded = [[line.rstrip() for line in fold(text, width)] for text, _, width in cells]
    for level in range(max((len(lines) for lines in folded), default=0)):
        parts = []
        for lines, (_, column, width) in zip(folded, cells, strict=True):
            text = lines[level] if level < len(lines) else ""
            blank = " " * (width - width_of(text))
            parts.append(blank + text if column.number else text + blank)
        yield (" " * GAP).join(parts).rstrip()


def _records(columns: list[Column], rows: list[list[str]], width: int) -> Iterator[str]:
    if not rows:
        yield _NO_ROWS
        return
    names = max((width_of(column.name) for column in columns), default=0)
    room = max(width - names - GAP, 20)
    for place, row in enumerate(rows):
        if place:
            yield ""
        for column, text in zip(columns, row, strict=True):
            for level, line in enumerate(fold(text, room)):
                name = column.name if level == 0 else ""
                yield f"{name}{' ' * (names - width_of(name) + GAP)}{line}".rstrip()
