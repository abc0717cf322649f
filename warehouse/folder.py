"""A warehouse folder comes into being: its tables' folders and the zero-row files in them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa

from dakota_wh.errors import NotAWarehouse
from dakota_wh.warehouse import run_row
from dakota_wh.warehouse.entries import ENTRIES
from dakota_wh.warehouse.history import EMPTY
from dakota_wh.warehouse.layout import SCHEMA_PARTITION
from dakota_wh.warehouse.metrics import METRICS, SERIES, STEPS
from dakota_wh.warehouse.parquet import write_table

_SCHEMAS: Final[dict[str, pa.Schema]] = {
    "history": EMPTY,
    "metrics": METRICS,
    "series": SERIES,
    "steps": STEPS,
    "summary": ENTRIES,
    "config": ENTRIES,
    "runs": run_row.SCHEMA,
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
        for table, schema in _SCHEMAS.items():
            path = schema_file(root, table)
            if not path.exists():
                write_table(path, schema.empty_table())
    except OSError as error:
        raise NotAWarehouse(
            f"The warehouse {root} cannot be written: {error.strerror or error}.",
            hint="Check its permissions, or name another folder: --warehouse DIR",
        ) from error


def schema_file(root: Path, table: str) -> Path:
    """Return the zero-row file that gives a table its columns before any run is there."""
    partition = root / table / f"role={SCHEMA_PARTITION}" / f"run_id={SCHEMA_PARTITION}"
    return partition / "part-schema.parquet"
