"""What an export says about the history's columns: ``available_metrics`` and ``statistics``.

``available_metrics`` has the form of W&B's ``historyKeys``: how many rows logged which type under a
key, whether its numbers never fall, and its last value. ``statistics`` has that of pandas'
``DataFrame.describe()``, over the finite values of the log rows: sample standard deviation, and
quartiles that interpolate. Undefined is null.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, Final

import numpy as np

from dakota_wh.export.stored_run import StoredRun
from dakota_wh.ingest.exports.dialect import strict_token
from dakota_wh.ingest.source import KeyPath
from dakota_wh.warehouse.history import StoredHistory

_TYPES: Final = {'"': "string", "[": "list", "{": "map", "t": "boolean", "f": "boolean", "n": "nil"}


def describe(run: StoredRun) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (available_metrics, statistics) of a run's history."""
    keys: dict[str, Any] = {}
    statistics: dict[str, Any] = {}
    for key, name in run.columns.items():
        logged = _Logged.of(run.history, key)
        if not logged.counts:
            continue
        keys[name] = {
            "typeCounts": [{"type": kind, "count": n} for kind, n in logged.counts.items()],
            # Compared, not subtracted: a difference of large numbers overflows.
            "monotonic": bool(np.all(logged.numbers[1:] >= logged.numbers[:-1])),
            "previousValue": logged.last,
        }
        if logged.counts["number"]:
            statistics[name] = _statistics(logged.numbers[np.isfinite(logged.numbers)])
    last = keys.get("_step", {}).get("previousValue")
    return {"keys": keys, "lastStep": last}, statistics


class _Logged:
    """What was logged under one key: its numbers in order, types, and the last value."""

    def __init__(self) -> None:
        self.numbers = np.zeros(0)
        self.counts: Counter[str] = Counter()
        self.last: Any = None

    @classmethod
    def of(cls, history: StoredHistory, key: KeyPath) -> _Logged:
        """Read one key of a history."""
        found = cls()
        values, there = history.numbers(key)
        last_row, last_token = -1, ""
        for first, texts in history.texts(key):
            for place, token in enumerate(texts.to_pylist(), first):
                if token is None:
                    continue
                last_row, last_token = place, token
                kind = _TYPES.get(token[0], "number")
                if kind != "number" or not there[place]:
                    found.counts[kind] += 1
                if kind == "boolean":
                    there[place] = False  # beside numbers a truth value is one of them, too
        rows = np.flatnonzero(there)
        found.numbers = values[there]
        if rows.size:
            found.counts["number"] += int(rows.size)
        if rows.size and rows[-1] > last_row:
            found.last = _plain(float(values[rows[-1]]))
        elif last_row >= 0:
            found.last = json.loads(strict_token(last_token))
        return found


def _statistics(values: np.ndarray) -> dict[str, Any]:
    if not values.size:
        nothing = dict.fromkeys(("mean", "std", "min", "25%", "50%", "75%", "max"))
        return {"count": 0, **nothing}
    with np.errstate(over="ignore", invalid="ignore"):
        quartiles = np.percentile(values, [25, 50, 75])
        found = {
            "mean": values.mean(),
            "std": values.std(ddof=1) if values.size > 1 else math.nan,
            "min": values.min(),
            "25%": quartiles[0],
            "50%": quartiles[1],
            "75%": quartiles[2],
            "max": values.max(),
        }
    numbers = {name: float(n) if math.isfinite(n) else None for name, n in found.items()}
    return {"count": int(values.size), **numbers}


def _plain(value: float) -> Any:
    if math.isfinite(value):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
