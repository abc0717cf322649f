"""The libraries of the extra ``plot``, which not every installation has."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from dakota_wh.errors import NotInstalled


def library(name: str, what_for: str) -> ModuleType:
    """Import a library of the extra.

    Raises:
        NotInstalled: it is not there; the hint says how to get it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise NotInstalled(what_for, f"the package {name}", extra="plot") from error
