"""A warehouse folder comes into being: its tables' folders and the zero-row files in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from dakota_wh.errors import NotAWarehouse
from dakota_wh.rendering.apart import MARK, must_be_apart
from dakota_wh.warehouse import run_row
from dakota_wh.warehouse.components import COMPONENTS
from dakota_wh.warehouse.entries import ENTRIES
from dakota_wh.warehouse.history import EMPTY
from dakota_wh.warehouse.layout import schema_file
from dakota_wh.warehouse.metrics import METRICS, SERIES
from dakota_wh.warehouse.pairs import PAIRS
from dakota_wh.warehouse.parquet import write_table
from dakota_wh.warehouse.run_lock import folder_lock
from dakota_wh.warehouse.step_rows import STEPS
from dakota_wh.warehouse.streams import FILES, STREAMS, SYSTEM, TABLES
from dakota_wh.warehouse.table_rows import EMPTY as NO_TABLE_ROWS
from dakota_wh.warehouse.timed import TIMED

#: The columns of each table's files; run_id and role are in the path.
SCHEMAS: Final[dict[str, pa.Schema]] = {
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
    "pairs": PAIRS,
    # The last: by it a folder is a warehouse, so that one that is half made is none.
    "runs": run_row.SCHEMA,
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

    A zero-row file that is damaged or missing is written anew.

    Raises:
        NotAWarehouse: there is a file of that name, or it cannot be written.
        UsageProblem: it lies in another warehouse.
    """
    if root.is_symlink() and not root.exists():
        raise NotAWarehouse(
            f"{root} is a link to {os.readlink(root)}, which is not there.",
            hint="Make that folder, or name another one: --warehouse DIR",
        )
    if root.exists() and not root.is_dir():
        raise NotAWarehouse(
            f"{root} is a file, not a warehouse folder.",
            hint="Name a folder: --warehouse DIR",
        )
    try:
        if not (root / MARK).is_dir():
            must_be_apart(root, elsewhere="--warehouse DIR")
        root.mkdir(parents=True, exist_ok=True)
        if not any(_fault(schema_file(root, table), table) for table in SCHEMAS):
            return
        with folder_lock(root):
            for table, schema in SCHEMAS.items():
                path = schema_file(root, table)
                if _fault(path, table):
                    write_table(path, schema.empty_table())
    except OSError as error:
        raise NotAWarehouse(
            f"The warehouse {root} cannot be written: {error.strerror or error}.",
            hint="Check its permissions, or name another folder: --warehouse DIR",
        ) from error


def schema_faults(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield each zero-row file that is damaged or missing, and how; see :func:`create`.

    A table that has no folder came with a later version: that is no fault.
    """
    for table in SCHEMAS:
        path = schema_file(root, table)
        fault = _fault(path, table) if (root / table).exists() else ""
        if fault:
            yield path, fault


def _fault(path: Path, table: str) -> str:
    """Return what is wrong with a zero-row file, ``""`` if nothing is.

    One of another version has fewer or more columns, not others instead.
    """
    try:
        metadata = pq.read_metadata(path)
        told = metadata.schema.to_arrow_schema()
    except FileNotFoundError:
        return "is missing"
    except (OSError, pa.ArrowException) as error:
        return f"cannot be read: {(str(error).splitlines() or [''])[0].rstrip('.')}"
    wanted = SCHEMAS[table]
    both = {*wanted.names} & {*told.names}
    if metadata.num_rows or (len(both) < len(told.names) and len(both) < len(wanted.names)):
        return "is not the file that was written"
    if any(told.field(name).type != wanted.field(name).type for name in both):
        return "is not the file that was written"
    return ""


def empty_select(table: str) -> str:
    """Return a SELECT of no rows with the table's columns, for a warehouse that is without it.

    An earlier version of this program made that warehouse, and it may be read-only.
    """
    columns = [pa.field("run_id", pa.string()), pa.field("role", pa.string()), *SCHEMAS[table]]
    typed = ", ".join(f"CAST(NULL AS {_SQL_TYPES[f.type]}) AS {f.name}" for f in columns)
    return f"SELECT {typed} WHERE false"
