"""An interval in words."""

from __future__ import annotations

from typing import Final

NOT_DISTINGUISHABLE: Final = "not distinguishable"
IDENTICAL: Final = "identical"
TOO_FEW_POINTS: Final = "too few points"
TOO_CORRELATED: Final = "too correlated"
TOO_FEW_SEEDS: Final = "too few seeds"
NO_COMMON_RANGE: Final = "no common range"
NO_VALUE: Final = "no finite value"


def side_of_zero(low: float | None, high: float | None) -> int:
    """Return 1 for an interval above 0, -1 for one below, 0 for one that holds it or for none."""
    if low is None or high is None:
        return 0
    return (low > 0.0) - (high < 0.0)


def in_words(side: int, better: str | None) -> str:
    """Return better or worse where a kind has a good way, else higher or lower."""
    if side == 0:
        return NOT_DISTINGUISHABLE
    if better is None:
        return "higher" if side > 0 else "lower"
    return "better" if (side > 0) == (better == "high") else "worse"
