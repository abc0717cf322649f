"""What can be rendered: a query's result, or a list of the program's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from dakota_wh.rendering.values import exact

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBERS: Final = ("DOUBLE", "FLOAT", "DECIMAL")


class Rows(Protocol):
    """Rows with named, typed columns that can be read more than once, as a ``Result`` can."""

    columns: list[str]
    types: list[str]

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[Any, ...]]: ...

    def arrow(self) -> pa.Table: ...


@dataclass(slots=True)
class Listing:
    """Rows that are no query's result."""

    columns: list[str]
    types: list[str]
    rows: Sequence[tuple[Any, ...]]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def arrow(self) -> pa.Table:
        """Return the rows as a ``pyarrow.Table``."""
        import pyarrow

        text = pyarrow.string()
        arrow_types = {"VARCHAR": text, "BIGINT": pyarrow.int64(), "DOUBLE": pyarrow.float64()}
        arrow_types["JSON"] = text
        fields = [(n, arrow_types[t]) for n, t in zip(self.columns, self.types, strict=True)]
        dicts = [
            {
                name: exact(value) if isinstance(value, dict) else value
                for name, value in zip(self.columns, row, strict=True)
            }
            for row in self.rows
        ]
        return pyarrow.Table.from_pylist(dicts, schema=pyarrow.schema(fields))


def pick(rows: Rows, columns: Sequence[str]) -> Listing:
    """Return only some columns, in that order; those that the rows have not are left out."""
    places = [rows.columns.index(name) for name in columns if name in rows.columns]
    return Listing(
        [rows.columns[i] for i in places],
        [rows.types[i] for i in places],
        [tuple(row[i] for i in places) for row in rows],
    )


def is_number(column_type: str) -> bool:
    """Return whether a column of this DuckDB type is lined up on its right."""
    whole = column_type.endswith(("INT", "INTEGER")) or column_type == "BIGNUM"
    return whole or (column_type.startswith(_NUMBERS) and not column_type.endswith("]"))
