"""Parquet columns as log cells: exact numbers as they are, all else as JSON tokens."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dakota_wh.ingest.exports.tokens import spread_values, text_token, to_json
from dakota_wh.ingest.source import KeyPath
from dakota_wh.warehouse.columns import TEXT_SUFFIX

_INT64_MAX = 2**63 - 1
#: What the columns of an export of ours are.
_TEXTS = (pa.string(),)
_NUMBERS = (pa.int64(), pa.float64(), pa.bool_())
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def spread_array(path: KeyPath, array: pa.Array[Any]) -> Iterator[tuple[KeyPath, pa.Array[Any]]]:
    """Yield the columns of one key; a struct becomes key paths, one with ``_type`` JSON cells.

    A column that is null in every row is left out: that is "not logged".
    """
    plain = _plain(array)
    kind = plain.type
    if plain.null_count == len(plain):
        return
    if not pa.types.is_struct(kind):
        yield path, _cells(path, plain)
        return
    names = [kind.field(position).name for position in range(kind.num_fields)]
    if "_type" in names:
        # A struct of nulls alone says nothing: other rows have those fields.
        values = (_tidy(value) or None for value in plain.to_pylist())
        yield from spread_values(path, values).items()
        return
    struct: Any = plain
    for name, inner in zip(names, struct.flatten(), strict=True):
        yield from spread_array((*path, name), inner)


def own_columns(
    batch: pa.RecordBatch, key_of: Callable[[str], KeyPath]
) -> dict[KeyPath, pa.Array[Any]]:
    """Return the columns of an export of ours: numbers in ``K``, JSON in ``K::json`` where needed.

    The JSON of a cell counts where there is one, since the number beside it may be rounded.

    Raises:
        ValueError: a column is of a type that no export of ours has.
    """
    columns: dict[KeyPath, pa.Array[Any]] = {}
    arrays = dict(zip(batch.schema.names, map(_plain, batch.columns), strict=True))
    for name, array in arrays.items():
        text = name.endswith(TEXT_SUFFIX)
        if array.null_count < len(array) and array.type not in (_TEXTS if text else _NUMBERS):
            raise ValueError(f"its column {name[:40]!r} is of type {array.type}")
    for name, array in arrays.items():
        key = key_of(name.removesuffix(TEXT_SUFFIX))
        if array.null_count == len(array) or key in columns:
            continue
        texts = arrays.get(name.removesuffix(TEXT_SUFFIX) + TEXT_SUFFIX)
        if texts is None or texts.null_count == len(texts):
            columns[key] = array
            continue
        numbers = arrays.get(name.removesuffix(TEXT_SUFFIX))
        columns[key] = texts if numbers is None else pc.coalesce(texts, number_tokens(numbers))
    return columns


def number_tokens(numbers: pa.Array[Any]) -> pa.Array[Any]:
    """Return numbers or booleans as JSON tokens; ``1.0`` keeps its point, null stays null."""
    if pa.types.is_boolean(numbers.type):
        return pc.if_else(numbers, "true", "false")
    if pa.types.is_integer(numbers.type):
        return numbers.cast(pa.string())
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    texts = (None if value is None else repr(value) for value in numbers.to_pylist())
    return pa.array([words.get(t, t) if t else None for t in texts], pa.string())


def _plain(array: pa.Array[Any]) -> pa.Array[Any]:
    while True:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif isinstance(array, pa.DictionaryArray):
            array = array.dictionary_decode()
        else:
            return array


def _cells(path: KeyPath, array: pa.Array[Any]) -> pa.Array[Any]:
    kind = array.type
    if pa.types.is_boolean(kind):
        return array
    if pa.types.is_uint64(kind):
        return _uint64(array)
    if pa.types.is_integer(kind):
        return array.cast(pa.int64())
    if pa.types.is_floating(kind):
        return array.cast(pa.float64())
    if pa.types.is_decimal(kind):
        return array.cast(pa.string())  # its digits, all of them, are a JSON number
    if pa.types.is_timestamp(kind):
        return _times(path, array)
    return _texts(array)


def _uint64(array: pa.Array[Any]) -> pa.Array[Any]:
    largest: Any = pc.max(array)
    exact = largest.as_py() <= _INT64_MAX
    return array.cast(pa.int64() if exact else pa.string())


def _times(path: KeyPath, array: pa.Array[Any]) -> pa.Array[Any]:
    """Return times as ISO 8601 text in UTC; ``_timestamp`` as W&B's seconds since 1970."""
    unit = array.type.unit
    if path == ("_timestamp",):
        ticks: Any = array.cast(pa.int64()).cast(pa.float64(), safe=False)
        seconds: pa.Array[Any] = pc.divide(ticks, pa.scalar(float(_PER_SECOND[unit])))
        return seconds
    zone = "Z" if array.type.tz else ""
    texts = array.cast(pa.timestamp(unit)).cast(pa.string()).to_pylist()
    tokens = [None if text is None else f'"{text.replace(" ", "T")}{zone}"' for text in texts]
    return pa.array(tokens, pa.string())


def _texts(array: pa.Array[Any]) -> pa.Array[Any]:
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return _each(array.cast(pa.large_string()), text_token)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or kind == pa.binary_view():
        return _each(array.cast(pa.large_binary()), _binary_token)
    tokens = [None if value is None else to_json(_tidy(value)) for value in array.to_pylist()]
    return pa.array(tokens, pa.string())


def _each(array: pa.Array[Any], token: Callable[[Any], str]) -> pa.Array[Any]:
    """Translate each distinct value once."""
    words: Any = pc.dictionary_encode(array)
    tokens = pa.array([token(value) for value in words.dictionary.to_pylist()], pa.string())
    result: pa.Array[Any] = tokens.take(words.indices)
    return result


def _binary_token(value: bytes) -> str:
    """Return text as text (older writers do not mark it as UTF-8), other bytes in base64."""
    try:
        return text_token(value.decode("utf-8"))
    except UnicodeDecodeError:
        return text_token(base64.b64encode(value).decode("ascii"))


def _tidy(value: Any) -> Any:
    """Drop a struct's null fields, which only say that other rows have them."""
    if isinstance(value, dict):
        return {key: _tidy(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        if value and all(isinstance(item, tuple) for item in value):  # Arrow's map
            return {str(key): _tidy(inner) for key, inner in value}
        return [_tidy(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value
