"""One value as text: exactly, for programs, and briefly, for people.

Exact: numbers as Python's ``repr`` (the shortest text that reads back as the same double), NaN and
infinities as ``NaN``, ``Infinity`` and ``-Infinity``, times as ISO 8601 in UTC, lists and structs
as JSON. Brief: five significant digits, ``-`` for NULL, long texts cut, and nothing that a terminal
would take for a command.
"""

from __future__ import annotations

import math
import shlex
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

NULL_SHOWN: Final = "-"


def exact(value: Any) -> str:
    """Return the value's full text; None, which has none, must be handled before."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _exact_float(value)
    if isinstance(value, (list, tuple, dict)):
        from dakota_wh.rendering.as_json import json_text

        return json_text(value)
    return _exact_other(value)


def _exact_float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _exact_other(value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        return f"{value.isoformat()}Z"
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02X}" for b in bytes(value))
    return str(value)


def brief(value: Any, longest: int | None = None) -> str:
    """Return the value for a table: on one line, printable, and cut if it is too long."""
    if value is None:
        return NULL_SHOWN
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.5g}"
    if isinstance(value, datetime):
        return exact(value)[:19].replace("T", " ")
    text = exact(value)
    if longest is not None and len(text) > longest:
        text = f"{text[: longest - 1]}…"
    return printable(text)


def printable(text: str) -> str:
    """Return the text with line breaks, escape sequences and invisible characters spelled out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _spelled(c) for c in text)


def shell_word(text: str) -> str:
    """Return a text as one word of a POSIX shell's command line, with nothing invisible in it.

    Control characters are written in the shell's own ``$'\\x1b'`` (bash, zsh, POSIX.1-2024).
    """
    if text.isprintable():
        return shlex.quote(text)
    spelled = (c if c.isprintable() and c not in "'\\" else _escaped(c) for c in text)
    return f"$'{''.join(spelled)}'"


def _escaped(character: str) -> str:
    return (
        f"\\{character}"
        if character in "'\\"
        else "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
    )


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
