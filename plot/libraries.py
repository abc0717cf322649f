"""The libraries of the extra ``plot``, which not every installation has."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from dakota_wh.errors import WarehouseError


def library(name: str, what_for: str) -> ModuleType:
    """Import a library of the extra.

    Raises:
        WarehouseError: it is not installed; the hint says how to get it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise WarehouseError(
            f"{what_for} needs the package {name}, which is not installed.",
            hint="Install it: pip install 'dakota-wh[plot]'",
        ) from error
