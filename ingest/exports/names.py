"""Run ids and short names from the file names of an export."""

from __future__ import annotations

import re
from pathlib import Path

from dakota_wh.ingest.exports.tokens import safe_key

#: Words of file names that name no run: ``history.csv``, ``0000.parquet``, ``part-3.parquet``.
_NO_ID = re.compile(r"(?:history|data|export|run|part|file)?[-_]?\d{0,5}", re.IGNORECASE)

#: W&B's artifact of an exported history, and the folder it is downloaded to.
_ARTIFACT = re.compile(r"run-(?P<id>.+)-history(?:[:_-]v\d+)?")

_HISTORY = re.compile(r"(?P<id>.+)[_-]history(?:[_-]\d+)?")

#: W&B's client downloads ``<entity>_<project>_<id>_<n>.runhistory.parquet``. All parts may hold
#: ``_`` as well, so entity and project are evident only when none does.
_DOWNLOAD = re.compile(r"(?P<place>.+)_(?P<id>[^_]+)_(?P<number>\d+)\.runhistory")
_ALIKE = re.compile(r"(?P<place>.+_.+)_(?P<id>[a-z0-9]{8})_(?P<number>\d{1,5})")


def single_file_id(path: Path) -> str:
    """Return the run's id from ``<id>_history.<suffix>``, else the stem, else the folder's name."""
    known = _match_id(path.stem)
    if known is not None:
        return safe_key(known)
    if _NO_ID.fullmatch(path.stem.strip("_")):
        return folder_id(path.parent) or path.stem
    return safe_key(path.stem)


def folder_id(folder: Path) -> str:
    """Return the run's id from a folder's name, as it is or as ``run-<id>-history:v0``."""
    name = folder.resolve().name
    match = _ARTIFACT.fullmatch(name)
    return safe_key(match["id"] if match else name)  # a name may hold bytes that are no UTF-8


def placed(path: Path) -> tuple[str | None, str | None]:
    """Return entity and project of ``<entity>_<project>_<id>_<n>``, where that is evident."""
    match = _DOWNLOAD.fullmatch(path.stem) or _ALIKE.fullmatch(path.stem)
    parts = match["place"].split("_") if match else []
    return (parts[0], parts[1]) if len(parts) == 2 and all(parts) else (None, None)


def part_number(path: Path) -> int | None:
    """Return ``<n>`` of W&B's ``<entity>_<project>_<id>_<n>.runhistory.parquet``, from 0."""
    match = _DOWNLOAD.fullmatch(path.stem)
    return int(match["number"]) if match else None


def short_name(path: Path, run_id: str) -> str:
    """Return the file name, with the folder only when that is named after the run.

    Other folders are the machine's own and may name a person.
    """
    parent = path.parent
    name = f"{parent.name}/{path.name}" if folder_id(parent) == run_id else path.name
    return safe_key(name)


def names_a_run(path: Path) -> bool:
    """Tell whether a file's own name has one of the forms that hold a run's id."""
    return _match_id(path.stem) is not None


def _match_id(stem: str) -> str | None:
    for pattern in (_DOWNLOAD, _ALIKE, _ARTIFACT, _HISTORY):
        match = pattern.fullmatch(stem)
        if match:
            return match["id"]
    return None
