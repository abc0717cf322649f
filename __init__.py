"""A local analytics warehouse over Weights & Biases runs.

``open(path)`` gives a :class:`Warehouse`; the names load when they are first used, so that
``import dakota_wh`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dakota_wh.api import Warehouse, open, sync  # noqa: A004 - dakota_wh.open
    from dakota_wh.errors import WarehouseError
    from dakota_wh.warehouse.result import Result

__all__ = ["Result", "Warehouse", "WarehouseError", "open", "sync"]

_HOMES: Final = {
    "Result": "dakota_wh.warehouse.result",
    "Warehouse": "dakota_wh.api",
    "WarehouseError": "dakota_wh.errors",
    "open": "dakota_wh.api",
    "sync": "dakota_wh.api",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
