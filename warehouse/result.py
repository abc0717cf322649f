"""The answer of a query, held still: it can be read as often and in as many forms as wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from dakota_wh.errors import BadQuery, NotInstalled, UsageProblem
from dakota_wh.warehouse.quoting import identifier

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_TABLE: Final = "memory.main.result"
_CHUNK: Final = 10_000


def _in_utc(row: tuple[Any, ...], zoned: list[int]) -> tuple[Any, ...]:
    cells = list(row)
    for i in zoned:
        if isinstance(cells[i], datetime):  # else None, or beyond what Python's datetime holds
            cells[i] = cells[i].replace(tzinfo=UTC)
    return tuple(cells)


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute(f"SELECT count(*) FROM {_TABLE}").fetchone()
    return int(row[0]) if row else 0


def _needs(method: str, package: str) -> None:
    try:
        import_module(package)
    except ImportError as error:
        raise NotInstalled(method, package) from error


class Result:
    """Rows with named, typed columns; a snapshot that later ingests do not change.

    ``columns`` are the names, ``types`` the DuckDB types in the same order. ``len(result)`` is the
    number of rows. ``arrow()``, ``pl()`` and ``df()`` import pyarrow, polars or pandas when called.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._open: duckdb.DuckDBPyConnection | None = connection
        described = connection.execute(f"DESCRIBE {_TABLE}").fetchall()
        self.columns: list[str] = [row[0] for row in described]
        self.types: list[str] = [row[1] for row in described]

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._open is None:
            raise UsageProblem("This result was closed; its rows are gone.", hint="Ask again.")
        return self._open

    @classmethod
    def of(
        cls,
        connection: duckdb.DuckDBPyConnection,
        select: str,
        parameters: list[Any] | None = None,
        *,
        turns: Iterable[None] = (None,),
        limit: int | None = None,
    ) -> Result:
        """Run a SELECT on a connection that from now on belongs to the result.

        Args:
            connection: what it is run on.
            select: the SELECT.
            parameters: what it takes.
            turns: it is run at each of them, and the rows follow each other.
            limit: at most so many rows of all; no turn is taken beyond them.
        """
        beginning = f"CREATE OR REPLACE TABLE {_TABLE} AS"
        for _ in turns:
            connection.execute(f"{beginning}\n{select}", parameters or [])
            beginning = f"INSERT INTO {_TABLE}"
            if limit is not None and _count(connection) >= limit:
                connection.execute(f"DELETE FROM {_TABLE} WHERE rowid >= {int(limit)}")
                break
        return cls(connection)

    @classmethod
    def of_arrow(cls, table: pa.Table) -> Result:
        """Hold rows that another engine computed."""
        import duckdb

        connection = duckdb.connect()
        connection.register("arrived", table)
        result = cls.of(connection, "SELECT * FROM arrived")
        connection.unregister("arrived")
        return result

    def __len__(self) -> int:
        return _count(self._connection)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows without holding them all."""
        # DuckDB's client makes moments with a zone by a package that is not ours to ask for.
        zoned = [i for i, kind in enumerate(self.types) if kind == "TIMESTAMP WITH TIME ZONE"]
        names = [identifier(name) for name in self.columns]
        for i in zoned:
            names[i] = f"{names[i]} AT TIME ZONE 'UTC'"
        cursor = self._connection.cursor()
        try:
            cursor.execute(f"SELECT {', '.join(names)} FROM {_TABLE}")
            while chunk := cursor.fetchmany(_CHUNK):
                yield from (_in_utc(row, zoned) for row in chunk) if zoned else chunk
        except Exception as error:
            if type(error).__name__ != "InvalidInputException":  # DuckDB's, not imported here
                raise
            raise BadQuery(
                "The answer has values that Python has none for, such as a list of moments with a "
                "time zone.",
                hint="Cast them: column::VARCHAR",
            ) from error
        finally:
            cursor.close()

    def rows(self) -> list[tuple[Any, ...]]:
        """Return all rows as tuples of Python values; NULL is None, NaN stays a float."""
        return list(self)

    def dicts(self) -> list[dict[str, Any]]:
        """Return all rows as dicts by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self]

    def arrow(self) -> pa.Table:
        """Return the rows as a ``pyarrow.Table``."""
        _needs("arrow()", "pyarrow")
        return self._connection.cursor().sql(f"SELECT * FROM {_TABLE}").to_arrow_table()

    def df(self) -> pd.DataFrame:
        """Return the rows as a ``pandas.DataFrame``.

        Raises:
            NotInstalled: there is no pandas.
        """
        _needs("df()", "pandas")
        return self._connection.execute(f"SELECT * FROM {_TABLE}").df()

    def pl(self) -> pl.DataFrame:
        """Return the rows as a ``polars.DataFrame``.

        Raises:
            NotInstalled: there is no polars.
        """
        _needs("pl()", "polars")
        import polars

        frame = polars.from_arrow(self.arrow())
        if not isinstance(frame, polars.DataFrame):  # a table gives a frame; said for the checker
            raise TypeError(type(frame).__name__)
        return frame

    def close(self) -> None:
        """Free the rows; who reads the result afterwards hears so. Twice does no harm."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows: the first rows, numbers to five digits."""
        from dakota_wh.rendering.html import html_table

        return html_table(self)

    def __repr__(self) -> str:
        if self._open is None:
            return f"<Result: closed, of {', '.join(self.columns)}>"
        return f"<Result: {len(self)} rows of {', '.join(self.columns)}>"
