"""Time limits as they are typed."""

from __future__ import annotations

import math
import threading

import click


def checked_seconds(_: click.Context, __: click.Parameter, value: float) -> float:
    """Return what ``--timeout`` was given, a number of seconds that a clock can wait for."""
    if not math.isfinite(value) or value > threading.TIMEOUT_MAX:
        raise click.BadParameter(f"{value:g} is no number of seconds to wait for, such as 300.")
    return value
