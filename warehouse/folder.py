"""A warehouse folder comes into being: its tables' folders and the zero-row files in them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa

from dakota_wh.errors import NotAWarehouse
from dakota_wh.warehouse import run_row
from dakota_wh.warehouse.components import COMPONENTS
from dakota_wh.warehouse.entries import ENTRIES
from dakota_wh.warehouse.history import EMPTY
from dakota_wh.warehouse.layout import schema_file
from dakota_wh.warehouse.metrics import METRICS, SERIES, STEPS
from dakota_wh.warehouse.pairs import PAIRS
from dakota_wh.warehouse.parquet import write_table
from dakota_wh.warehouse.run_lock import folder_lock
from dakota_wh.warehouse.streams import FILES, STREAMS, SYSTEM, TABLES
from dakota_wh.warehouse.table_rows import EMPTY as NO_TABLE_ROWS
from dakota_wh.warehouse.timed import TIMED

_SCHEMAS: Final[dict[str, pa.Schema]] = {
    "history": EMPTY,
    "metrics": METRICS,
    "timed": TIMED,
    "series": SERIES,
    "components": COMPONENTS,
    "steps": STEPS,
    "summary": ENTRIES,
    "config": ENTRIES,
    "streams": STREAMS,
    "system": SYSTEM,
    "files": FILES,
    "tables": TABLES,
    "table_rows": NO_TABLE_ROWS,
    "runs": run_row.SCHEMA,
    "pairs": PAIRS,
}
#: What the columns of the tables that a warehouse may be without are in SQL.
_SQL_TYPES: Final[dict[pa.DataType, str]] = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us"): "TIMESTAMP",
}


def create(root: Path) -> None:
    """Make the folder a warehouse, or leave it as it is when it is one.

    Raises:
        NotAWarehouse: there is a file of that name, or it cannot be written.
    """
    if root.exists() and not root.is_dir():
        raise NotAWarehouse(
            f"{root} is a file, not a warehouse folder.",
            hint="Name a folder: --warehouse DIR",
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        if all(schema_file(root, table).exists() for table in _SCHEMAS):
            return
        with folder_lock(root):
            for table, schema in _SCHEMAS.items():
                path = schema_file(root, table)
                if not path.exists():
                    write_table(path, schema.empty_table())
    except OSError as error:
        raise NotAWarehouse(
            f"The warehouse {root} cannot be written: {error.strerror or error}.",
            hint="Check its permissions, or name another folder: --warehouse DIR",
        ) from error


def empty_select(table: str) -> str:
    """Return a SELECT of no rows with the table's columns, for a warehouse that is without it.

    An earlier version of this program made that warehouse, and it may be read-only.
    """
    columns = [pa.field("run_id", pa.string()), pa.field("role", pa.string()), *_SCHEMAS[table]]
    typed = ", ".join(f"CAST(NULL AS {_SQL_TYPES[f.type]}) AS {f.name}" for f in columns)
    return f"SELECT {typed} WHERE false"
