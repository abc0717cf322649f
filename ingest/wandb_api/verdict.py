"""The certificate of a run that the service gave: what it says there is against what is stored.

The service names a number of rows (``historyLineCount``), a last step and a summary; what exactly
it counts is written nowhere, so a difference that loses no step is told and not called a loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dakota_wh.ingest.certificate import Certificate, Seen
from dakota_wh.ingest.source import Ended, RunFacts

_SHOWN: Final = 5


def certify_service(facts: RunFacts, seen: Seen) -> Certificate:
    """Return the certificate of a run as the service gave it."""
    expected = facts.expected_rows
    evidence = "; ".join([_extent(seen), *_differences(facts, seen)])
    if facts.sampled is not None:
        text = f"{evidence}; only {facts.sampled} samples were asked for (--max-samples)"
        return Certificate("sampled", text, "yes", expected)
    if facts.ended is Ended.OPEN:
        return Certificate("growing", f"{evidence}; the run is {facts.state}", "no", expected)
    last_missing = _last_named(facts, seen) > (-1 if seen.last is None else seen.last)
    if last_missing or (seen.rows == 0 and expected):
        return Certificate("truncated", evidence, "no", expected)
    if expected is not None and seen.rows < expected:
        if seen.missing_inside or (seen.first or 0) > 0:
            return Certificate("sampled", f"{evidence}: rows between are missing", "yes", expected)
        return Certificate("unknown", f"{evidence}, though no step is missing", "no", expected)
    if facts.ended is Ended.UNKNOWN:
        state = facts.state or "not told"
        return Certificate("unknown", f"{evidence}; the run's state is {state}", "no", expected)
    if expected is None and not _without_holes(facts, seen):
        text = f"{evidence}; the service does not count its rows"
        return Certificate("unknown", text, "unknown")
    return Certificate("complete", evidence, "no", expected if expected is not None else seen.rows)


def _last_named(facts: RunFacts, seen: Seen) -> int:
    """Return the last step that the service names, for the history or in the summary; -1: none."""
    named = (facts.last_step, seen.summary_step)
    return max((step for step in named if step is not None), default=-1)


def _without_holes(facts: RunFacts, seen: Seen) -> bool:
    if not seen.rows:
        return _last_named(facts, seen) < 0
    return seen.first == 0 and not seen.missing_inside


def _extent(seen: Seen) -> str:
    if not seen.rows:
        return "no rows"
    text = f"{seen.rows} rows, _step {seen.first}-{seen.last}"
    if seen.missing_inside:
        text += f" with {seen.missing_inside} never logged or missing"
    doubled = seen.rows - seen.distinct
    return text + (f", {doubled} of them a second row of their step" if doubled else "")


def _differences(facts: RunFacts, seen: Seen) -> Iterator[str]:
    """Yield what the service says, and how that and the summary differ from what is stored."""
    expected = facts.expected_rows
    if expected is None:
        yield "the service counts no rows"
    elif expected == seen.rows:
        yield f"all {expected} that the service counts" if expected else "the service counts none"
    elif expected == seen.distinct:
        yield f"the service counts {expected}, a row a step"
    else:
        yield f"the service counts {expected}"
    last = _last_named(facts, seen)
    if last != (-1 if seen.last is None else seen.last):
        of_summary = last != facts.last_step
        yield f"the {'summary' if of_summary else 'service'}'s last step is {last}"
    yield from _summary(seen)


def _summary(seen: Seen) -> Iterator[str]:
    compared = seen.agreeing + len(seen.differing)
    if compared and not seen.differing:
        yield f"all {compared} numbers of the summary equal the last logged ones"
    elif compared:
        names = ", ".join(seen.differing[:_SHOWN]) + (", …" if len(seen.differing) > _SHOWN else "")
        yield (
            f"{len(seen.differing)} of {compared} numbers of the summary are not the last logged "
            f"ones ({names}): a best value of define_metric, or set by hand"
        )
