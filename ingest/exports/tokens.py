"""JSON text that keeps numbers as they were written, and rows that become columns of such text.

A *token* is the JSON text of one logged value: ``1`` and ``1.0`` stay apart, 2**53 + 1 stays exact,
NaN, Infinity and -Infinity are bare words, and a list or a ``_type`` dict is compact JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

import pyarrow as pa

from dakota_wh.ingest.source import KeyPath

#: A dict nested deeper than this stays one JSON cell; W&B itself cuts far earlier.
MAX_PATH = 64

#: A config or summary nested deeper than this is refused.
MAX_FACTS = 200

#: W&B's service writes these words as JSON strings where the run logged the numbers.
SERVICE_WORDS = {'"NaN"': "NaN", '"Infinity"': "Infinity", '"-Infinity"': "-Infinity"}


class Token(str):
    """A number (or NaN, Infinity, -Infinity) exactly as its JSON text had it."""

    __slots__ = ()


#: Decodes JSON without turning a number's text into a number: floats keep their digits.
EXACT = json.JSONDecoder(parse_int=Token, parse_float=Token, parse_constant=Token)


def text_token(text: str) -> str:
    """Return a string as JSON text, readable unicode where UTF-8 can carry it."""
    token = encode_basestring(text)
    if token.isascii() or _is_utf8(token):
        return token
    return encode_basestring_ascii(text)


def safe_key(key: str) -> str:
    """Return a key that UTF-8 can carry: a lone surrogate becomes its ``\\udXXX`` escape."""
    if key.isascii():
        return key
    return key.encode("utf-8", "backslashreplace").decode("utf-8")


def to_json(value: object) -> str:
    """Return a decoded value as compact JSON text; what JSON has no form for becomes a string."""
    if isinstance(value, Token):
        return str(value)
    if isinstance(value, str):
        return text_token(value)
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, Mapping):
        inner = (f"{text_token(str(key))}:{to_json(item)}" for key, item in value.items())
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(to_json, value)) + "]"
    return text_token(str(value))


def leaves(path: KeyPath, value: object) -> Iterator[tuple[KeyPath, str]]:
    """Yield the cells of a logged value: a dict becomes key paths, one with ``_type`` stays whole.

    ``_type`` marks W&B's media and histograms; an empty dict stays a cell, since it has no leaf.
    """
    if isinstance(value, dict) and value and "_type" not in value and len(path) < MAX_PATH:
        for key, inner in value.items():
            yield from leaves((*path, safe_key(str(key))), inner)
    else:
        yield path, to_json(value)


class RowColumns:
    """Collects rows into columns; a key that first appears late is null in the rows before."""

    def __init__(self) -> None:
        self.count = 0
        self._cells: dict[KeyPath, list[str | None]] = {}

    def put(self, path: KeyPath, token: str) -> None:
        """Set one cell of the row that is being collected."""
        cells = self._cells.setdefault(path, [])
        missing = self.count - len(cells)
        if missing < 0:
            cells[-1] = token  # the same key again: JSON's rule is that the last one counts
            return
        if missing:
            cells.extend([None] * missing)
        cells.append(token)

    def end_row(self) -> None:
        """Close the row, empty or not."""
        self.count += 1

    def columns(self) -> dict[KeyPath, pa.Array[Any]]:
        """Return a string array of ``count`` cells for each key that was put."""
        for cells in self._cells.values():
            cells.extend([None] * (self.count - len(cells)))
        return {path: pa.array(cells, pa.string()) for path, cells in self._cells.items()}


def spread_values(path: KeyPath, values: Iterable[object]) -> dict[KeyPath, pa.Array[Any]]:
    """Return the columns of one key's decoded values; None is "not logged"."""
    rows = RowColumns()
    for value in values:
        if value is not None:
            for leaf, token in leaves(path, value):
                rows.put(leaf, token)
        rows.end_row()
    return rows.columns()


def plain_decoder() -> json.JSONDecoder:
    """Return a decoder to Python values for config and summary: integers stay exact."""
    return json.JSONDecoder(parse_int=_integer)


def clean_facts(value: Any, depth: int = 0) -> Any:
    """Return config or summary values with every string fit for UTF-8.

    Raises:
        RecursionError: nested deeper than ``MAX_FACTS``, so that no later reader runs into it.
    """
    if depth > MAX_FACTS:
        raise RecursionError
    if isinstance(value, str):
        return safe_key(value)
    if isinstance(value, dict):
        return {safe_key(key): clean_facts(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [clean_facts(inner, depth + 1) for inner in value]
    return value


def _integer(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:  # Python refuses thousands of digits; the digits are kept as text
        return text


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
