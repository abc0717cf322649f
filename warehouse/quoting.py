"""Text into SQL, for the few places where a parameter cannot be bound."""

from __future__ import annotations

import re


def literal(text: str) -> str:
    """Return a string as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def glob_literal(path: str) -> str:
    """Return a path in which glob characters stand for themselves."""
    return re.sub(r"[\[*?]", lambda found: f"[{found.group()}]", path)
