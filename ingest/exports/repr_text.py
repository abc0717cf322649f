"""Python's ``repr`` of a dict or list, which pandas writes into CSV cells, as JSON text.

Nothing is evaluated: the text is cut into words from left to right, each word is translated, and
``json`` checks the result. So the time is linear in the length, no depth can exhaust the stack, and
a number keeps its text. Text that is JSON already passes the same way.
"""

from __future__ import annotations

import json
import re

from dakota_wh.ingest.exports.tokens import text_token

#: Longer cells stay text: no logged list is near this, and the check costs memory.
MAX_LENGTH = 8 * 1024 * 1024

#: Deeper cells stay text; far below any recursion limit of the JSON readers that follow.
MAX_DEPTH = 100

# Possessive quantifiers: an unclosed quote fails at once instead of being tried again and again.
_WORD = re.compile(
    r"""[ \t\r\n]*+(?:
        (?P<text>'[^'\\\r\n]*+(?:\\.[^'\\\r\n]*+)*+' | "[^"\\\r\n]*+(?:\\.[^"\\\r\n]*+)*+")
      | (?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)(?![0-9A-Za-z_.])
      | (?P<name>-?[A-Za-z]++)
      | (?P<mark>[\[\](){},:])
    )""",
    re.VERBOSE,
)

_NAMES = {
    "True": "true",
    "False": "false",
    "None": "null",
    "nan": "NaN",
    "inf": "Infinity",
    "-inf": "-Infinity",
    "true": "true",
    "false": "false",
    "null": "null",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
}

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_MARKS = frozenset("[]{},:")
_SIMPLE = {
    "\\": "\\",
    "'": "'",
    '"': '"',
    "/": "/",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
}


def literal_json(text: str) -> str | None:
    """Return the compact JSON text of a dict or list, or None when ``text`` is something else.

    Tuples become lists, and keys that are no strings become strings, as ``json.dumps`` does.
    """
    if len(text) > MAX_LENGTH:
        return None
    pieces = _translate(text)
    if pieces is None:
        return None
    try:
        # Apart by blanks, or the two numbers of ``[1 2]`` would pass as one.
        json.loads(" ".join(pieces), parse_int=str, parse_float=str)
    except ValueError:
        return None
    return "".join(pieces)


def _translate(text: str) -> list[str] | None:
    pieces: list[str] = []
    position = depth = 0
    end = len(text.rstrip(" \t\r\n"))
    while position < end:
        match = _WORD.match(text, position)
        if match is None:
            return None
        position = match.end()
        kind = match.lastgroup or ""
        word = match.group(kind)
        if kind == "mark":
            depth += (word in "[({") - (word in "])}")
            if depth > MAX_DEPTH:
                return None
            _add_mark(pieces, word)
            continue
        piece = word if kind == "number" else _NAMES.get(word) if kind == "name" else _string(word)
        if piece is None:
            return None
        pieces.append(piece)
    return pieces


def _add_mark(pieces: list[str], mark: str) -> None:
    if mark == ")" and pieces and pieces[-1] == ",":
        pieces.pop()  # the comma of a tuple of one
    if mark == ":" and pieces and not pieces[-1].startswith('"') and pieces[-1] not in _MARKS:
        pieces[-1] = text_token(pieces[-1])  # a key that is a number or None
    pieces.append({"(": "[", ")": "]"}.get(mark, mark))


def _string(quoted: str) -> str | None:
    body = quoted[1:-1]
    if "\\" not in body:
        return text_token(body)
    try:
        plain = _ESCAPE.sub(_unescape, body)
    except (KeyError, ValueError, OverflowError):  # an escape that neither repr nor JSON writes
        return None
    return text_token(_joined_surrogates(plain))


def _unescape(match: re.Match[str]) -> str:
    digits = match[1] or match[2] or match[3]
    return chr(int(digits, 16)) if digits else _SIMPLE[match[4]]


def _joined_surrogates(text: str) -> str:
    """Join ``\\ud83d\\ude00``, the way in which JSON escapes one character beyond 16 bits."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return text
