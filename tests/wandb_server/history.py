"""What is served of a run's history: windows, samples, counts by key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from .exact import Row, Token, json_text
from .model import ServedRun
from .parquet import SPECIAL

Item = TypeVar("Item")
KINDS = {bool: "boolean", int: "number", float: "number", type(None): "nil"}


def sampled(items: Sequence[Item], samples: int) -> list[Item]:
    """Return at most so many items, evenly spread, the first and the last among them."""
    if len(items) <= samples:
        return list(items)
    if samples <= 1:
        return list(items[:samples])
    return [items[round(i * (len(items) - 1) / (samples - 1))] for i in range(samples)]


def history(run: ServedRun, arguments: Mapping[str, Any], cap: int | None) -> list[str]:
    """Return rows as JSON texts: the first of a window up to the limit, or a sample of all."""
    low, high = arguments.get("minStep"), arguments.get("maxStep")
    samples = arguments.get("samples")
    limit = 500 if samples is None else samples
    texts = run.texts()
    if low is None and high is None:
        return sampled(texts, limit)
    most = limit if cap is None else min(limit, cap)
    positions = run.window(low or 0, 2**63 if high is None else high)
    return [texts[position] for position in positions[:most]]


def events(run: ServedRun, arguments: Mapping[str, Any], cap: int | None) -> list[str]:
    """Return a sample of the system metrics as JSON texts."""
    samples = arguments.get("samples") or 500
    return [json_text(row) for row in sampled(run.events, min(samples, cap or samples))]


def sampled_history(run: ServedRun, arguments: Mapping[str, Any]) -> list[list[Row]]:
    """Return, for each spec, the rows that have all its keys, with those keys only."""
    found = []
    for text in arguments["specs"]:
        spec = json.loads(text)
        keys, low, high = spec["keys"], spec.get("minStep"), spec.get("maxStep")
        if low is None and high is None:
            rows = run.rows
        else:  # unlike in ``history``, the client counts maxStep in
            positions = run.window(low or 0, 2**63 if high is None else high + 1)
            rows = [run.rows[position] for position in positions]
        rows = [row for row in rows if all(key in row for key in keys)]
        found.append(
            [{key: row[key] for key in keys} for row in sampled(rows, spec.get("samples", 500))]
        )
    return found


def live_data(run: ServedRun, keys: Sequence[str]) -> list[Row]:
    """Return the rows that are not exported, with the keys asked for, the step as a float."""
    found = []
    for position in run.window(run.first_named_live(), 2**63):
        row = run.rows[position]
        cells = {key: row[key] for key in keys if key in row}
        if "_step" in cells:
            cells["_step"] = float(cells["_step"])
        found.append(cells)
    return found


def history_keys(run: ServedRun) -> dict[str, Any]:
    """Return the server's count of values by key and type."""
    keys = run.remembered("keys", lambda: _counted(run.rows))
    found = {"sets": [], "keys": keys, "lastStep": run.last_step}
    return found | {name: run.claims[name] for name in found if name in run.claims}


def _counted(rows: Sequence[Row]) -> dict[str, Any]:
    counts: dict[str, dict[str, int]] = {}
    last: Row = {}
    for row in rows:
        for key, value in row.items():
            kind = KINDS.get(type(value)) or _kind(value)
            types = counts.setdefault(key, {})
            types[kind] = types.get(kind, 0) + 1
        last.update(row)
    return {
        key: {
            "typeCounts": [{"type": kind, "count": count} for kind, count in types.items()],
            "monotonic": False,
            "previousValue": last[key],
        }
        for key, types in counts.items()
    }


def _kind(value: Any) -> str:
    if isinstance(value, Token):
        return _kind(value.value)
    if isinstance(value, str):
        return "number" if value in SPECIAL else "string"
    if isinstance(value, dict):
        return str(value.get("_type", "map"))
    return KINDS.get(type(value), "list")


def warm(run: ServedRun) -> None:
    """Build what is served of the rows now, so that no request waits for it (for benchmarks)."""
    run.texts()
    run.window(0, 1)
    run.export_files()
    history_keys(run)
