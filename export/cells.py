"""Stored cells as JSON tokens, and those as cells of a CSV or members of a JSON object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat

import pyarrow as pa

from dakota_wh.ingest.exports.parquet_cells import number_tokens
from dakota_wh.ingest.source import KeyPath
from dakota_wh.warehouse.columns import Cells
from dakota_wh.warehouse.history import StoredRows

#: Turns a JSON token into the text that a file has for it.
TextOf = Callable[[str], str]

#: Number tokens that no file has as they are.
_WORDS = frozenset(("NaN", "Infinity", "-Infinity"))


def rows_of(
    batch: StoredRows, keys: Sequence[KeyPath], text_of: TextOf, *, numbers_only: bool = False
) -> zip[tuple[str | None, ...]]:
    """Return the rows of a batch, a text per key; None where nothing was logged.

    ``numbers_only`` leaves out what is no number.
    """
    columns = []
    for key in keys:
        cells = batch.cells.get(key)
        if cells is not None and numbers_only:
            cells = Cells(cells.numbers, None)
        columns.append(repeat(None, batch.count) if cells is None else _texts(cells, text_of))
    return zip(*columns, strict=True)


def _texts(cells: Cells, text_of: TextOf) -> list[str | None]:
    texts = _numbers(cells.numbers, text_of)
    if cells.text is None or cells.text.null_count == len(cells.text):
        return texts or [None] * cells.length
    # What stands beside a number is that number in full.
    words: dict[str, str] = {}
    beside: list[str | None] = cells.text.to_pylist()
    for place, token in enumerate(beside):
        if token is not None:
            word = words.get(token)
            if word is None:
                word = words[token] = text_of(token)
            beside[place] = word
        elif texts:
            beside[place] = texts[place]
    return beside


def _numbers(numbers: pa.Array | None, text_of: TextOf) -> list[str | None]:
    if numbers is None or numbers.null_count == len(numbers):
        return []
    tokens: list[str | None] = number_tokens(numbers).to_pylist()
    if pa.types.is_integer(numbers.type):
        return tokens
    if pa.types.is_boolean(numbers.type):
        words = {"true": text_of("true"), "false": text_of("false")}
    else:
        words = {word: text_of(word) for word in _WORDS}
    return [words.get(token, token) if token else None for token in tokens]
