"""Texts that a spreadsheet would compute with, and their form in which it does not.

Spreadsheets take a cell for a formula that begins with ``= + - @``, the wide forms of East Asian
text too, and strip white space before it (OWASP, "CSV Injection"). What such a formula does, to
fetch an address with the sheet's contents, it does on the machine of whoever opens the file.
"""

from __future__ import annotations

import re
from typing import Final

#: The first characters of a formula.
BEGINS: Final = "=+-@＝＋－＠"
_LIVE: Final = re.compile(rf"[\s\x00-\x20]*[{re.escape(BEGINS)}]")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


def is_live(text: str) -> bool:
    """Return whether a text may be taken for a formula; one that is only a number may not."""
    return _LIVE.match(text) is not None and _NUMBER.fullmatch(text) is None


def defused(text: str) -> str:
    """Return the text, as JSON in its quotes if it may be taken for a formula."""
    if not is_live(text):
        return text
    from dakota_wh.rendering.as_json import json_text

    return json_text(text)
