"""Whether two engines say the same, cell by cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

Cells = tuple[Any, ...]
RELATIVE = 1e-9


def same(one: object, other: object) -> bool:
    """Whole numbers, texts and moments exactly; NULL is NULL, NaN is NaN; floats to 1e-9."""
    if isinstance(one, float) and isinstance(other, float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return one == other or math.isclose(one, other, rel_tol=RELATIVE, abs_tol=0.0)
    return type(one) is type(other) and one == other


def sorted_rows(rows: Iterable[Cells]) -> list[Cells]:
    """Rows in an order that a last bit of a float does not change."""

    def rank(cell: object) -> tuple[int, str]:
        if cell is None:
            return 0, ""
        if isinstance(cell, float):
            return 1, f"{cell:.6e}" if cell else "0"
        return 2, cell.isoformat() if isinstance(cell, datetime) else repr(cell)

    exact_first = sorted  # texts and whole numbers tell most rows apart
    return exact_first(
        rows,
        key=lambda row: (
            [rank(cell) for cell in row if not isinstance(cell, float)],
            [rank(cell) for cell in row if isinstance(cell, float)],
        ),
    )


def differences(columns: Sequence[str], got: Sequence[Cells], wanted: Sequence[Cells]) -> list[str]:
    """What differs, for a person; empty where nothing does."""
    if len(got) != len(wanted):
        return [f"{len(got)} rows, wanted {len(wanted)}"]
    return [
        f"{name}: {mine!r}, wanted {theirs!r}, in {wanted_row[:4]}"
        for row, wanted_row in zip(got, wanted, strict=True)
        for name, mine, theirs in zip(columns, row, wanted_row, strict=True)
        if not same(mine, theirs)
    ]
