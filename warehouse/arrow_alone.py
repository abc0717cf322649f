"""Arrow without pandas and numpy.ma, which pyarrow imports for its first arrays.

It asks pandas whether what it is given is a Series, which here nothing is: a third of a second,
more than the ingest of a small run, wherever pandas is installed. pyarrow looks once; what needs
pandas, ``to_pandas``, looks again by itself. But its ``pa.array`` takes a Series for any other
sequence then, so this is for processes that are our own from beginning to end.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class _NoPandas:
    """Stands before all other finders for a moment."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: object = None
    ) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError("not looked for", name=name)
        return None


def spare_pandas() -> None:
    """Let pyarrow look for pandas now, and find none, unless this process has it already."""
    if "pandas" in sys.modules:
        return
    import pyarrow as pa  # the reason to be here is that imports are dear

    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)


def as_array(values: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    """Return int64 or float64 values as an array without a copy, null where ``missing`` says so.

    ``pa.array`` imports numpy.ma for that, which takes as long as to store a thousand rows.
    """
    import numpy as np
    import pyarrow as pa

    there = None
    if missing is not None and missing.any():
        there = pa.py_buffer(np.packbits(~missing, bitorder="little").data)
    kind = pa.from_numpy_dtype(values.dtype)
    data = pa.py_buffer(np.ascontiguousarray(values).data)
    return pa.Array.from_buffers(kind, values.size, [there, data])
