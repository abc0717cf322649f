"""Round numbers along an axis."""

from __future__ import annotations

import math


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most ``most`` multiples of 1, 2 or 5 times a power of ten within [low, high].

    Both ends are finite and ``low < high``.
    """
    span = high - low
    if not math.isfinite(span) or span <= 0 or most < 1:
        return []
    power = 10.0 ** math.floor(math.log10(span / most))
    for step in (power, 2 * power, 5 * power, 10 * power):
        first = math.ceil(low / step - 1e-9)
        last = math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [i * step for i in range(first, last + 1)]
    return []


def tick_text(value: float, step: float) -> str:
    """Return a tick's label with as many digits as tell it from the next one."""
    if value == 0 or abs(value) < step * 1e-6:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-4:
        digits = f"{value:.{max(0, _digits(value, step))}e}"
        return digits.replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{decimals}f}"


def _digits(value: float, step: float) -> int:
    return min(15, math.floor(math.log10(abs(value))) - math.floor(math.log10(step) + 1e-9))
