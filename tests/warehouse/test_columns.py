"""Any mix of logged values goes through the two columns of a key and comes back."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dakota_wh.warehouse.columns import EXACT, Cells, concat, encode

EDGES = [
    *("0", "-0", "1", "-1", "-0.0", "0.0", "1.0", "0.1", "1E5", "1e-7", "5e-324", "-5e-324"),
    *("2.2250738585072014e-308", "1e308", "-1.7976931348623157e308", "1e400", "-1e400", "1e-400"),
    *("NaN", "Infinity", "-Infinity", "true", "false", "null", "[]", "{}", '""', "[1,NaN]"),
    *('"NaN"', '"true"', '"1"', '"null"', '"-Infinity"', '"a\\"b"', '{"_type":"image-file"}'),
    *(str(sign * (2**53 + d)) for sign in (1, -1) for d in (-1, 0, 1)),
    *(str(n) for n in (2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**64, 10**30 - 1, 1 - 10**30)),
    *("9" * 400, "-" + "9" * 400, "9007199254740993.0", "1e22", "123456789012345678901234567890.5"),
]
tokens = st.one_of(
    st.none(),
    st.sampled_from(EDGES),
    st.integers(-5, 5).map(str),
    st.integers().map(str),
    st.integers(-(2**65), 2**65).map(str),
    st.floats().map(json.dumps),
    st.text(max_size=5).map(json.dumps),
    st.lists(st.integers(), max_size=2).map(json.dumps),
)
few_kinds = st.lists(tokens, min_size=1, max_size=4).flatmap(
    lambda some: st.lists(st.sampled_from([None, *some]), min_size=1, max_size=12)
)
columns = few_kinds | st.lists(tokens, min_size=1, max_size=12)


def meaning(value: Any) -> Any:
    """Return a value so that ``==`` tells apart what must stay apart, and nothing else."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, int):
        return ("number", value)
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        return ("number", value, math.copysign(1, value)) if not value else ("number", value)
    if isinstance(value, list):
        return ("list", [meaning(one) for one in value])
    return (type(value).__name__, value)


def logged(token: str | None) -> Any:
    if token is None:
        return "not logged"
    if token == "-0":  # as Go writes -0.0
        return meaning(-0.0)
    value = meaning(json.loads(token))
    return ("number", 0) if value == ("number", 0.0, 1.0) else value


def stored(number: Any, text: str | None) -> Any:
    """Return what a person recovers from a row's two cells."""
    if text is not None:
        value = meaning(json.loads(text))
    elif number is None:
        return "not logged"
    else:
        value = meaning(number)
    return ("number", 0) if value == ("number", 0.0, 1.0) else value


def rows_of(cells: Cells, count: int) -> list[tuple[Any, Any]]:
    numbers = [None] * count if cells.numbers is None else cells.numbers.to_pylist()
    text = [None] * count if cells.text is None else cells.text.to_pylist()
    assert len(numbers) == len(text) == count
    return list(zip(numbers, text, strict=True))


def check(cells: Cells, values: list[str | None]) -> None:
    """Compare cells with what was logged, and hold them to the promises on their two columns."""
    if cells.numbers is not None:
        assert cells.numbers.type in (pa.int64(), pa.float64(), pa.bool_())
        cells.numbers.validate(full=True)
    if cells.text is not None:
        assert cells.text.type == pa.string()
        assert cells.text.null_count < len(cells.text)
    for value, (number, text) in zip(values, rows_of(cells, len(values)), strict=True):
        assert stored(number, text) == logged(value), (value, number, text)
        parsed = None if value is None else json.loads(value)
        if isinstance(parsed, bool) or not isinstance(parsed, int | float):
            continue
        try:
            double = float(parsed)
        except OverflowError:
            double = math.inf
        if math.isfinite(double) or "Inf" in str(value) or parsed != parsed:
            assert number is not None, "a number is in the numeric column"
        if isinstance(parsed, int) and abs(parsed) >= EXACT:
            assert text == value, "an integer that a DOUBLE would round is there in full"


@given(columns)
@example(["-0", "9007199254740993"])
@example(["1e400", "9" * 400, "true"])
def test_one_batch_is_lossless(values: list[str | None]) -> None:
    check(concat([encode(pa.array(values, pa.string()))]), values)


@given(columns, st.data())
@settings(max_examples=200)
@example([None, "true"], None)
@example([None, '"a"'], None)
@example([None, None, "1.5"], None)
def test_batches_mean_what_one_batch_does(
    values: list[str | None], data: st.DataObject | None
) -> None:
    cuts = [1] if data is None else data.draw(st.lists(st.integers(0, len(values)), max_size=4))
    edges = [0, *sorted(cuts), len(values)]
    batches: list[Cells | int] = []
    for start, stop in pairwise(edges):
        some = values[start:stop]
        silent = all(value is None for value in some)
        if silent and (data is None or data.draw(st.booleans())) and start:
            batches.append(len(some))
        elif some:
            batches.append(encode(pa.array(some, pa.string())))
    whole, split = concat([encode(pa.array(values, pa.string()))]), concat(batches)
    check(split, values)
    kinds = [c.numbers is not None and pa.types.is_boolean(c.numbers.type) for c in (whole, split)]
    assert kinds[0] == kinds[1], "whether a key is a flag does not hang on the batches"
    assert (whole.numbers is None) == (split.numbers is None)
    assert (whole.text is None) == (split.text is None)


typed = st.one_of(
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=5).map(
        lambda v: pa.array(v, pa.int64())
    ),
    st.lists(st.none() | st.floats(), max_size=5).map(lambda v: pa.array(v, pa.float64())),
    st.lists(st.none() | st.booleans(), max_size=5).map(lambda v: pa.array(v, pa.bool_())),
    st.lists(tokens, max_size=5).map(lambda v: pa.array(v, pa.string())),
)


@given(st.lists(typed, min_size=1, max_size=5))
def test_typed_batches_join_with_tokens(batches: list[Any]) -> None:
    values: list[str | None] = []
    for batch in batches:
        given_as_text = pa.types.is_string(batch.type)
        values += [v if v is None or given_as_text else json.dumps(v) for v in batch.to_pylist()]
    check(concat([encode(batch) for batch in batches]), values)


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError):
        encode(pa.array([1], pa.int32()))
