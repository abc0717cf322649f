"""For all tests of the warehouse."""

from __future__ import annotations

from tests.warehouse.quick import all_views, quick

__all__ = ["all_views", "quick"]
