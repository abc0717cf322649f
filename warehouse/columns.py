"""How a logged value becomes cells of the wide history table, without loss.

A key ``K`` fills at most two columns of a file:

* ``K``: the numbers, BIGINT if all of them were integers, else DOUBLE; booleans as 1 and 0 among
  numbers, BOOLEAN where there is no number. Never text, so that the union over runs never turns a
  metric into text.
* ``K::json``: the JSON text of every value that the union of ``K`` over all runs, which may be
  DOUBLE, does not hold exactly: strings, lists, dicts, media, a logged None (``null``), booleans,
  and integers beyond 2**53, in full.

What a cell becomes does not depend on which cells are read together with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

TEXT_SUFFIX: Final = "::json"

#: Integers up to here are exact in a DOUBLE.
EXACT: Final = 2**53

_NUMBER: Final = r"^(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|NaN|-?Infinity)$"


@dataclass(frozen=True, slots=True)
class Cells:
    """One key's cells of a batch: ``numbers`` is int64, double, bool or None; ``text`` string."""

    numbers: pa.Array | None
    text: pa.Array | None

    @property
    def length(self) -> int:
        """How many rows the batch has."""
        some = self.numbers if self.numbers is not None else self.text
        return 0 if some is None else len(some)

    @property
    def size(self) -> int:
        """How many bytes the cells take in memory."""
        return sum(array.nbytes for array in (self.numbers, self.text) if array is not None)


def encode(values: pa.Array) -> Cells:
    """Return the cells of a batch of values: JSON tokens (string) or typed numbers.

    See ``ingest/source.py`` for what a token is. Null in, null out: not logged.
    """
    if pa.types.is_string(values.type):
        return _encode_tokens(values)
    if pa.types.is_int64(values.type):
        return Cells(values, _large_integers(values))
    if pa.types.is_float64(values.type):
        return Cells(values, None)
    if pa.types.is_boolean(values.type):
        return Cells(values, _or_none(pc.if_else(values, "true", "false")))
    raise TypeError(f"a column of {values.type} is none of string, int64, double, bool")


def _encode_tokens(tokens: pa.Array) -> Cells:
    # Casts are tried before anything is looked at: nearly every column is a number throughout.
    try:
        return _encode_numbers(tokens)
    except pa.ArrowInvalid:
        return _encode_mixed(tokens)


def _encode_mixed(tokens: pa.Array) -> Cells:
    """Encode a column of which at least one cell is not a number."""
    numeric = pc.fill_null(pc.match_substring_regex(tokens, _NUMBER), False)
    true, false = pc.equal(tokens, "true"), pc.equal(tokens, "false")
    boolean = pc.fill_null(pc.or_(true, false), False)
    rest = _or_none(pc.if_else(numeric, None, tokens))
    if pc.any(numeric).as_py():
        digits = pc.if_else(boolean, pc.if_else(true, "1", "0"), None)
        numbers = _encode_numbers(pc.if_else(numeric, tokens, digits))
        if numbers.text is None or rest is None:
            return Cells(numbers.numbers, rest if numbers.text is None else numbers.text)
        return Cells(numbers.numbers, pc.coalesce(numbers.text, rest))
    flags = pc.if_else(boolean, true, None) if pc.any(boolean).as_py() else None
    return Cells(flags, rest)


def _encode_numbers(tokens: pa.Array) -> Cells:
    """Encode tokens that all are numbers, as int64 where each is an integer that fits.

    Raises:
        pa.ArrowInvalid: one of them is no number.
    """
    # Go prints -0.0 as -0: an integer would lose the sign. A cast that fails takes 20 times as long
    # as one that does not, so nearly every column of floats is told by its points.
    fractions = pc.any(pc.match_substring(tokens, ".")).as_py()
    if not fractions and not pc.any(pc.equal(tokens, "-0")).as_py():
        try:
            integers = tokens.cast(pa.int64())
            return Cells(integers, _large_integers(integers))
        except pa.ArrowInvalid:
            pass
    doubles = tokens.cast(pa.float64())
    large = pc.greater_equal(pc.abs(doubles), float(EXACT))
    if not pc.any(large).as_py():
        return Cells(doubles, None)
    written_infinite = pc.match_substring(tokens, "Inf")
    overflowed = pc.and_(pc.is_inf(doubles), pc.invert(written_infinite))
    integer = pc.match_substring_regex(tokens, r"^-?[0-9]+$")
    inexact = pc.or_(overflowed, pc.and_(integer, large))
    text = _or_none(pc.if_else(inexact, tokens, None))
    return Cells(pc.if_else(overflowed, None, doubles), text)


