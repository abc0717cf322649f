"""``dakota-wh export RUN``: one stored run as files that ``dakota-wh ingest`` reads back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dakota_wh.errors import UsageProblem
from dakota_wh.export import csv_file, json_file, parquet_file, xlsx_file
from dakota_wh.export.destination import Place, file_stem, output_folder, write_json
from dakota_wh.export.stored_run import StoredRun, opened_run
from dakota_wh.export.together import together
from dakota_wh.ingest.exports.dialect import strict_value

#: Each format, and how its file's name ends.
FORMATS: Final[Mapping[str, str]] = {
    "json": "_export.json",
    "csv": "_history.csv",
    "parquet": "_history.parquet",
    "xlsx": ".xlsx",
}

#: What the guide's script wrote.
DEFAULT_FORMATS: Final = ("json", "csv")

#: The history formats that are nothing without the files beside them.
_BESIDE: Final = ("_summary.json", "_config.json")


@dataclass(frozen=True, slots=True)
class Exported:
    """One run's files."""

    run_id: str
    files: tuple[Path, ...]
    rows: int
    completeness: str
    evidence: str


def export_run(
    root: Path,
    run_id: str,
    folder: Path,
    formats: Sequence[str] = DEFAULT_FORMATS,
    *,
    name: str | None = None,
    force: bool = False,
) -> Exported:
    """Write one run's complete history, summary and config: all files, or none of them.

    Args:
        root: the warehouse's folder.
        run_id: a stored run.
        folder: gets ``<id>/<id>_history.csv`` and so on; it is made if need be.
        formats: of ``json``, ``csv``, ``parquet``, ``xlsx``.
        name: write ``<folder>/<name>_history.csv`` and so on instead.
        force: replace files that no export of this run wrote.

    Raises:
        NoSuchRun: the warehouse has no such run.
        UsageProblem: an unknown format, or a folder inside the warehouse.
        WarehouseError: the run is damaged, a file of somebody else is in the way, the disk is full,
            or an extra is not installed.
    """
    check_formats(formats)
    if name is not None and (not name or file_stem(name) != name):
        raise UsageProblem(f"--name {name!r} cannot begin a file's name.", hint="Like: my_run")
    with opened_run(root, run_id) as run:
        target = output_folder(root, folder)
        stem = file_stem(run_id)
        place = Place(target, name, run_id) if name else Place(target / stem, stem, run_id)
        endings = [ending for known, ending in FORMATS.items() if known in formats]
        histories = [place.file(ending) for ending in endings]
        files = [place.file("_metadata.json"), *map(place.file, _BESIDE), *histories]
        if not force:
            place.check_free(files)
        info = run.info([path.name for path in files])
        documents = (info, strict_value(run.summary), strict_value(run.config))
        with together(place.folder) as written:
            # What says how the others are to be read comes first.
            for path, document in zip(files, documents, strict=False):
                with written.new(path) as temporary:
                    write_json(temporary, document)
            for ending, path in zip(endings, histories, strict=True):
                with written.new(path) as temporary:
                    _WRITERS[ending](temporary, run, info)
        row = run.row
        return Exported(run_id, tuple(files), row.rows, row.completeness, row.evidence)


def check_formats(formats: Sequence[str]) -> None:
    """Raise unless each format is known and can be written.

    Raises:
        UsageProblem: there is no such format.
        WarehouseError: its extra is not installed.
    """
    for one in formats:
        if one not in FORMATS:
            raise UsageProblem(
                f"There is no export format {one!r}.", hint=f"Formats: {', '.join(FORMATS)}"
            )
    if "xlsx" in formats:
        xlsx_file.check_installed()


def _csv(path: Path, run: StoredRun, _: dict[str, object]) -> None:
    csv_file.write_history(path, run)


def _parquet(path: Path, run: StoredRun, info: dict[str, object]) -> None:
    own = info["dakota_wh"]
    parquet_file.write_history(path, run, own if isinstance(own, dict) else {})


_WRITERS: Final[Mapping[str, Callable[[Path, StoredRun, dict[str, object]], None]]] = {
    "_export.json": json_file.write_all_in_one,
    "_history.csv": _csv,
    "_history.parquet": _parquet,
    ".xlsx": xlsx_file.write_workbook,
}
