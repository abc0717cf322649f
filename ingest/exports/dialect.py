"""How ``dakota-wh export`` writes a value, so that it comes back exactly and does nothing.

An export of ours says so by a member ``dakota_wh`` (see ``own_export.py``); then these rules hold,
each with its inverse here. A reader that does not know them, pandas or a spreadsheet, still sees
numbers as numbers and nearly every text as it is.

CSV cells, from the JSON token of the logged value (``tokens.py``):

| logged                                     | cell                                        |
|--------------------------------------------|---------------------------------------------|
| not logged                                 | empty                                       |
| a number                                   | its digits; ``NaN``, ``inf``, ``-inf``      |
| True, False, None                          | ``True``, ``False``, ``null``               |
| a list or dict                             | its JSON                                    |
| a text                                     | as it is, where it can be nothing else      |
| a text that looks like one of the above,   | its JSON, in its quotes: ``"1"``, ``""``,   |
| or that a spreadsheet may take for a       | ``"=1+1"``                                  |
| formula, or with control characters        |                                             |

JSON files hold strict JSON: a number that is not finite is ``"NaN"``, ``"Infinity"`` or
``"-Infinity"``, as W&B's service writes it; a text of that spelling gets a backslash before it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final

from dakota_wh.ingest.exports.tokens import EXACT, Token, text_token, to_json
from dakota_wh.rendering.formulas import BEGINS

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

#: Cells that are words; the reader takes the spellings of pandas and of JSON as well.
_CELLS: Final = {
    "true": "True",
    "false": "False",
    "null": "null",
    "NaN": "NaN",
    "Infinity": "inf",
    "-Infinity": "-inf",
}
_TOKENS: Final = {
    **{cell: token for token, cell in _CELLS.items()},
    "nan": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
}

# Spreadsheets take a cell that begins so for a formula, the wide forms of East Asian text too.
_BEGINS: Final = frozenset('"[{' + BEGINS)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# Where a spreadsheet cuts cells at another mark than the comma, quotes do not hold a cell together.
_CUT: Final = re.compile(r"([;|][\s']*)([=+\-@＝＋－＠])")
_CUT_TEXT: Final = re.compile(r"[;|][\s\"']*[=+\-@＝＋－＠]")
# Writers of JSON escape in small letters; what is in capitals is of ours.
_UNCUT: Final = re.compile(r"([;|][\s']*)\\u(003D|002B|002D|0040|FF1D|FF0B|FF0D|FF20)")

_WORD: Final = re.compile(r"\\*(?:NaN|-?Infinity)")
_FINITE_WORDS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def csv_cell(token: str) -> str:
    """Return the cell of a JSON token, not yet quoted for its commas."""
    word = _CELLS.get(token)
    if word is not None:
        return word
    if token.startswith('"'):
        text = _text_of(token)
        if text is None:
            return csv_cell(text_token(token))  # a damaged log's; kept as the text that it is
        plain = text_token(text) == token and is_plain(text) and not _is_number(text)
        return text if plain and text not in _TOKENS else _defused(token)
    if token.startswith(("[", "{")):
        return _defused(token)
    return token if _NUMBER.fullmatch(token) else csv_cell(text_token(token))


def csv_token(cell: str) -> str:
    """Return the JSON token of a cell that is neither empty nor a number; undoes csv_cell."""
    word = _TOKENS.get(cell)
    if word is not None:
        return word
    if cell.startswith(('"', "[", "{")):
        token = _UNCUT.sub(lambda match: match[1] + chr(int(match[2], 16)), cell)
        if _is_json(token):
            return token
    return text_token(cell)


def csv_name(name: str) -> str:
    """Return a column's name as a cell of the header."""
    return name if name and is_plain(name) else _defused(text_token(name))


def column_name(cell: str) -> str:
    """Return the name that :func:`csv_name` wrote."""
    if not cell.startswith('"'):
        return cell
    name = _text_of(_UNCUT.sub(lambda match: match[1] + chr(int(match[2], 16)), cell))
    return cell if name is None else name


def is_plain(text: str) -> bool:
    """Return whether a text can stand in a cell as it is, and no spreadsheet computes with it."""
    if not text or text[0] in _BEGINS or text[0].isspace() or not text[0].isprintable():
        return False
    if _CUT_TEXT.search(text):
        return False
    return text.isprintable() or (_CONTROL.search(text) is None and _is_utf8(text))


def strict_token(token: str) -> str:
    """Return a JSON token as strict JSON, with words for what is not finite."""
    if _NUMBER.fullmatch(token) or token in ("true", "false", "null"):
        return token
    try:
        return to_json(_mapped(EXACT.decode(token), _worded))
    except (ValueError, RecursionError):
        return text_token(token)


def strict_value(value: Any) -> Any:
    """Return a config or summary value of Python's as one that is strict JSON."""
    return _mapped(value, _worded)


def loose_token(value: object) -> str:
    """Return the JSON token of a decoded value of a strict file; undoes :func:`strict_token`."""
    return to_json(_mapped(value, _unworded_token))


def loose_value(value: Any) -> Any:
    """Return a config or summary value as it was; undoes :func:`strict_value`."""
    return _mapped(value, _unworded)


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _mapped(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(inner, change) for inner in value]
    return change(value)


def _worded(value: Any) -> Any:
    if isinstance(value, Token):
        return str(value) if value in _FINITE_WORDS else value
    if isinstance(value, float):
        return value if math.isfinite(value) else _word(value)
    if isinstance(value, str) and _WORD.fullmatch(value):
        return "\\" + value
    return value


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _unworded(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, Token) or not _WORD.fullmatch(value):
        return value
    return value[1:] if value.startswith("\\") else _FINITE_WORDS[value]


def _unworded_token(value: Any) -> Any:
    plain = _unworded(value)
    return Token(value) if isinstance(plain, float) and isinstance(value, str) else plain


def _defused(token: str) -> str:
    return _CUT.sub(lambda match: f"{match[1]}\\u{ord(match[2]):04X}", token)


def _is_number(text: str) -> bool:
    """Return whether anybody may read a number there: ``007`` and ``1_000``, too."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _text_of(token: str) -> str | None:
    try:
        text = json.loads(token)
    except ValueError:
        return None
    return text if isinstance(text, str) else None


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
