"""The rules of ``dakota-wh check``: one ``.sql`` file each in ``checks/``.

A file is one SELECT over the views under a header that describes it:

    -- dead: a metric that matters was always 0
    -- note: anything else that a reader must know              (any number)
    -- parameter least_samples 10: what it is                   (a threshold with its default)
    -- says: {metric} is 0 at all {samples} steps               (what a person reads)
    -- evidence: SELECT … WHERE run_id = {run_id}               (the query that shows it)

The SELECT gives a row per finding: ``run_id``, ``severity`` (info, warning or error; NULL for
none), ``metric``, and the numbers. ``$least_samples`` is the parameter; ``{…}`` stand for columns.
A column ``words`` is a part of the sentence that depends on the numbers, and is none of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from dakota_wh.errors import UsageProblem, WarehouseError

FOLDER: Final = Path(__file__).parent / "checks"

#: From the least to the most severe.
SEVERITIES: Final = ("info", "warning", "error")
#: The rule that is asked only about metrics that somebody requires, and its parameter.
REQUIRED: Final = "required_nonzero"

_ENTRY: Final = re.compile(r"-- (?P<label>[^\s:][^:]*): (?P<text>.*)")
_PARAMETER: Final = re.compile(r"parameter (?P<name>[a-z][a-z0-9_]*) (?P<default>\S+)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A threshold of a rule: a number, or a text where its default is none."""

    name: str
    default: float | str
    description: str


@dataclass(frozen=True, slots=True)
class Check:
    """One rule."""

    name: str
    description: str
    says: str
    evidence: str
    sql: str = field(repr=False)
    notes: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()


def parse_check(name: str, text: str) -> Check:
    """Return the rule of that name that a file holds.

    Raises:
        WarehouseError: its header is not as above.
    """
    lines = text.splitlines()
    end = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    entries = [_entry(name, line) for line in lines[:end]]
    single = dict(entries)
    if not {name, "says", "evidence"} <= single.keys():
        raise WarehouseError(
            f"The rule {name} needs '-- {name}: …', '-- says: …', '-- evidence: …'"
        )
    return Check(
        name=name,
        description=single[name],
        says=single["says"],
        evidence=single["evidence"],
        sql="\n".join(lines[end:]).strip(),
        notes=tuple(text for label, text in entries if label == "note"),
        parameters=tuple(_parameter(name, *e) for e in entries if e[0].startswith("parameter ")),
    )


def _entry(name: str, line: str) -> tuple[str, str]:
    match = _ENTRY.fullmatch(line)
    if match is None:
        raise WarehouseError(f"The rule {name} has a header line without a label: {line!r}.")
    return match["label"], match["text"]


def _parameter(name: str, label: str, description: str) -> Parameter:
    match = _PARAMETER.fullmatch(label)
    if match is None:
        raise WarehouseError(f"The rule {name}: '{label}' must be 'parameter NAME DEFAULT'.")
    return Parameter(match["name"], _number(match["default"]), description)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


@cache
def all_checks() -> tuple[Check, ...]:
    """Return every rule, sorted by name."""
    files = sorted(FOLDER.glob("*.sql"))
    return tuple(parse_check(f.stem, f.read_text(encoding="utf-8")) for f in files)


def thresholds(given: Mapping[str, float]) -> dict[str, dict[str, float | str]]:
    """Return the parameters of every rule, with those that are ``given`` as ``rule.parameter``.

    Raises:
        UsageProblem: there is no such rule or parameter, or it cannot have that value.
    """
    values = {c.name: {p.name: p.default for p in c.parameters} for c in all_checks()}
    for name, value in given.items():
        rule, _, parameter = name.partition(".")
        if not isinstance(values.get(rule, {}).get(parameter), float):
            raise UsageProblem(
                f"There is no threshold {name!r}.", hint="All of them: dakota-wh check --rules"
            )
        if not math.isfinite(value) or value < 0:
            raise UsageProblem(
                f"The threshold {name} cannot be {value:g}.",
                hint="Give a number from 0 on (1e9 silences a rule): dakota-wh check --rules",
            )
        values[rule][parameter] = value
    return values


def at_or_above(severity: str) -> frozenset[str]:
    """Return the severities from this one on.

    Raises:
        UsageProblem: it is none.
    """
    if severity not in SEVERITIES:
        raise UsageProblem(
            f"There is no severity {severity!r}.", hint=f"Severities: {', '.join(SEVERITIES)}"
        )
    return frozenset(SEVERITIES[SEVERITIES.index(severity) :])


def relations_of(checks: Iterable[Check]) -> str:
    """Return the text of the rules, in which the relations they read are named."""
    return "\n".join(check.sql for check in checks)
