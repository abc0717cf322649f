"""The filters and orders of a listing of runs, in the language of MongoDB as W&B takes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .graphql import GraphQLProblem
from .model import ServedRun

MISSING = object()

FIELDS: Mapping[str, Callable[[ServedRun], Any]] = {
    "name": lambda run: run.id,
    "display_name": lambda run: run.name,
    "displayName": lambda run: run.name,
    "state": lambda run: run.state,
    "group": lambda run: run.group,
    "job_type": lambda run: run.job_type,
    "jobType": lambda run: run.job_type,
    "tags": lambda run: run.tags,
    "sweep": lambda run: run.sweep,
    "username": lambda run: run.username,
    "created_at": lambda run: run.created_at,
    "createdAt": lambda run: run.created_at,
    "heartbeat_at": lambda run: run.heartbeat_at,
    "heartbeatAt": lambda run: run.heartbeat_at,
}


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(value: Any, wanted: Any) -> bool:
        if value is MISSING or value is None:
            return False
        if isinstance(value, str) != isinstance(wanted, str):
            return False
        if isinstance(value, str):  # W&B takes times with and without the Z
            value, wanted = value.rstrip("Z"), wanted.rstrip("Z")
        return compare(value, wanted)

    return holds


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, list) and not isinstance(wanted, list):
        return wanted in value
    return bool(value == wanted) or (wanted is None and value is MISSING)


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": _equal,
    "$ne": lambda value, wanted: not _equal(value, wanted),
    "$in": lambda value, wanted: any(_equal(value, one) for one in wanted),
    "$nin": lambda value, wanted: not any(_equal(value, one) for one in wanted),
    "$gt": _ordered(lambda value, wanted: bool(value > wanted)),
    "$gte": _ordered(lambda value, wanted: bool(value >= wanted)),
    "$lt": _ordered(lambda value, wanted: bool(value < wanted)),
    "$lte": _ordered(lambda value, wanted: bool(value <= wanted)),
    "$exists": lambda value, wanted: (value is not MISSING) == bool(wanted),
    "$regex": lambda value, wanted: isinstance(value, str) and bool(re.search(wanted, value)),
}


def matches(run: ServedRun, wanted: Any) -> bool:
    """Return whether a filter holds for a run."""
    for name, condition in (wanted or {}).items():
        if name == "$and":
            holds = all(matches(run, one) for one in condition)
        elif name == "$or":
            holds = any(matches(run, one) for one in condition)
        elif name == "$nor":
            holds = not any(matches(run, one) for one in condition)
        elif name.startswith("$"):
            raise GraphQLProblem(f"unknown filter operator {name}")
        else:
            holds = _fits(_value(run, name), condition)
        if not holds:
            return False
    return True


def ordered(runs: list[ServedRun], order: str | None) -> list[ServedRun]:
    """Return the runs in an order such as ``-created_at``; runs without the value come last."""
    order = order or "+created_at"
    name = order.lstrip("+-")
    valued = [(run, _value(run, name)) for run in runs]
    known = [pair for pair in valued if pair[1] is not MISSING and pair[1] is not None]
    known.sort(key=lambda pair: pair[1], reverse=order.startswith("-"))
    rest = [run for run, value in valued if value is MISSING or value is None]
    return [run for run, _ in known] + rest


def _fits(value: Any, condition: Any) -> bool:
    if not isinstance(condition, dict) or not any(name.startswith("$") for name in condition):
        return _equal(value, condition)
    for name, wanted in condition.items():
        if name == "$not":
            if _fits(value, wanted):
                return False
        elif name not in OPERATORS:
            raise GraphQLProblem(f"unknown filter operator {name}")
        elif not OPERATORS[name](value, wanted):
            return False
    return True


def _value(run: ServedRun, name: str) -> Any:
    if name in FIELDS:
        return FIELDS[name](run)
    place, _, key = name.partition(".")
    if place not in ("config", "summary_metrics", "summaryMetrics") or not key:
        raise GraphQLProblem(f"unknown filter field {name}")
    if place == "config":
        return _inside(run.config, key.removesuffix(".value"))
    return _inside(run.summary, key)


def _inside(tree: Any, key: str) -> Any:
    if not isinstance(tree, dict):
        return MISSING
    if key in tree:
        return tree[key]
    head, dot, rest = key.partition(".")
    return _inside(tree[head], rest) if dot and head in tree else MISSING
