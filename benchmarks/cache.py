"""Where made data lies: below the system's folder for temporary files, made once."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.processes import ROOT

#: What decides how the bytes of a warehouse look that is made of made runs.
WRITERS = (
    "warehouse", "ingest", "sql/stored", "benchmarks/made_run.py", "benchmarks/warehouses.py",
)  # fmt: skip


def folder() -> Path:
    """Return the cache's folder, made if need be: ``$DAKOTA_WH_BENCHMARKS`` or a temporary one."""
    given = os.environ.get("DAKOTA_WH_BENCHMARKS")
    place = Path(given) if given else Path(tempfile.gettempdir()) / "dakota-wh-benchmarks"
    place.mkdir(parents=True, exist_ok=True)
    return place


def made(name: str, make: Callable[[Path], None], sources: Sequence[str] = ()) -> Path:
    """Return the cached file or folder of a name; ``make`` it at a path beside when it is new.

    Args:
        sources: files and folders of this program that decide what is made. A hash of them stands
            in the name, and what others of that name made is deleted.
    """
    if sources:
        _sweep(name, kept := f"{name}.{version_of(tuple(sources))}")
        name = kept
    place = folder() / name
    if not place.exists():
        beside = place.with_name(f"{name}.making")
        shutil.rmtree(beside, ignore_errors=True)
        beside.unlink(missing_ok=True)
        make(beside)
        beside.rename(place)
    return place


@functools.cache
def version_of(sources: tuple[str, ...]) -> str:
    """Return a hash of Python and SQL files, named from the project's root, and in its folders."""
    found = hashlib.sha256()
    for source in sources:
        path = ROOT / source
        files = [path] if path.is_file() else [*path.rglob("*.py"), *path.rglob("*.sql")]
        if not files:
            raise SystemExit(f"no sources in {path}")
        for file in sorted(files):
            found.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes() + b"\0")
    return found.hexdigest()[:8]


def _sweep(name: str, kept: str) -> None:
    """Delete what earlier versions of the sources made, or what has no version yet."""
    earlier = re.compile(rf"{re.escape(name)}(\.[0-9a-f]{{8}})?(\.making)?")
    for place in folder().iterdir():
        if earlier.fullmatch(place.name) and place.name not in (kept, f"{kept}.making"):
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink()
