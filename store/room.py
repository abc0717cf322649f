"""The most room that the mirrors on this machine may take, where somebody has set one.

``DAKOTA_WH_CACHE_SIZE=20GB``. Beyond it the parts go that were used longest ago. One that was used
in the last minutes stays, since somebody may be reading it; and whoever finds one gone fetches it
again. Rows stay: every command needs them, and they are small. Without the setting there is no
limit: what a query needs would otherwise be fetched, and paid for, again and again.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dakota_wh.errors import UsageProblem
from dakota_wh.store import cache
from dakota_wh.warehouse.layout import PART_TABLES

SETTING: Final = "DAKOTA_WH_CACHE_SIZE"
#: Seconds in which a part that was used stays, whatever the limit.
IN_USE: Final = 600.0
#: A shell's mirror asks for nothing again: it goes as a whole, so long after a shell began.
SHELLS: Final = 7 * 86_400.0
#: How exactly a part's last use is kept, in seconds: not each command writes it.
_EXACT: Final = 60.0
_SIZE: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True, slots=True)
class _Kept:
    """A part, or the mirror of a shell."""

    path: Path
    used: float
    bytes: int
    is_shells: bool


def limit() -> int | None:
    """Return the bytes that all mirrors together may take; None for any number.

    Raises:
        UsageProblem: the setting is no size.
    """
    given = os.environ.get(SETTING, "").strip()
    if not given:
        return None
    found = _SIZE.fullmatch(given)
    if found is None:
        raise UsageProblem(f"{SETTING} is no size: {given!r}.", hint="Like: 20GB, or 500MiB")
    number, power, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[power.lower()])


def used(part: Path) -> bool:
    """Note that a part is used now; return False if it is gone."""
    try:
        if time.time() - part.stat().st_mtime > _EXACT:
            os.utime(part)
    except FileNotFoundError:
        return False
    except OSError:  # it cannot be written, so nothing is deleted there either
        return True
    return True


def make() -> None:
    """Delete what was used longest ago, until all mirrors together keep to the limit."""
    most = limit()
    if most is None:
        return
    kept = sorted(_kept(), key=lambda one: one.used)
    total = sum(one.bytes for one in kept)
    now = time.time()
    for one in kept:
        if total <= most:
            return
        if now - one.used < (SHELLS if one.is_shells else IN_USE):
            continue
        with suppress(OSError):
            if one.is_shells:
                shutil.rmtree(one.path)
            else:
                one.path.unlink()
            total -= one.bytes


def _kept() -> Iterator[_Kept]:
    """Yield what may go, with the room that its going gives."""
    for mirror in cache.home().glob("*-*"):
        is_shells = mirror.name.endswith(".whole")
        parts = [
            (path, told)
            for table in PART_TABLES
            for path in mirror.glob(f"{table}/role=*/run_id=*/part-*.parquet")
            if not path.name.startswith("part-schema") and (told := _told(path)) is not None
        ]
        if is_shells:  # what it shares with the mirror beside it is counted there
            own = sum(told.st_size for _, told in parts if told.st_nlink == 1)
            began = _told(mirror)
            if began is not None:
                yield _Kept(mirror, began.st_mtime, own, is_shells=True)
        else:
            for path, told in parts:
                yield _Kept(path, told.st_mtime, told.st_size, is_shells=False)


def _told(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
