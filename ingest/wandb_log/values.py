"""Items decoded one by one, exactly: keys of any depth, values of either encoding, nested dicts.

Values stay JSON *tokens*, text as logged: ``1`` and ``1.0`` differ, integers of any size are exact,
NaN, Infinity and -Infinity are bare words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from dakota_wh.ingest.exports.tokens import safe_key, text_token

from . import wire
from .trees import Path, plant

#: A key of more parts is cut to so many, the rest joined by dots; a dict nested deeper stays one
#: JSON cell. W&B itself nests far less.
MAX_PATH: Final = 64

_JSON_STARTS = frozenset('-0123456789"tfn[NI')
_TYPE_MARK = "_type"


class Cell(NamedTuple):
    """A value at a path; ``at`` orders the cells of one record: the last one of a path counts."""

    path: Path
    token: str
    at: int


class _Token(str):
    """A number in a JSON text, kept as it was written."""

    __slots__ = ()


def item_key(data: bytes) -> tuple[Path, bytes | None, str | None]:
    """Decode an item; return its path, its raw ``value_json`` and its typed value as a token.

    Raises:
        BadRecordError: the item cannot be read.
    """
    plain, nested = "", []
    raw = typed = None
    for number, value in wire.fields(data):
        if number == wire.ITEM_NESTED_KEY:
            nested.append(wire.text_of(value))
        elif number == wire.ITEM_VALUE_JSON:
            raw = wire.bytes_of(value)
        elif number == wire.ITEM_KEY:
            plain = wire.text_of(value)
        elif wire.ITEM_NONE <= number <= wire.ITEM_JSON:
            typed = _typed(number, value)
    if len(nested) > MAX_PATH:
        nested[MAX_PATH - 1 :] = [".".join(nested[MAX_PATH - 1 :])]
    return tuple(nested) or (plain,), raw, typed


def item_cells(data: bytes, at: int) -> list[Cell]:
    """Decode an item into its cells: one, or one per leaf where the value is a dict.

    An item without a value that is known here gives no cell.

    Raises:
        BadRecordError: the item cannot be read.
    """
    path, raw, token = item_key(data)
    if token is None:
        if not raw:
            return []
        token = raw.decode("utf-8", "replace")
    if token[:1] in _JSON_STARTS:
        return [Cell(path, token, at)]
    try:
        tree = json.loads(token, parse_int=_Token, parse_float=_Token, parse_constant=_Token)
        return [Cell(leaf, text, at) for leaf, text in _leaves(path, tree)]
    except (ValueError, RecursionError):
        return [Cell(path, json.dumps(token, ensure_ascii=False), at)]


def _typed(number: int, value: int | bytes) -> str:
    """Return the token of a typed value (HistoryItem fields 3 to 8)."""
    if number == wire.ITEM_NUMBER:
        return json.dumps(wire.double(value))
    if number == wire.ITEM_INTEGER:
        return str(wire.zigzag(wire.number_of(value)))
    if number == wire.ITEM_BOOLEAN:
        return "true" if wire.number_of(value) else "false"
    if number == wire.ITEM_NONE:
        return "null"
    text = wire.bytes_of(value).decode("utf-8", "replace")
    return json.dumps(text, ensure_ascii=False) if number == wire.ITEM_TEXT else text


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    """Yield the leaves of a nested dict; an empty dict is a leaf, so that it is not lost."""
    if isinstance(value, dict) and value and len(path) < MAX_PATH:
        for key, inner in value.items():
            yield from _leaves((*path, safe_key(key)), inner)
    else:
        yield path, _text(value)


def _text(value: Any) -> str:
    """Return the JSON text of a tree whose numbers are tokens; keys sorted, no white space."""
    if isinstance(value, _Token):
        return str(value)
    if isinstance(value, dict):
        inside = (f"{text_token(key)}:{_text(value[key])}" for key in sorted(value))
        return "{" + ",".join(inside) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return text_token(value) if isinstance(value, str) else json.dumps(value)


def gathered(cells: Iterable[Cell]) -> list[Cell]:
    """Turn the leaves of each dict that has a ``_type`` into one cell at the path of that dict.

    Such dicts are histograms, images, tables and other media. ``cells`` are those of one record;
    the outermost dict with ``_type`` takes all below it. Keys come out sorted, as writers of
    today log them in random order.
    """
    leaves = {cell.path: cell for cell in sorted(cells, key=lambda cell: cell.at)}
    typed = {path[:-1] for path in leaves if len(path) > 1 and path[-1] == _TYPE_MARK}
    if not typed:
        return list(leaves.values())
    result: list[Cell] = []
    trees: dict[Path, tuple[dict[str, Any], int]] = {}
    for path, token, at in leaves.values():
        top = next((path[:n] for n in range(1, len(path)) if path[:n] in typed), None)
        if top is None:
            result.append(Cell(path, token, at))
        else:
            tree, last = trees.get(top, ({}, at))
            plant(tree, path[len(top) :], _Token(token))
            trees[top] = (tree, max(at, last))
    result += [Cell(path, _text(tree), at) for path, (tree, at) in trees.items()]
    return result
