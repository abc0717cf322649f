"""What a CSV cell means: one rule for all columns, applied to a whole column at once.

| cell                                              | logged value                        |
|---------------------------------------------------|-------------------------------------|
| empty                                             | not logged                          |
| a JSON number                                     | that number, its text kept          |
| nan NaN inf -inf Infinity -Infinity               | the float                           |
| True False                                        | the truth value                     |
| Python's repr, or JSON, of a dict or list         | that dict or list                   |
| all else, also ``007``, ``1_000`` and `` 1``      | a string, exactly as it is          |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dakota_wh.ingest.exports.repr_text import literal_json
from dakota_wh.ingest.exports.tokens import EXACT, spread_values, text_token
from dakota_wh.ingest.source import KeyPath

_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"

_WORDS = {
    "nan": "NaN",
    "NaN": "NaN",
    "inf": "Infinity",
    "-inf": "-Infinity",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "True": "true",
    "False": "false",
}


def column_tokens(
    cells: pa.Array[Any], token_of: Callable[[str], str] | None = None
) -> pa.Array[Any]:
    """Return a string column's cells as JSON tokens; nulls stay null.

    ``token_of`` is asked what a cell is that is no number: ``cell_token`` by default.
    """
    translate = token_of or cell_token
    other: Any = pc.invert(pc.match_substring_regex(cells, _NUMBER))
    if not pc.any(other).as_py():
        return cells
    # Only what is no number goes through Python, and each distinct text once.
    words: Any = pc.dictionary_encode(cells.filter(other))
    tokens = pa.array([translate(text) for text in words.dictionary.to_pylist()], pa.string())
    mask: Any = pc.fill_null(other, False)
    result: pa.Array[Any] = pc.replace_with_mask(cells, mask, tokens.take(words.indices))
    return result


def cell_token(text: str) -> str:
    """Return the JSON token of a cell that is neither empty nor a number."""
    word = _WORDS.get(text)
    if word is not None:
        return word
    if text.startswith(("{", "[")):
        return literal_json(text) or text_token(text)
    return text_token(text)


def spread(path: KeyPath, tokens: pa.Array[Any]) -> dict[KeyPath, pa.Array[Any]]:
    """Return the columns of one key: dict cells move to key paths of their own.

    A key that is null in every row is left out.
    """
    brace: Any = pc.starts_with(tokens, "{")
    is_dict: Any = pc.fill_null(brace, False)
    columns: dict[KeyPath, pa.Array[Any]] = {}
    if pc.any(is_dict).as_py():
        pairs = zip(tokens.to_pylist(), is_dict.to_pylist(), strict=True)
        columns = spread_values(
            path, (EXACT.decode(token) if nested and token else None for token, nested in pairs)
        )
        nothing = pa.scalar(None, pa.string())
        tokens = pc.if_else(is_dict, nothing, tokens)
        whole = columns.pop(path, None)
        if whole is not None:
            tokens = pc.coalesce(tokens, whole)
    if tokens.null_count < len(tokens):
        columns[path] = tokens
    return columns
