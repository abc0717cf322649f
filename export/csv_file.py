"""A history as CSV: UTF-8, commas, ``\\n``, a row per log call; the cells are of ``dialect.py``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from dakota_wh.export.cells import rows_of
from dakota_wh.export.stored_run import StoredRun
from dakota_wh.ingest.exports.dialect import csv_cell, csv_name
from dakota_wh.ingest.source import KeyPath


def write_history(path: Path, run: StoredRun) -> None:
    """Write the whole history of a run."""
    _write(path, run, run.columns, numbers_only=False)


def write_curves(path: Path, run: StoredRun, keys: Iterable[KeyPath]) -> list[str]:
    """Write ``_step`` and the numbers of some keys, a row per log row; return the columns."""
    columns = {("_step",): "_step"} | {key: run.columns[key] for key in keys}
    _write(path, run, columns, numbers_only=True)
    return list(columns.values())


def _write(
    path: Path, run: StoredRun, columns: Mapping[KeyPath, str], *, numbers_only: bool
) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_line(map(csv_name, columns.values())))
        for batch in run.history.batches(run.batch_rows, columns):
            rows = rows_of(batch, list(columns), _quoted_cell, numbers_only=numbers_only)
            file.writelines(",".join([cell or "" for cell in row]) + "\n" for row in rows)


def _line(cells: Iterable[str]) -> str:
    return ",".join(map(_quoted, cells)) + "\n"


def _quoted_cell(token: str) -> str:
    return _quoted(csv_cell(token))


def _quoted(cell: str) -> str:
    if any(mark in cell for mark in ('"', ",", "\n", "\r")):
        return '"' + cell.replace('"', '""') + '"'
    return cell
