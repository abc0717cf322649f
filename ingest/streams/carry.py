"""What a run has beside its history goes along when the run is published anew.

Nothing derives it and nothing replaces it but a fetch that asks for it; so it is neither lost when
a run grows, nor when it is replaced, nor when it moves to another role.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dakota_wh.ingest.steps import StepAxis
from dakota_wh.ingest.streams.bring import warned
from dakota_wh.warehouse import parts
from dakota_wh.warehouse.layout import STREAM_TABLES
from dakota_wh.warehouse.run_row import RunRow, as_json_list
from dakota_wh.warehouse.streams import (
    TABLES,
    LoggedTable,
    stored_streams,
    stored_tables,
    write_rows,
)


def carry(root: Path, live: RunRow, row: RunRow, axis: StepAxis, staged: Path) -> None:
    """Let ``row``, which is to be published, name the streams' parts that ``live`` has.

    In another role they are written again; where the step axis has changed, so are the steps of
    the logged tables.
    """
    kept: list[Path] = []
    for table in STREAM_TABLES:
        if table == "tables" and _stepped_anew(root, live, axis, staged):
            continue
        for path in parts.paths_of(root, live, table):
            if row.role == live.role:
                kept.append(path)
            else:
                parts.copy_part(path, staged / table)
    new = [path for table in STREAM_TABLES for path in (staged / table).glob("part-*.parquet")]
    row.parts = sorted({*row.parts, *parts.ids_of([*kept, *new])})
    row.warnings = as_json_list(warned(row.warning_list(), stored_streams(root, live)))


def _stepped_anew(root: Path, live: RunRow, axis: StepAxis, staged: Path) -> bool:
    """Write the logged tables with their steps as they are now; False where those are the same."""
    before = stored_tables(root, live)
    after = [replace(one, step=_step(one, axis)) for one in before]
    if after == before:
        return False
    write_rows(staged / "tables", TABLES, after)
    return True


def _step(table: LoggedTable, axis: StepAxis) -> int | None:
    at = table.log_row
    if at is None or at >= axis.steps.known.size:
        return table.step
    return int(axis.steps.values[at]) if axis.steps.known[at] else None
