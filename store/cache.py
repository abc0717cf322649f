"""The folder on this machine in which a store's mirror lies."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

from dakota_wh.errors import WarehouseError
from dakota_wh.store.address import Address

#: Settings that make another store of the same address.
_WHICH_STORE: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_PROFILE")
_LONGEST: Final = 80


def home() -> Path:
    """Return the folder of all mirrors: ``$DAKOTA_WH_CACHE``, else below the user's caches."""
    own = os.environ.get("DAKOTA_WH_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser().absolute() / "dakota-wh"


def folder_of(address: Address) -> Path:
    """Return the mirror's folder: readable, and another one for each store."""
    which = "\n".join([str(address), *(os.environ.get(name, "") for name in _WHICH_STORE)])
    digest = hashlib.sha256(which.encode()).hexdigest()[:10]
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{address.scheme}-{address.place}")[:_LONGEST]
    return home() / f"{plain}-{digest}"


def make(folder: Path) -> None:
    """Make a mirror's folder, for its owner alone.

    Raises:
        WarehouseError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(
            f"The cache {folder} cannot be written: {error.strerror or error}.",
            hint="Name another folder for it: DAKOTA_WH_CACHE=DIR",
        ) from error
