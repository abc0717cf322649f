"""The rows and parts that a mirror's folder has, by their files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from dakota_wh.store.listing import Listing
from dakota_wh.warehouse import gathered
from dakota_wh.warehouse.layout import decode_run_id
from dakota_wh.warehouse.run_row import NamedFile, generation_of, row_files


def run_id_of(row: Path) -> str:
    """Return the run of a row's file."""
    return decode_run_id(row.parent.name.removeprefix("run_id="))


def place_of(folder: Path, row: Path, file: NamedFile) -> Path:
    """Return where a part lies: in its table, the two folders being those of its row."""
    role, run = row.parent.parent.name, row.parent.name
    return folder / file.table / role / run / file.name


def newest_of(rows: Iterable[Path]) -> list[Path]:
    """Return each run's row of the highest generation."""
    found: dict[str, Path] = {}
    for path in rows:
        if path.name.startswith("run-"):
            run = path.parent.name
            if run not in found or generation_of(path) > generation_of(found[run]):
                found[run] = path
    return list(found.values())


def rows_of(folder: Path, runs: Sequence[str] | None = None) -> list[Path]:
    """Return the row files of some runs, or of all."""
    if runs is None:
        return list(folder.glob("runs/*/*/run-*.parquet"))
    return [path for run in runs for path in row_files(folder, run)]


def forget(
    folder: Path,
    found: Listing,
    runs: Sequence[str] | None,
    named_by: Callable[[Path], list[NamedFile]],
) -> None:
    """Delete the rows that a store has no more, each before the parts that only it named.

    Args:
        folder: the mirror's.
        found: what the store has.
        runs: the runs that were asked for; None for all.
        named_by: gives the files that a row names.
    """
    there = {key for rows in found.rows.values() for key in rows}
    kept: dict[str, list[Path]] = {}
    gone: dict[str, list[Path]] = {}
    for path in rows_of(folder, runs):
        lists = kept if path.relative_to(folder).as_posix() in there else gone
        lists.setdefault(run_id_of(path), []).append(path)

    def parts(rows: Iterable[Path]) -> set[Path]:
        return {place_of(folder, row, file) for row in rows for file in named_by(row)}

    for run, rows in gone.items():
        surplus = parts(rows) - parts(kept.get(run, ()))
        for path in (*sorted(rows, key=generation_of), *surplus):
            path.unlink(missing_ok=True)
    if {*gone} - {*kept} - {*found.rows}:
        gathered.drop(folder)  # it has rows of a run that was removed
    if found.pairs is not None:
        for path in folder.glob("pairs/role=orchestrator/*/pair-*.parquet"):
            if path.relative_to(folder).as_posix() not in found.pairs:
                path.unlink(missing_ok=True)
