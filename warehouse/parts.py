"""The parts of one run that a published row names, and the small tables beside the large ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dakota_wh.warehouse.access import can_be_listed
from dakota_wh.warehouse.column_names import PART
from dakota_wh.warehouse.entries import entries_table, entry_value
from dakota_wh.warehouse.history import new_part_id, part_path
from dakota_wh.warehouse.layout import part_id, run_folder
from dakota_wh.warehouse.metrics import SERIES, Series
from dakota_wh.warehouse.parquet import write_table
from dakota_wh.warehouse.run_row import RunRow, live_parts
from dakota_wh.warehouse.series_numbers import Numbers


def paths_of(root: Path, row: RunRow, table: str) -> list[Path]:
    """Return the live part files of one table of a run, in order.

    Raises:
        NotReadable: their folder cannot be listed.
    """
    live = live_parts(row)
    folder = run_folder(root, table, row.role, row.run_id)
    if not can_be_listed(folder):
        return []
    return sorted(path for path in folder.glob("part-*.parquet") if part_id(path) in live)


def ids_of(paths: Iterable[Path]) -> list[int]:
    """Return the ids of part files."""
    return [part_id(path) for path in paths]


def stored_series(root: Path, row: RunRow) -> dict[str, Series]:
    """Return the series of a run as stored, by metric."""
    found: dict[str, Series] = {}
    for path in paths_of(root, row, "series"):
        with pq.ParquetFile(path) as file:
            for entry in file.read().to_pylist():
                found[entry["metric"]] = Series(
                    entry["metric"],
                    entry["samples"],
                    entry["nonfinite"],
                    entry["first_step"],
                    entry["last_step"],
                    entry.get("axis"),
                )
    return found


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the index says of a metric beside its numbers; see ``series_v1.sql``."""

    writer: str | None = None
    kind: str | None = None
    rank: int | None = None
    sign: int = 1
    not_numbers: int | None = None


def write_series(
    folder: Path,
    series: Mapping[str, Series],
    meaning: Mapping[str, Meaning],
    numbers: Mapping[str, Numbers],
) -> Path:
    """Write the index of a run's metrics, with the meaning of each and what is kept of it."""
    part = new_part_id()
    rows = []
    for name in sorted(series):
        told = meaning.get(name, Meaning())
        one = series[name]
        rows.append(
            {
                "metric": name,
                "writer": told.writer,
                "kind": told.kind,
                "kind_rank": told.rank,
                "samples": one.samples,
                "nonfinite": one.nonfinite,
                "first_step": one.first_step,
                "last_step": one.last_step,
                "axis": one.axis,
                "sign": told.sign,
                "not_numbers": told.not_numbers,
                **asdict(numbers.get(name, Numbers())),
                PART: part,
            }
        )
    path = part_path(folder, 0, part)
    write_table(path, pa.Table.from_pylist(rows, schema=SERIES))
    return path


def write_entries(folder: Path, tree: Mapping[str, Any]) -> Path:
    """Write a summary or a config as one part."""
    part = new_part_id()
    path = part_path(folder, 0, part)
    write_table(path, entries_table(tree, part))
    return path


def copy_part(path: Path, folder: Path) -> Path:
    """Write a part again under a new id, since an id may be named by one row only."""
    part = new_part_id()
    with pq.ParquetFile(path) as file:
        table = file.read()
    ids = pa.array([part] * table.num_rows, pa.int64())
    index = table.schema.get_field_index(PART)
    copied = part_path(folder, int(path.stem.split("-")[1]), part)
    write_table(copied, table.set_column(index, table.schema.field(index), ids))
    return copied


def stored_config(root: Path, row: RunRow) -> dict[str, Any]:
    """Return a run's config as the nested mapping that it was."""
    return _stored_tree(root, row, "config")


def stored_summary(root: Path, row: RunRow) -> dict[str, Any]:
    """Return a run's summary as the nested mapping that it was."""
    return _stored_tree(root, row, "summary")


def _stored_tree(root: Path, row: RunRow, table: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in paths_of(root, row, table):
        with pq.ParquetFile(path) as file:
            for entry in file.read().to_pylist():
                _put(tree, json.loads(entry["path"]), entry_value(entry))
    return tree


def _put(tree: dict[str, Any], path: list[str], value: object) -> None:
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    tree[path[-1]] = value
