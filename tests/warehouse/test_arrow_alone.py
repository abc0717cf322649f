"""Arrow's first array imports no pandas, and what needs it still has it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dakota_wh.warehouse.arrow_alone import as_array

_PROGRAM = """
import sys
from dakota_wh.warehouse.arrow_alone import spare_pandas
assert "pandas" not in sys.modules
spare_pandas()
import numpy as np, pyarrow as pa
table = pa.table({"a": pa.array(np.arange(3)), "b": pa.array(["x", None, "z"])})
assert "pandas" not in sys.modules
assert table.to_pandas()["a"].tolist() == [0, 1, 2]
import pandas
assert pa.array(pandas.Series([1.5, None])).to_pylist() == [1.5, None]
spare_pandas()
"""


def test_no_pandas_until_somebody_wants_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.booleans())))
def test_an_array_is_the_one_that_arrow_makes(cells: list[tuple[int, bool]]) -> None:
    for kind in (np.int64, np.float64):
        values = np.array([value for value, _ in cells], dtype=np.int64).astype(kind)
        missing = np.array([gone for _, gone in cells], dtype=bool)
        expected = pa.array(values, mask=missing)
        found = as_array(values, missing)
        found.validate(full=True)
        assert found.equals(expected)
        assert found.null_count == expected.null_count
        assert as_array(values).equals(pa.array(values))
        assert as_array(values[::-2], missing[::-2]).equals(
            pa.array(values[::-2], mask=missing[::-2])
        )


@pytest.mark.parametrize("kind", [np.float64, np.int64])
def test_of_nothing(kind: type) -> None:
    assert as_array(np.zeros(0, kind), np.zeros(0, bool)).equals(pa.array(np.zeros(0, kind)))
