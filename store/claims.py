"""Who publishes a run's next generation: the one whose conditional write of its claim went through.

A claim is a small object per (run, generation) that is created only if there is none
(``If-None-Match: *``, RFC 9110 section 13.1.2). It says on which generation its writer builds. The
order of two steps makes it safe without clocks or leases, given that a store lists what was
written before (Amazon S3 does since December 2020):

    a writer      claims n · lists the rows · writes row n · lists rows and claims
    a later one                claims m > n · lists the rows · …

Whichever of the two lists last sees the other. If the later one sees row n it has not built on, it
starts over; if the first sees a claim m > n that builds on less than n, it publishes again, on top.
So a writer that died after its claim blocks nobody, and one that was only slow loses nothing.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from dakota_wh.store import keys
from dakota_wh.store.objects import Objects, together
from dakota_wh.store.trouble import Vanished

#: After this a claim without a row is its writer's who died: between the two lie a listing and
#: a write. Only a removal asks; see :func:`pending`.
_DEAD: Final = timedelta(minutes=10)
_NAME: Final = re.compile(r".*/([0-9]{8,})\.json")


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim, as its object's key tells."""

    number: int
    key: str
    modified: datetime | None = None


def claims_of(objects: Objects, run_id: str) -> list[Claim]:
    """Return the claims of a run, ascending."""
    listed = objects.listed(keys.claims_folder(run_id))
    found = [
        Claim(int(match[1]), key, entry.modified)
        for key, entry in listed.items()
        if (match := _NAME.fullmatch(key))
    ]
    return sorted(found, key=lambda claim: claim.number)


def take(
    objects: Objects, run_id: str, base: int, known: list[Claim], *, least: int = 1
) -> Claim | None:
    """Claim the generation after all that are known; None if another one was quicker.

    Args:
        objects: the store.
        run_id: the run.
        base: the generation that the new one builds on; 0 for none.
        known: the run's claims.
        least: the lowest generation that will do.
    """
    number = max([base + 1, least, *(claim.number + 1 for claim in known)])
    key = f"{keys.claims_folder(run_id)}/{number:08d}.json"
    said = json.dumps({"base": base, "token": secrets.token_hex(16)})
    return Claim(number, key) if objects.create(key, said.encode()) else None


def overtaken(objects: Objects, mine: Claim, claims: list[Claim]) -> bool:
    """Return whether somebody claimed a later generation and does not build on mine."""
    later = [claim for claim in claims if claim.number > mine.number]
    bases = together(partial(_base, objects), later)
    return bool(later) and (min(bases) < mine.number or mine.number not in bases)


def pending(mine: Claim, claims: list[Claim], rows: list[str]) -> bool:
    """Return whether somebody who claimed before or after me may still be about to write a row."""
    written = {keys.order_of(row)[0] for row in rows}
    now = next((claim.modified for claim in claims if claim.number == mine.number), None)
    return any(
        claim.number != mine.number
        and claim.number not in written
        and (
            claim.number > mine.number
            or now is None
            or claim.modified is None
            or now - claim.modified < _DEAD
        )
        for claim in claims
    )


def _base(objects: Objects, claim: Claim) -> int:
    try:
        return int(json.loads(objects.read(claim.key))["base"])
    except (Vanished, ValueError, KeyError):
        return 0  # withdrawn meanwhile, or nothing of ours: as if it had not seen mine
