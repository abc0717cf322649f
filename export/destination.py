"""Where an export's files go: their names, and what they may not replace."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from dakota_wh.errors import WarehouseError
from dakota_wh.ingest.exports.own_export import own_metadata
from dakota_wh.rendering.apart import must_be_apart

#: The folder of the owner's guide.
DEFAULT_FOLDER: Final = "wandb_analysis"

_LONGEST: Final = 120

#: Names that are devices on Windows.
_DEVICES: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def file_stem(run_id: str) -> str:
    """Return a run's id as the beginning of file names: the id itself wherever that can be one.

    Other characters are percent-encoded byte by byte; a long one is cut, with a hash behind it.
    """
    raw = run_id.encode("utf-8", "surrogatepass")
    stem = "".join(chr(b) if re.match(rb"[A-Za-z0-9_-]", bytes([b])) else f"%{b:02X}" for b in raw)
    # A point inside is common (model.v2); at the ends it hides a file or is lost on Windows.
    stem = re.sub(r"(?<=[^%.])%2E(?=[^%.])", ".", stem)
    if _DEVICES.fullmatch(stem):
        stem = f"%{raw[0]:02X}{stem[1:]}"
    if len(stem) > _LONGEST:
        stem = f"{stem[:_LONGEST]}-{hashlib.blake2b(raw, digest_size=6).hexdigest()}"
    return stem


def output_folder(root: Path, folder: Path) -> Path:
    """Return the folder to write to, made if need be.

    Raises:
        UsageProblem: it lies inside the warehouse, or another one.
        WarehouseError: it is a file, or cannot be made.
    """
    target = folder.expanduser()
    must_be_apart(target, elsewhere="--output-dir DIR", root=root.expanduser())
    try:
        target.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise WarehouseError(
            f"{folder} is no folder.", hint="Name a folder: --output-dir DIR"
        ) from error
    except OSError as error:
        raise WarehouseError(
            f"The folder {folder} cannot be made: {error.strerror or error}.",
            hint="Write elsewhere: --output-dir DIR",
        ) from error
    return target


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one run's export: ``<folder>/<stem>_history.csv`` and so on."""

    folder: Path
    stem: str
    run_id: str

    def file(self, ending: str) -> Path:
        """Return the file with an ending such as ``_history.csv``."""
        return self.folder / f"{self.stem}{ending}"

    def check_free(self, files: list[Path]) -> None:
        """Raise unless each file is new, or of an earlier export of this run.

        Raises:
            WarehouseError: a file of somebody else is there.
        """
        known = own_metadata(self.file("_metadata.json"))
        ours = set(known.files) if known is not None and known.run_id == self.run_id else set()
        foreign = next((p for p in files if is_there(p) and p.name not in ours), None)
        if foreign is not None:
            raise WarehouseError(
                f"{foreign} is there already, and no export of run {self.run_id} wrote it.",
                hint="To replace it: --force. To write elsewhere: --output-dir DIR",
            )


def write_json(path: Path, value: Any) -> None:
    """Write a document as a file of strict JSON, indented as the guide's are."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    with written_as_json(path) as file:
        file.write(f"{text}\n")


def written_as_json(path: Path) -> IO[str]:
    """Open a file for JSON text; half a character becomes its escape, which is JSON's own."""
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")


def is_there(path: Path) -> bool:
    """Return whether something has that name, a link that leads nowhere too."""
    return path.exists() or path.is_symlink()
