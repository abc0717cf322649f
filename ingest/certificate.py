"""The completeness certificate: is this all of the run, and how do we know?

Verdicts: ``complete`` (proved by what the source says), ``growing`` (no end is recorded),
``sampled`` (rows between the first and the last are missing), ``truncated`` (rows at the end, or
damaged records, are missing), ``unknown`` (nothing proves it either way). A verdict always carries
its evidence with the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dakota_wh.ingest.source import MOST, Ended, KeyPath, RunFacts, Stated
from dakota_wh.warehouse.entries import leaves
from dakota_wh.warehouse.history import StoredHistory

#: Better verdicts have higher ranks: a worse copy of a run never replaces a better one unasked.
RANK: Final = {"sampled": 1, "truncated": 2, "unknown": 2, "growing": 3, "complete": 4}

#: Stands between the evidence of a run that was exported and that of its export.
_CARRIED: Final = "; so says the warehouse that exported the run: "

#: What ``run.history()`` returns when nobody asks for more.
_DEFAULT_SAMPLES: Final = 500


@dataclass(frozen=True, slots=True)
class Certificate:
    """The verdict on a stored run, the evidence in words, and the rows that there should be."""

    verdict: str
    evidence: str
    sampled: str  # yes, no, unknown
    expected_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the stored history itself says; steps here are W&B's own ``_step``."""

    rows: int
    distinct: int = 0
    first: int | None = None
    last: int | None = None
    summary_step: int | None = None
    segments: int = 1
    agreeing: int = 0  # numbers of the summary that equal the last stored one
    differing: tuple[str, ...] = ()  # the keys whose do not
    copies: int = 0  # rows with the step and the time of an earlier one
    short: tuple[tuple[str, int, int], ...] = ()  # key, values that there should be, values

    @property
    def missing_inside(self) -> int:
        """How many steps between the first and the last have no row."""
        if self.first is None or self.last is None:
            return 0
        return self.last - self.first + 1 - self.distinct


def look(
    history: StoredHistory, summary: Mapping[str, Any], key_counts: Mapping[str, int] | None = None
) -> Seen:
    """Return what a stored history says of its own completeness; see ``RunFacts.key_counts``."""
    found = history.integers(("_step",))
    every = _logged(*found) if found else np.zeros(0, np.int64)
    ascending = bool((every[1:] > every[:-1]).all())
    steps = every if ascending else np.unique(every)
    agreeing, differing = _compare(history, summary)
    claimed = summary.get("_step")
    return Seen(
        rows=history.rows,
        distinct=int(steps.size),
        first=int(steps[0]) if steps.size else None,
        last=int(steps[-1]) if steps.size else None,
        summary_step=whole(claimed),
        segments=history.segment_count(),
        agreeing=agreeing,
        differing=differing,
        copies=_copies(history, every) if steps.size < every.size else 0,
        short=tuple(_short_keys(history, key_counts or {})),
    )


def _logged(values: np.ndarray, logged: np.ndarray) -> np.ndarray:
    return values if logged.all() else values[logged]


def _copies(history: StoredHistory, steps: np.ndarray) -> int:
    """Return how many rows have the step and the time of another one, or no time at all."""
    times, _ = history.numbers(("_timestamp",))
    if times.size != steps.size:
        return 0  # some rows have no step
    return int(steps.size - np.unique(np.stack([steps.astype(float), times]), axis=1).shape[1])


def _short_keys(
    history: StoredHistory, key_counts: Mapping[str, int]
) -> Iterator[tuple[str, int, int]]:
    """Yield the keys under which fewer values are stored than there should be."""
    if not key_counts:
        return
    under: dict[str, list[KeyPath]] = {}
    for path in history.keys():  # noqa: SIM118 - no mapping
        for end in range(1, len(path) + 1):  # the service may count a dict, or what is in it
            under.setdefault(".".join(path[:end]), []).append(path)
    for key, count in sorted(key_counts.items()):
        paths = under.get(key) or under.get(key.replace("\\", ""), [])  # a\.b is the key "a.b"
        stored = history.count(paths) if count else 0
        if stored < count:
            yield key, count, stored


def whole(value: object) -> int | None:
    """Return a number that is whole, also where it is written as a float; else None.

    One beyond ``source.MOST`` is no count of anything.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    return int(value) if -MOST <= value <= MOST else None


def _compare(history: StoredHistory, summary: Mapping[str, Any]) -> tuple[int, tuple[str, ...]]:
    agreeing, differing = 0, []
    for path, value in leaves(summary):
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        last = history.last_number(path)
        if last is None:
            continue
        if _same(last, value):
            agreeing += 1
        else:
            differing.append(".".join(path))
    return agreeing, tuple(sorted(differing))


def _same(last: float, value: float) -> bool:
    try:
        said = float(value)  # an integer beyond 2**53 rounds, as the stored number did
    except OverflowError:
        return False
    return last == said or (math.isnan(last) and math.isnan(said))


def certify(facts: RunFacts, kind: str, seen: Seen) -> Certificate:
    """Return the certificate of a run from its source's facts and its stored history."""
    if kind == "wandb-log":
        return _certify_log(facts, seen)
    if facts.stated is not None:
        return _certify_stated(facts.stated, facts, seen)
    return _certify_export(facts, seen)


