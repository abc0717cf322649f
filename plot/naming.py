"""Names of runs and metrics on paper: visible, on one line, and no longer than there is room."""

from __future__ import annotations

from dakota_wh.rendering.values import printable


def shown(text: str, longest: int = 60) -> str:
    """Return the name with what cannot be seen spelled out, and cut in the middle if too long.

    Line breaks, control characters and marks that turn the direction of writing become escapes
    such as ``\\u202e``: a hostile name shows itself and moves nothing beside it.
    """
    cut = len(text) > 4 * longest
    if cut:  # spelling out never makes a text shorter
        text = text[: 2 * longest] + text[-2 * longest :]
    spelled = printable(text)
    if len(spelled) <= longest and not cut:
        return spelled
    front = (longest - 1) * 2 // 3
    return f"{spelled[:front]}…{spelled[len(spelled) - (longest - 1 - front) :]}"


def number(value: float | int | None) -> str:
    """Return a number for people: five significant digits, ``undefined`` for none."""
    if value is None:
        return "undefined"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.5g}".replace("-", "−") if value == value else "NaN"
