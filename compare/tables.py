"""Rows of a comparison, with named and typed columns as a query's result has them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

#: DuckDB's names of what a field of a row may be annotated with.
_TYPES: Final = {"str": "VARCHAR", "float": "DOUBLE", "int": "BIGINT"}


class Table:
    """Rows that can be read as often and in as many forms as wanted.

    ``columns`` are the names, ``types`` the DuckDB types in the same order. ``arrow()``, ``pl()``
    and ``df()`` import pyarrow, polars or pandas when called.
    """

    def __init__(self, kind: type[Any], records: Iterable[Any]) -> None:
        """Make a table of records, each an instance of the dataclass ``kind``."""
        #: The records themselves.
        self.records: Sequence[Any] = tuple(records)
        self.columns: list[str] = [field.name for field in fields(kind)]
        self.types: list[str] = [
            _TYPES[str(field.type).removesuffix(" | None")] for field in fields(kind)
        ]

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for record in self.records:
            yield tuple(_held(getattr(record, name)) for name in self.columns)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return all rows as tuples of Python values; what is undefined is None."""
        return list(self)

    def dicts(self) -> list[dict[str, Any]]:
        """Return all rows as dicts by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self]

    def arrow(self) -> pa.Table:
        """Return the rows as a ``pyarrow.Table``."""
        import pyarrow

        kinds = {
            "VARCHAR": pyarrow.string(),
            "BIGINT": pyarrow.int64(),
            "DOUBLE": pyarrow.float64(),
        }
        pairs = zip(self.columns, self.types, strict=True)
        schema = pyarrow.schema([(name, kinds[kind]) for name, kind in pairs])
        return pyarrow.Table.from_pylist(self.dicts(), schema=schema)

    def df(self) -> pd.DataFrame:
        """Return the rows as a ``pandas.DataFrame``; pandas must be installed."""
        frame: pd.DataFrame = self.arrow().to_pandas()
        return frame

    def pl(self) -> pl.DataFrame:
        """Return the rows as a ``polars.DataFrame``; polars must be installed."""
        import polars

        frame = polars.from_arrow(self.arrow())
        if not isinstance(frame, polars.DataFrame):  # a table gives a frame; said for the checker
            raise TypeError(type(frame).__name__)
        return frame

    def __repr__(self) -> str:
        return f"<Table: {len(self)} rows of {', '.join(self.columns)}>"


def _held(value: Any) -> Any:
    """Return a value as it is told: a number that is none is undefined."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
