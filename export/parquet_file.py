"""A history as one Parquet file: a column of numbers per key, and JSON beside it where needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from dakota_wh.export.stored_run import StoredRun
from dakota_wh.ingest.exports.parquet_file import OWN
from dakota_wh.ingest.source import KeyPath
from dakota_wh.warehouse.columns import TEXT_SUFFIX
from dakota_wh.warehouse.history import StoredRows
from dakota_wh.warehouse.parquet import write_batches

#: Cells of a row group.
_CELLS: Final = 4_000_000


def write_history(path: Path, run: StoredRun, own: dict[str, Any]) -> None:
    """Write the whole history of a run; ``own`` goes into the schema's metadata."""
    types = _number_types(run)
    fields = []
    for key, name in run.columns.items():
        if key in types:
            fields.append((key, pa.field(name, types[key])))
        if run.history.has_texts(key):
            fields.append((key, pa.field(name + TEXT_SUFFIX, pa.string())))
    said = json.dumps(own, ensure_ascii=False).encode()
    schema = pa.schema([field for _, field in fields], metadata={OWN: said})

    # A row group each: too small ones would cost more than they hold.
    rows = max(1, min(65_536, _CELLS // len(fields)))

    def tables() -> Any:
        for batch in run.history.batches(rows):
            arrays = [_array(batch, key, field) for key, field in fields]
            yield pa.Table.from_arrays(arrays, schema=schema)

    write_batches(path, schema, tables())


def _number_types(run: StoredRun) -> dict[KeyPath, pa.DataType]:
    """Return the type of each key's numbers over all parts: as logged where they agree."""
    found: dict[KeyPath, pa.DataType] = {("_step",): pa.int64()}
    for key in run.columns:
        types = run.history.number_types(key)
        if len(types) == 1:
            found[key] = next(iter(types))
        elif types:
            found[key] = pa.float64() if pa.float64() in types else pa.int64()
    return found


def _array(batch: StoredRows, key: KeyPath, field: pa.Field) -> pa.Array:
    cells = batch.cells.get(key)
    found = None
    if cells is not None:
        found = cells.text if pa.types.is_string(field.type) else cells.numbers
    if found is None:
        return pa.nulls(batch.count, field.type)
    # Integers beyond 2**53 round here; their digits are in the JSON beside them.
    return found.cast(field.type, safe=False)
