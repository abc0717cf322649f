"""Which exports a file or folder holds."""

from __future__ import annotations

from pathlib import Path

from dakota_wh.ingest.exports.csv_folder import CsvExport
from dakota_wh.ingest.exports.facts import SIDECARS
from dakota_wh.ingest.exports.json_file import JsonExport
from dakota_wh.ingest.exports.names import folder_id, names_a_run, placed, single_file_id
from dakota_wh.ingest.exports.parquet_file import ParquetExport, has_steps, own_parquet
from dakota_wh.ingest.exports.stamp import cannot_read
from dakota_wh.ingest.source import Source
from dakota_wh.ingest.wandb_log.find import is_closed

_PARQUET = (".parquet", ".pq")
_FASTEST = ("parquet-export", "csv-export", "json-export")


def find_exports(path: Path) -> list[Source]:
    """Return every export at ``path``: a file's own, or a folder's and its sub folders' own.

    The files beside a history (``_summary.json`` and so on) lead to that history. The same run may
    come out several times, from several exports; an empty list means that there is none.

    Raises:
        SourceProblem: the folder may not be listed.
    """
    place = path.resolve()
    if place.is_file():
        return _of_file(place)
    if not place.is_dir():
        return []
    below = (entry.resolve() for entry in _entries(place) if entry.is_dir())
    # A link beside its folder is no second run; of a closed folder find_logs tells.
    folders = dict.fromkeys([place, *(folder for folder in below if not is_closed(folder))])
    return [source for folder in folders for source in _of_folder(folder)]


def _of_file(path: Path) -> list[Source]:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return [CsvExport(path)]
    if suffix in _PARQUET:
        return [ParquetExport.of_file(path)]
    if suffix != ".json":
        return []
    history = _history_of_sidecar(path)
    if history is not None:
        return _of_file(history)
    export = None if _is_sidecar(path) else JsonExport.recognise(path)
    return [export] if export else []


def _of_folder(folder: Path) -> list[Source]:
    sources: list[Source] = []
    parquet: list[Path] = []
    for path in _entries(folder):
        suffix = path.suffix.lower()
        if not path.is_file():
            continue
        if suffix == ".csv" and path.stem.lower().endswith("history"):
            sources.append(CsvExport(path))
        elif suffix in _PARQUET and has_steps(path):
            parquet.append(path)
        elif suffix == ".json" and not _is_sidecar(path):
            export = JsonExport.recognise(path)
            sources.extend([export] if export else [])
    return _best_of_ours(sources + _parquet_runs(folder, parquet))


def _best_of_ours(sources: list[Source]) -> list[Source]:
    """Keep of each run one export of ours: they say the same, and Parquet is read the fastest."""
    best: dict[str, Source] = {}
    for source in sources:
        if _is_ours(source):
            known = best.setdefault(source.run_id, source)
            if _FASTEST.index(source.kind) < _FASTEST.index(known.kind):
                best[source.run_id] = source
    return [s for s in sources if not _is_ours(s) or best[s.run_id] is s]


def _is_ours(source: Source) -> bool:
    return bool(getattr(source, "ours", None))


def _parquet_runs(folder: Path, files: list[Path]) -> list[Source]:
    """Group a folder's Parquet files by run: those whose name tells no run are the folder's."""
    runs: dict[tuple[str, tuple[str | None, str | None]], list[Path]] = {}
    ours = [path for path in files if own_parquet(path)]
    for path in files:
        if path in ours:
            continue
        run_id = single_file_id(path) if names_a_run(path) else folder_id(folder)
        runs.setdefault((run_id, placed(path)), []).append(path)
    return [
        *(ParquetExport.of_file(path) for path in ours),
        *(ParquetExport(tuple(paths), run_id) for (run_id, _), paths in runs.items()),
    ]


def _is_sidecar(path: Path) -> bool:
    return any(path.stem.endswith(f"_{kind}") for kind in SIDECARS)


def _history_of_sidecar(path: Path) -> Path | None:
    if not _is_sidecar(path):
        return None
    run_id = path.stem.rpartition("_")[0]
    for suffix in (".csv", *_PARQUET):
        history = path.with_name(f"{run_id}_history{suffix}")
        if history.is_file():
            return history
    return None


def _entries(folder: Path) -> list[Path]:
    """Return a folder's entries by name, without hidden ones (and macOS' ``._`` doubles)."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise cannot_read(folder, error) from error
