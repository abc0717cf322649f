"""A page of history: rows of JSON text, cut out of the answer without decoding it.

Each row is a JSON object inside a JSON string, so nearly every quote is escaped. Where quotes are
all that is escaped, a whole page is undone at once, many times faster than by a decoder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dakota_wh.errors import SourceProblem

_BACKSLASH: Final = ord("\\")
_QUOTE: Final = ord('"')
_BEGIN: Final = re.compile(rb'\s*\{\s*"project"\s*:\s*\{\s*"run"\s*:\s*\{\s*"history"\s*:\s*\[\s*"')
_END: Final = re.compile(rb'"\s*\]\s*\}\s*\}\s*\}\s*')
_BETWEEN: Final = re.compile(rb'",\s*"')


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows: ``lines`` is their JSON text in UTF-8, a row a line, none ended after the last."""

    lines: bytes = b""
    rows: int = 0

    @classmethod
    def of(cls, rows: Sequence[str]) -> Page:
        """Return a page of rows; a line break can only stand between tokens, as a blank can."""
        lines = "\n".join(row.replace("\n", " ").replace("\r", " ") for row in rows)
        return cls(lines.encode("utf-8", "surrogatepass"), len(rows))

    def texts(self) -> list[str]:
        """Return the rows' texts."""
        if not self.rows:
            return []
        return self.lines.decode("utf-8", "surrogatepass").split("\n")


def read_page(text: str, about: str) -> Page:
    """Return the page that an answer holds.

    Raises:
        SourceProblem: the text is no page of history.
    """
    page = _cut(text.encode("utf-8", "surrogatepass"))
    return _decoded(text, about) if page is None else page


def _cut(data: bytes) -> Page | None:
    """Return the page where quotes are the only thing that is escaped, else None."""
    begin = _BEGIN.match(data)
    end = _END.fullmatch(data, data.rfind(b'"')) if begin else None
    if begin is None or end is None:
        return None
    lines = _BETWEEN.sub(b"\n", data[begin.end() : end.start()])
    if not _only_quotes_escaped(lines):
        return None
    return Page(lines.translate(None, b"\\"), lines.count(b"\n") + 1)


def _only_quotes_escaped(lines: bytes) -> bool:
    """Tell whether a backslash stands before every quote, and before nothing else."""
    codes = np.frombuffer(lines, dtype=np.uint8)
    if not codes.size or codes[0] == _QUOTE or codes[-1] == _BACKSLASH:
        return not codes.size
    return bool(((codes[:-1] == _BACKSLASH) == (codes[1:] == _QUOTE)).all())


def _decoded(text: str, about: str) -> Page:
    try:
        project: Any = json.loads(text)["project"]
        rows = [] if project is None or project["run"] is None else project["run"]["history"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _broken(about) from error
    if rows is None:
        return Page()
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise _broken(about)
    return Page.of(rows)


def _broken(about: str) -> SourceProblem:
    return SourceProblem(
        f"W&B's answer for {about} is no page of history.",
        hint="Ingest it again; if it stays so, update dakota-wh.",
    )
