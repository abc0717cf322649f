"""Patterns for names: ``*`` stands for any characters, ``?`` for one, and nothing else for others.

A metric may be called ``reward[0]``, ``50%`` or ``a\\b``: these signs mean themselves. There is no
way to take ``*`` and ``?`` for themselves; where that matters, an equal name goes first.
"""

from __future__ import annotations

import re
from typing import Final

_LIKE: Final = {"*": "%", "?": "_", "%": "!%", "_": "!_", "!": "!!"}


def like(pattern: str) -> str:
    """Return the pattern as SQL writes it: ``name LIKE pattern ESCAPE '!'``."""
    return "".join(_LIKE.get(character, character) for character in pattern)


def matches(name: str, pattern: str) -> bool:
    """Return whether the whole name is like the pattern; case counts."""
    parts = re.split(r"([*?])", pattern)
    expression = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(expression, name, re.DOTALL) is not None
