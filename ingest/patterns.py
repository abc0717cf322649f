"""The tables of name patterns that give logged metrics their meaning: data, not code."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent
_FILES: Final = ("role_patterns.csv", "metric_kinds.csv", "frameworks.csv", "step_axes.csv")

#: The framework whose patterns every run falls back on.
ANY: Final = "any"
#: Those that are asked last, for kinds that nothing else gave: any name with reward or score in it.
ELSE: Final = "else"


@dataclass(frozen=True, slots=True)
class Kind:
    """A canonical metric that a name stands for; rank 1 is the run's own of that kind."""

    kind: str
    rank: int
    #: -1 where what is logged is the negative of the kind, as a loss term is of an entropy.
    sign: int = 1


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _writers() -> list[tuple[str, re.Pattern[str]]]:
    return [(row["writer"], re.compile(row["pattern"])) for row in _rows("role_patterns.csv")]


@cache
def _frameworks() -> list[tuple[str, re.Pattern[str]]]:
    return [(row["framework"], re.compile(row["pattern"])) for row in _rows("frameworks.csv")]


#: Of a hundred patterns of kinds a run needs those of one framework.
_compiled = cache(re.compile)


@dataclass(frozen=True, slots=True)
class _KindRow:
    framework: str
    kind: str
    pattern: str
    unless: str | None  # a metric beside which the name means something else
    sign: int


@cache
def _kinds() -> list[_KindRow]:
    return [
        _KindRow(
            row["framework"],
            row["kind"],
            row["pattern"],
            row["unless"] or None,
            int(row["sign"] or 1),
        )
        for row in _rows("metric_kinds.csv")
    ]


@cache
def _axes() -> list[tuple[str, str, re.Pattern[str]]]:
    return [
        (row["framework"], row["axis"], re.compile(row["pattern"]))
        for row in _rows("step_axes.csv")
    ]


@cache
def fingerprint() -> str:
    """Return a hash of the pattern tables: when it changes, stored meaning is out of date."""
    digest = hashlib.blake2b(digest_size=8)
    for name in _FILES:
        digest.update((_FOLDER / name).read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def families(metrics: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return, for each prime-rl writer, the families of keys found: pattern -> one such key."""
    found: dict[str, dict[str, str]] = {"orchestrator": {}, "trainer": {}}
    for metric in metrics:
        for writer, pattern in _writers():
            if pattern.pattern not in found[writer] and pattern.search(metric):
                found[writer][pattern.pattern] = metric
    return found


def names_a_reward(metric: str) -> bool:
    """Return whether a metric is a reward metric by its name: reward or score, in any case."""
    return "reward" in metric.lower() or "score" in metric.lower()


def writer(metric: str) -> str | None:
    """Return which of prime-rl's two processes logs a metric, None if its name does not tell."""
    matching = {who for who, pattern in _writers() if pattern.search(metric)}
    return matching.pop() if len(matching) == 1 else None


def framework(metrics: Iterable[str]) -> str | None:
    """Return the training framework whose own keys are among the metrics, None if none is."""
    names = list(metrics)
    for name, pattern in _frameworks():
        if any(pattern.search(metric) for metric in names):
            return name
    return None


def axes(framework: str | None) -> list[tuple[str, re.Pattern[str]]]:
    """Return the step axes of a framework that has several: key of the axis, metrics on it.

    The first one is the run's own; ``_timestamp`` is that of metrics which have no step.
    """
    return [(axis, pattern) for whose, axis, pattern in _axes() if whose == framework]


def kinds(metrics: Iterable[str]) -> dict[str, Kind]:
    """Return the canonical kind of each metric that has one.

    The patterns of the run's framework come first, in the order of their table, then those for
    any, then those for else; within one pattern, names in alphabetical order. Ranks count from 1
    within a kind.
    """
    names = sorted(metrics)
    own = framework(names)
    found: dict[str, Kind] = {}
    ranks: dict[str, int] = {}
    for asked in (own, ANY, ELSE):
        missing = {row.kind for row in _kinds() if asked != ELSE or row.kind not in ranks}
        for row in _kinds():
            if row.framework != asked or row.kind not in missing or row.unless in names:
                continue
            for metric in names:
                if metric not in found and _compiled(row.pattern).search(metric):
                    ranks[row.kind] = ranks.get(row.kind, 0) + 1
                    found[metric] = Kind(row.kind, ranks[row.kind], row.sign)
    return found
