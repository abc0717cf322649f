"""What is there and cannot be read by this process: no damage, and nothing is to be deleted.

A pattern passes over what cannot be listed, in Python as in DuckDB, so that runs would vanish
without a word. Whoever lists a folder of the warehouse asks here first.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from dakota_wh.errors import NotReadable

_DENIED: Final = (errno.EACCES, errno.EPERM)
_TOO_MANY: Final = (errno.EMFILE, errno.ENFILE)
_DEVICE: Final = (errno.EIO, errno.ESTALE, errno.ENXIO, errno.ENODEV, errno.ETIMEDOUT)
_LISTS: Final = os.R_OK | os.X_OK
_QUOTED: Final = re.compile(r'"(/[^"]+)"')


def is_no_damage(error: BaseException) -> bool:
    """Tell whether an error is of the right to read, the process, or the disk: not of the bytes."""
    number = error.errno if isinstance(error, OSError) else None
    return number in _DENIED or number in _TOO_MANY or number in _DEVICE


def not_readable(path: Path, error: OSError) -> NotReadable:
    """Return what to say of something that cannot be read now.

    Where a folder above it is what is closed, that one is named.
    """
    denied = error.errno in _DENIED
    named = _closed(path) if denied else path
    why = os.strerror(error.errno) if error.errno else str(error)
    return NotReadable(f"{named} cannot be read: {why}.", hint=_what_to_do(named, error.errno))


def blamed_on_access(error: Exception) -> NotReadable | None:
    """Return what to say where an engine's message has an error of :func:`is_no_damage` in it."""
    text = str(error)
    said = (n for n in (*_DENIED, *_TOO_MANY, *_DEVICE) if os.strerror(n) in text)
    number, found = next(said, None), _QUOTED.search(text)
    if number is None or found is None:
        return None
    return not_readable(Path(found[1]), OSError(number, os.strerror(number)))


def can_be_listed(folder: Path | str) -> bool:
    """Return whether there is such a folder.

    Raises:
        NotReadable: there is, or may be, but it cannot be listed.
    """
    if os.access(folder, _LISTS):
        return os.path.isdir(folder)
    try:
        os.scandir(folder).close()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise not_readable(Path(folder), error) from error
    if os.access(folder, _LISTS):  # it came into being meanwhile
        return True
    raise not_readable(Path(folder), PermissionError(errno.EACCES, ""))


def must_be_listable(root: Path, tables: Iterable[str]) -> None:
    """Raise unless the folders of some tables, and of the roles in them, can be listed.

    Raises:
        NotReadable: one cannot.
    """
    for table in tables:
        for folder in _below(root / table, "role="):
            can_be_listed(folder)


def runs_must_be_listable(root: Path, table: str, seen: Collection[str] = ()) -> None:
    """Raise unless each run's folder of a table can be listed, but for those that were ``seen``.

    Raises:
        NotReadable: one cannot.
    """
    for role in _below(root / table, "role="):
        for folder in {*_below(role, "run_id=")}.difference(seen):
            can_be_listed(folder)


def _below(folder: Path | str, prefix: str) -> Iterator[str]:
    if can_be_listed(folder):
        try:
            names = os.listdir(folder)
        except FileNotFoundError:  # it was deleted meanwhile
            return
        except OSError as error:
            raise not_readable(Path(folder), error) from error
        yield from (f"{folder}/{name}" for name in names if name.startswith(prefix))


def _closed(path: Path) -> Path:
    """Return the uppermost folder on the way to something that this user may not pass."""
    way = [*reversed(path.absolute().parents)]
    there = (folder for folder in way if os.path.lexists(folder))
    return next((folder for folder in there if not os.access(folder, os.X_OK)), path)


def _what_to_do(path: Path, number: int | None) -> str:
    word = shlex.quote(str(path))
    if number in _TOO_MANY:
        return "Nothing is damaged: allow more open files (ulimit -n 4096), or ask for fewer runs."
    if number not in _DENIED:
        return "Nothing is to be deleted for that: see to the disk or its network, then try again."
    user = getattr(os, "geteuid", None)
    try:
        another = user is not None and user() not in (0, path.stat().st_uid)
    except OSError:
        another = False
    owner = f'sudo chown -R "$USER" {word}' if another else f"chmod -R u+rwX {word}"
    return f"Nothing is damaged: let this user read it: {owner}"
