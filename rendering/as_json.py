"""JSON and NDJSON, always valid.

NULL is ``null``. NaN and the infinities, which JSON has no numbers for, are the strings ``"NaN"``,
``"Infinity"`` and ``"-Infinity"``: ``null`` would say *not logged*. Integers and decimals are
numbers with all their digits. What a terminal would obey is escaped, which loses nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from dakota_wh.rendering.rows import Rows
from dakota_wh.rendering.values import exact

#: What JSON may hold as it is, and a terminal obeys: DEL, the controls of C1, what turns the
#: direction of a line, and line breaks of Unicode's own.
_UNSEEN: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

Write = Callable[[str], object]


def json_text(value: Any, *, ascii_only: bool = False) -> str:
    """Return a value as JSON text on one line."""
    return _encoded(value, _quoting(ascii_only))


def _quoting(ascii_only: bool) -> Callable[[str], str]:
    return json.encoder.encode_basestring_ascii if ascii_only else _quoted


def _quoted(text: str) -> str:
    quoted: str = json.encoder.encode_basestring(text)
    if quoted.isprintable():
        return quoted
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _encoded(value: Any, quoted: Callable[[str], str]) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (bool, int)):
        return exact(value)
    if isinstance(value, (float, Decimal)):
        return exact(value) if math.isfinite(value) else quoted(exact(value))
    if isinstance(value, dict):
        members = (f"{quoted(_key(k))}: {_encoded(v, quoted)}" for k, v in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_encoded(item, quoted) for item in value) + "]"
    return quoted(exact(value))


def _key(key: Any) -> str:
    return "null" if key is None else exact(key)


def _objects(rows: Rows, ascii_only: bool) -> Iterable[str]:
    quoted = _quoting(ascii_only)
    keys = [f"{quoted(name)}: " for name in rows.columns]
    for row in rows:
        members = (k + _encoded(v, quoted) for k, v in zip(keys, row, strict=True))
        yield "{" + ", ".join(members) + "}"


def write_json(rows: Rows, write: Write, *, ascii_only: bool = False) -> None:
    """Write one array of objects, an object a line."""
    before = "[\n"
    for text in _objects(rows, ascii_only):
        write(before + text)
        before = ",\n"
    write("[]\n" if before == "[\n" else "\n]\n")


def write_ndjson(rows: Rows, write: Write, *, ascii_only: bool = False) -> None:
    """Write an object a line and nothing else."""
    for text in _objects(rows, ascii_only):
        write(text + "\n")


def pretty(value: Any, *, ascii_only: bool = False, indent: str = "") -> str:
    """Return a document as JSON with a member a line; what is flat stays on its line."""
    deeper = indent + "  "
    if isinstance(value, dict) and any(isinstance(v, (dict, list)) for v in value.values()):
        lines = [
            f"{deeper}{json_text(str(k), ascii_only=ascii_only)}: "
            f"{pretty(v, ascii_only=ascii_only, indent=deeper)}"
            for k, v in value.items()
        ]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value):
        lines = [deeper + pretty(v, ascii_only=ascii_only, indent=deeper) for v in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    return json_text(value, ascii_only=ascii_only)
