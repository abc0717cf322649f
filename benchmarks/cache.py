"""Where made data lies: below the system's folder for temporary files, made once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def folder() -> Path:
    """Return the cache's folder, made if need be: ``$DAKOTA_WH_BENCHMARKS`` or a temporary one."""
    given = os.environ.get("DAKOTA_WH_BENCHMARKS")
    place = Path(given) if given else Path(tempfile.gettempdir()) / "dakota-wh-benchmarks"
    place.mkdir(parents=True, exist_ok=True)
    return place


def made(name: str, make: Callable[[Path], None]) -> Path:
    """Return the cached file or folder of a name; ``make`` it at a path beside when it is new."""
    place = folder() / name
    if not place.exists():
        beside = place.with_name(f"{name}.making")
        shutil.rmtree(beside, ignore_errors=True)
        beside.unlink(missing_ok=True)
        make(beside)
        beside.rename(place)
    return place
