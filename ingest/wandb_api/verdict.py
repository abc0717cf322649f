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
    holes = bool(seen.missing_inside or (seen.first or 0) > 0)
    # A second copy of a row is none of those that the service counts.
    if expected is not None and seen.rows - (seen.copies if holes else 0) < expected:
        if holes:
            return Certificate("sampled", f"{evidence}: rows between are missing", "yes", expected)
        return Certificate("unknown", f"{evidence}, though no step is missing", "no", expected)
    if any(not stored for *_, stored in seen.short):
        return Certificate("truncated", evidence, "no", expected)
    doubt = _doubt(facts, seen)
    if doubt:
        return Certificate("unknown", f"{evidence}; {doubt}", "no", expected)
    return Certificate("complete", evidence, "no", expected if expected is not None else seen.rows)


def _doubt(facts: RunFacts, seen: Seen) -> str:
    """Return why nothing proves that all is there, in words, and that nothing else is."""
    expected, last = facts.expected_rows, _last_named(facts, seen)
    if facts.ended is Ended.UNKNOWN:
        return f"the run's state is {facts.state or 'not told'}"
    if seen.short:
        return "some values are missing, or are counted otherwise"
    if expected is None and last < 0 and facts.last_step is None:
        return "the service does not say either which step is the last"
    if expected is None and (seen.first or seen.missing_inside):
        return "the service does not count its rows"
    if expected is not None and seen.distinct > expected:
        return "some may be of what the run was before it was rewound"
    if expected != seen.rows and seen.last is not None and seen.last > last:
        return "what is beyond may be of what the run was before it was rewound"
    return ""


def _last_named(facts: RunFacts, seen: Seen) -> int:
    """Return the last step that the service names, for the history or in the summary; -1: none."""
    named = (facts.last_step, seen.summary_step)
    return max((step for step in named if step is not None), default=-1)


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
        if last >= 0:
            yield f"the {'summary' if of_summary else 'service'}'s last step is {last}"
    if expected is None or seen.rows >= expected:  # else it is no news
        yield from _short(seen)
    yield from _summary(seen)
    if facts.state == "crashed":
        yield "W&B calls it crashed, which is a heartbeat lost: a run that goes on later has more"


def _short(seen: Seen) -> Iterator[str]:
    for key, count, stored in seen.short[:_SHOWN]:
        yield f"of {key} the service counts {count} values, {stored or 'none'} of them are here"
    if len(seen.short) > _SHOWN:
        yield f"so it is with {len(seen.short) - _SHOWN} more keys"


def _summary(seen: Seen) -> Iterator[str]:
    short = {key for key, *_ in seen.short}
    differing = [key for key in seen.differing if key not in short]
    compared = seen.agreeing + len(differing)
    if compared and not differing:
        yield f"all {compared} numbers of the summary equal the last logged ones"
    elif compared:
        names = ", ".join(differing[:_SHOWN]) + (", …" if len(differing) > _SHOWN else "")
        yield (
            f"{len(differing)} of {compared} numbers of the summary are not the last logged "
            f"ones ({names}): a best value of define_metric, or set by hand"
        )