def _large_integers(values: pa.Array) -> pa.Array | None:
    span = pc.min_max(values)
    low, high = span["min"].as_py(), span["max"].as_py()
    if low is None or (low > -EXACT and high < EXACT):
        return None
    outside = pc.or_(pc.greater_equal(values, EXACT), pc.less_equal(values, -EXACT))
    return _or_none(pc.if_else(outside, values.cast(pa.string()), None))


def _or_none(text: pa.Array) -> pa.Array | None:
    """Return the column, or None when nothing is in it."""
    return None if text.null_count == len(text) else text


def concat(batches: list[Cells | int]) -> Cells:
    """Join one key's batches; a number stands for that many rows in which it was not logged."""
    given = [b.numbers for b in batches if isinstance(b, Cells) and b.numbers is not None]
    texts = any(isinstance(b, Cells) and (b.text is not None) for b in batches)
    # A batch in which nothing was logged has some type, which must not decide the others'.
    numeric = _common_type({n.type for n in given if n.null_count < len(n)})
    if numeric is None and given and not texts:
        numeric = given[0].type
    numbers: list[pa.Array] = []
    text: list[pa.Array] = []
    for batch in batches:
        rows = batch if isinstance(batch, int) else batch.length
        part = None if isinstance(batch, int) else batch.numbers
        side = None if isinstance(batch, int) else batch.text
        if numeric is not None:
            numbers.append(pa.nulls(rows, numeric) if part is None else _cast(part, numeric))
        if texts:
            text.append(pa.nulls(rows, pa.string()) if side is None else side)
    return Cells(_joined(numbers), _joined(text))


def _joined(arrays: list[pa.Array]) -> pa.Array | None:
    return pa.concat_arrays(arrays) if len(arrays) > 1 else next(iter(arrays), None)


def _common_type(types: set[pa.DataType]) -> pa.DataType | None:
    if not types:
        return None
    if len(types) == 1:
        return next(iter(types))
    return pa.float64() if pa.float64() in types else pa.int64()


def _cast(values: pa.Array, target: pa.DataType) -> pa.Array:
    # Integers beyond 2**53 round here; their exact text is beside them in K::json.
    return values if values.type == target else values.cast(target, safe=False)


def as_doubles(numbers: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return (values as float64, mask of the logged cells), both of the array's length."""
    if not numbers.null_count:  # of short columns, Arrow's functions would be most of the time
        return np.asarray(numbers).astype(np.float64, copy=False), np.ones(len(numbers), dtype=bool)
    filled = pc.fill_null(numbers.cast(pa.float64(), safe=False), 0.0)
    return np.asarray(filled), np.asarray(pc.is_valid(numbers))


def as_integers(numbers: pa.Array) -> tuple[np.ndarray | None, np.ndarray]:
    """Return (int64 values or None if one is no exact integer, mask of the logged cells)."""
    values, whole = as_whole(numbers)
    logged = np.asarray(pc.is_valid(numbers))
    return (values if whole[logged].all() else None), logged


def as_whole(numbers: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return (int64 values, mask of the cells that are exact integers); booleans are none."""
    logged = np.asarray(pc.is_valid(numbers))
    if pa.types.is_int64(numbers.type):
        return np.asarray(pc.fill_null(numbers, 0)), logged
    doubles, _ = as_doubles(numbers)
    whole = logged & (np.abs(doubles) < EXACT) & (doubles == np.floor(doubles))
    if pa.types.is_boolean(numbers.type):
        whole &= False
    return np.where(whole, doubles, 0.0).astype(np.int64), whole


def as_told(text: pa.Array) -> np.ndarray:
    """Return the mask of the cells that say something: neither unlogged nor a logged None."""
    return np.asarray(pc.fill_null(pc.not_equal(text, "null"), False))


def as_words(text: pa.Array) -> np.ndarray:
    """Return the mask of the cells that are a string or a list: no number, media or None."""
    return np.asarray(pc.fill_null(pc.match_substring_regex(text, r'^["\[]'), False))
