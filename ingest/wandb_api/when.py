"""``--since``: a moment, or a time before now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from dakota_wh.errors import UsageProblem
from dakota_wh.ingest.exports.facts import parse_time

_AGO: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(min|m|h|d|w)", re.IGNORECASE)
_UNITS: Final = {
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def read_moment(text: str, now: datetime | None = None) -> datetime:
    """Return the moment (aware, UTC) of ``7d``, ``12h``, ``30m``, ``2w`` ago, or of a date.

    Raises:
        UsageProblem: it is neither.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            return (now or datetime.now(UTC)) - float(ago[1]) * _UNITS[ago[2].lower()]
        moment = parse_time(text)
    except OverflowError:
        moment = None
    if moment is None:
        raise UsageProblem(
            f"--since {text!r} is no time.", hint="Try 7d, 12h, 30m, 2w, or 2025-11-09."
        )
    return moment