def _certify_stated(stated: Stated, facts: RunFacts, seen: Seen) -> Certificate:
    """Certify an export of ours: its own certificate counts where not a row is gone or added."""
    if stated.rows == seen.rows:
        text = stated.evidence
        if _CARRIED not in text:
            text = f"{text}{_CARRIED}all {stated.rows} rows of it are here"
        return Certificate(stated.completeness, text, stated.sampled, stated.expected_rows)
    if seen.rows < stated.rows:
        text = f"{seen.rows} rows of the {stated.rows} that the export says it has"
        return Certificate("truncated", text, "unknown", stated.expected_rows)
    found = _certify_export(facts, seen)
    text = f"{found.evidence}; the export says that it has {stated.rows} rows, and holds more"
    return Certificate("unknown", text, found.sampled, found.expected_rows)


def _certify_log(facts: RunFacts, seen: Seen) -> Certificate:
    if facts.skipped or facts.lost_records:
        ranges = "; ".join(f"{name} bytes {a}-{b}" for name, a, b in facts.skipped[:5])
        lost = f"{facts.lost_records} records lost" if facts.lost_records else "damaged bytes"
        return Certificate("truncated", f"{lost} in the log ({ranges or 'see warnings'})", "no")
    if facts.ended in (Ended.OPEN, Ended.UNKNOWN):
        torn = " in the middle of a record" if facts.torn else ""
        tail = ", ".join(f"bytes {a}-{b} of {name}" for name, a, b in facts.tail)
        broken = f"; {tail} are no whole record: not written yet, cut off or damaged" * bool(tail)
        return Certificate(
            "growing",
            f"the log ends{torn} at row {seen.rows} without an exit record: "
            f"the run still writes, or was killed{broken}",
            "no",
        )
    if facts.torn and seen.segments > 1:
        return Certificate(
            "truncated",
            f"one of the {seen.segments} logs ends in the middle of a record, "
            f"the last one with an exit record after {seen.rows} rows in all",
            "no",
        )
    return Certificate(
        "complete", f"the log ends with an exit record after {seen.rows} rows", "no", seen.rows
    )


def _certify_export(facts: RunFacts, seen: Seen) -> Certificate:
    if seen.rows == 0:
        if facts.expected_rows == 0:
            return Certificate("complete", "the source says that the run logged nothing", "no", 0)
        return Certificate("unknown", "the export holds no rows", "unknown", facts.expected_rows)
    found = _certify_rows(facts, seen)
    if facts.ended is Ended.OPEN and found.verdict != "sampled":
        text = f"{found.evidence}; the run was still running when exported"
        return Certificate("growing", text, "unknown")
    return found


def _certify_rows(facts: RunFacts, seen: Seen) -> Certificate:
    if seen.summary_step is None or seen.last is None:
        return _without_summary(facts, seen)
    if seen.last < seen.summary_step:
        return _short(seen)
    evidence = f"{_extent(seen)}{_agreement(seen)}"
    if facts.expected_rows is not None and seen.rows < facts.expected_rows:
        text = f"{seen.rows} rows of the {facts.expected_rows} that the service counts"
        return Certificate("sampled", text, "yes", facts.expected_rows)
    if seen.missing_inside == 0 and seen.first == 0 and seen.last == seen.summary_step:
        return Certificate("complete", evidence, "no", seen.rows)
    if facts.expected_rows == seen.rows:
        text = f"all {facts.expected_rows} rows that the service counts"
        return Certificate("complete", f"{text}{_agreement(seen)}", "no", facts.expected_rows)
    if seen.last > seen.summary_step:
        text = f"{evidence}: it is older than the rows, and does not say where they end"
        return Certificate("unknown", text, "unknown")
    if seen.differing and seen.missing_inside:
        return Certificate("sampled", evidence, "yes")
    which = "missing steps" if seen.missing_inside else f"steps before {seen.first}"
    return Certificate("unknown", f"{evidence}; the {which} may never have been logged", "unknown")


def _short(seen: Seen) -> Certificate:
    """Certify an export whose last row is before the summary's last step."""
    expected = None if seen.summary_step is None else seen.summary_step + 1
    evidence = f"{_extent(seen)}{_agreement(seen)}"
    if seen.missing_inside == 0:
        return Certificate("truncated", evidence, "unknown", expected)
    if seen.rows == _DEFAULT_SAMPLES:
        evidence += f"; {_DEFAULT_SAMPLES} rows are what run.history() samples by default"
    return Certificate("sampled", evidence, "yes", expected)


def _without_summary(facts: RunFacts, seen: Seen) -> Certificate:
    if facts.expected_rows is not None and seen.rows != facts.expected_rows:
        text = f"{seen.rows} rows of the {facts.expected_rows} that the service counts"
        return Certificate("sampled", text, "yes", facts.expected_rows)
    if facts.expected_rows is not None:
        text = f"all {facts.expected_rows} rows that the service counts"
        return Certificate("complete", text, "no", facts.expected_rows)
    text = f"{_extent(seen)}; there is no summary with a _step to compare with"
    if seen.rows == _DEFAULT_SAMPLES and seen.missing_inside:
        text += f"; {_DEFAULT_SAMPLES} rows are what run.history() samples by default"
        return Certificate("sampled", text, "yes")
    return Certificate("unknown", text, "unknown")


def _extent(seen: Seen) -> str:
    text = f"{seen.rows} rows, _step {seen.first}-{seen.last} with {seen.missing_inside} missing"
    if seen.summary_step is not None:
        text += f", the summary's last is {seen.summary_step}"
    return text


def _agreement(seen: Seen) -> str:
    compared = seen.agreeing + len(seen.differing)
    if not compared:
        return ""
    if not seen.differing:
        return f"; all {compared} numbers of the summary equal the last logged ones"
    return f"; {len(seen.differing)} of {compared} numbers of the summary are not the last stored"
