"""Where the files of a folder come from, if it is a mirror of a warehouse that lies elsewhere.

A mirror's folder holds the rows of runs, and of their parts those that somebody asked for. Who
opens a connection on it asks its origin for the parts that he is about to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol


class Origin(Protocol):
    """What fills a mirror's folder."""

    def bring(self, rows: Sequence[Path], tables: Iterable[str]) -> None:
        """Have the parts in the folder that some row files name, of some tables.

        Raises:
            FileNotFoundError: a run was published anew meanwhile; its rows have been brought.
            WarehouseError: the origin cannot be read, or gives other bytes than were stored.
        """
        ...


_ORIGINS: Final[dict[Path, Origin]] = {}


def register(root: Path, origin: Origin) -> None:
    """Say where the files of a folder come from, for this process."""
    _ORIGINS[root.absolute()] = origin


def origin_of(root: Path) -> Origin | None:
    """Return where a folder's files come from; None if they are here and nowhere else."""
    return _ORIGINS.get(root.absolute()) if _ORIGINS else None


def mirror_in(text: str) -> Path | None:
    """Return the mirror of which a text, such as an engine's error, names a file; else None."""
    return next((root for root in _ORIGINS if f"{root.as_posix()}/" in text), None)


def have_parts(root: Path, rows: Sequence[Path], tables: Iterable[str]) -> None:
    """Have the parts that some row files name fetched, where the folder is a mirror.

    Raises:
        FileNotFoundError, WarehouseError: see :class:`Origin`.
    """
    origin = origin_of(root)
    if origin is not None:
        origin.bring(rows, tables)
