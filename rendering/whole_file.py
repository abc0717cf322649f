"""Files for people that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from dakota_wh.errors import WarehouseError


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes its name only when all of it is written.

    A device or a pipe of that name is written as it is; a link keeps leading where it leads.

    Raises:
        WarehouseError: its folder is not there.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    target = path.resolve()
    if not target.parent.is_dir():
        raise WarehouseError(
            f"{path} cannot be written: there is no folder {target.parent}.",
            hint="Make it first, or name another file.",
        )
    staged = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        with staged.open("wb") as file:
            yield file
        with suppress(OSError):
            staged.chmod(target.stat().st_mode & 0o7777)
        staged.replace(target)
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
