"""What is written for people stays apart from warehouses: those hold nothing but their own files.

A warehouse is known by the folder that makes it one, wherever it lies and whichever was asked.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Final

from dakota_wh.errors import UsageProblem

#: By it a folder is a warehouse (warehouse/layout.py; a test holds the two together).
MARK: Final = PurePosixPath("runs/role=zz_schema")


def warehouse_around(path: Path) -> Path | None:
    """Return the warehouse that a path is or lies in, None if there is none.

    Links are followed: what counts is where the bytes would go.
    """
    here = _real(path)
    return next((folder for folder in (here, *here.parents) if _is_warehouse(folder)), None)


def must_be_apart(path: Path, *, elsewhere: str, root: Path | None = None) -> None:
    """Raise if a path lies in a warehouse.

    Args:
        path: what is to be written, a file or a folder.
        elsewhere: what to type instead, such as ``--output-dir DIR``.
        root: a warehouse's folder, which counts as one even where it is damaged.

    Raises:
        UsageProblem: it does.
    """
    around = warehouse_around(path)
    if around is None and root is not None:
        target = _real(path)
        around = root if _real(root) in (target, *target.parents) else None
    if around is not None:
        raise UsageProblem(
            f"{path} lies inside the warehouse {around}, which holds nothing but its own files.",
            hint=f"Write elsewhere: {elsewhere}",
        )


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # of links in a circle pathlib makes a RuntimeError


def _is_warehouse(folder: Path) -> bool:
    try:
        return (folder / MARK).is_dir()
    except OSError:  # it may not be looked into
        return False
