"""Files for people that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from dakota_wh.errors import WarehouseError
from dakota_wh.rendering import left_behind
from dakota_wh.rendering.apart import must_be_apart

#: A file's name while it is written; see :func:`replacing`.
_STAGED: Final = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.part", re.DOTALL)
#: What is said of writing only, so that an error which names no file is known for one of it.
_OF_WRITING: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes its name only when all of it is written.

    A device or a pipe of that name is written as it is; a link keeps leading where it leads. What
    a killed process left in the same folder a day ago is deleted.

    Raises:
        UsageProblem: it lies in a warehouse.
        WarehouseError: its folder is not there, the disk is full, or writing is not allowed.
    """
    must_be_apart(path, elsewhere="-o FILE")
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise WarehouseError(
            f"{path} cannot be written: there is no folder {target.parent}.",
            hint="Make it first, or name another file.",
        )
    left_behind.sweep(target.parent, _STAGED)
    staged = target.with_name(
        f".{target.name[:200]}.{os.getpid()}-{secrets.token_hex(4)}.part",
    )
    try:
        with staged.open("wb") as file:
            yield file
        with suppress(OSError):
            staged.chmod(target.stat().st_mode & 0o7777)
        staged.replace(target)
    except OSError as error:
        problem = unwritten(path, error, staged, "-o FILE")
        if problem is None:
            raise
        raise problem from error
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)


def unwritten(path: Path, error: OSError, temporary: Path, elsewhere: str) -> WarehouseError | None:
    """Return what to say of a file that could not be written; None where that is not the error.

    Args:
        path: the file that was to be.
        error: what the system said.
        temporary: where it was being written, a file or the folder of it.
        elsewhere: what else to name, such as ``--output-dir DIR``.
    """
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    of_writing = any(name.startswith(str(temporary)) for name in names)
    if not of_writing and (names or error.errno not in _OF_WRITING):
        return None
    why = os.strerror(error.errno) if error.errno else str(error)
    first = "Free some space there, or write" if error.errno in _FULL else "Write"
    return WarehouseError(
        f"{path} cannot be written: {why}.", hint=f"{first} elsewhere: {elsewhere}"
    )
