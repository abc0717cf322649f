"""Updates and removals, as summary and config records hold them, applied to a nested dict.

Source: ``SummaryRecord`` and ``ConfigRecord`` of ``wandb_internal.proto``: ``update`` = 1 and
``remove`` = 2, lists of items with ``key`` or ``nested_key`` and ``value_json``. Updates come
before removals. Applied in order to nothing they give the state of the run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from dakota_wh.ingest.exports.tokens import clean_facts

from . import wire
from .columns import by_key, slices
from .trees import Path, Tree, plant, uproot
from .values import item_key
from .walk import Walked, enough, walk

#: W&B's own bookkeeping in config and summary; it is not the user's and never kept.
BOOKKEEPING: Final = "_wandb"

#: Summary records that wait at most.
BATCH_RECORDS: Final = 4096

#: How an item begins whose first part of ``nested_key`` is that.
_BOOKKEEPING_ITEM: Final = b"\x12\x06" + BOOKKEEPING.encode()

_UPDATE, _REMOVE = 1, 2


class Change(NamedTuple):
    """One update or removal; changes sort in the order in which they are to be applied."""

    row: int  # which record
    remove: bool  # removals of a record come after its updates
    at: int
    path: Path
    raw: bytes | str | None  # the new value as JSON text; None in a removal


def changes(body: bytes, row: int = 0, at: int = 0) -> list[Change]:
    """Decode a record, or the end of one, item by item.

    Raises:
        BadRecordError: it cannot be decoded.
    """
    result = []
    for position, (number, value) in enumerate(wire.fields(body), at):
        if number in (_UPDATE, _REMOVE):
            path, raw, typed = item_key(wire.bytes_of(value))
            if number == _REMOVE:
                result.append(Change(row, True, position, path, None))
            elif raw or typed is not None:
                result.append(Change(row, False, position, path, raw if typed is None else typed))
    return result


@dataclass(slots=True)
class Waiting:
    """Summary records that wait to be decoded together."""

    bodies: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, body: bytes) -> bool:
        """Take one; True when they are enough."""
        self.bodies.append(body)
        self.size += len(body)
        return len(self.bodies) >= BATCH_RECORDS or enough(len(self.bodies), self.size)

    def settled(self) -> tuple[list[Change], int] | None:
        """Return what :func:`last_changes` finds in them, None where none wait; begin anew."""
        bodies, self.bodies, self.size = self.bodies, [], 0
        return last_changes(bodies) if bodies else None


def last_changes(bodies: Sequence[bytes]) -> tuple[list[Change], int]:
    """Decode many records, leaving out updates of plain keys that a later one replaces.

    Also return how many records were left out because they cannot be decoded.
    """
    walked = walk(bodies)
    result: list[Change] = []
    bad: set[int] = set()
    for row, start, end in walked.odd:
        if walked.blob.startswith(_BOOKKEEPING_ITEM, start):
            continue  # one a step, `_wandb.runtime`
        try:
            path, raw, typed = item_key(walked.blob[start:end])
            if raw or typed is not None:
                result.append(Change(row, False, start, path, raw if typed is None else typed))
        except wire.BadRecordError:
            bad.add(row)
    for row, start, end in walked.rest.spans():
        try:
            result += changes(walked.blob[start:end], row, start)
        except wire.BadRecordError:
            bad.add(row)
    if bad:
        good = [body for index, body in enumerate(bodies) if index not in bad]
        return last_changes(good)[0], len(bad)
    return result + _last_plain(walked), 0


def _last_plain(walked: Walked) -> list[Change]:
    """Return the last update of each plain key among those that the walk has found."""
    result = []
    for spans, typed in ((walked.json, False), (walked.numbers, True)):
        for name, places in by_key(slices(walked.blob, spans)):
            last = int(places[-1])
            row, at, start, stop = (
                int(part[last]) for part in (spans.row, spans.key, spans.value, spans.stop)
            )
            raw: bytes | str = walked.blob[start:stop]
            if typed:
                raw = json.dumps(wire.double(walked.blob[start:stop]))
            result.append(Change(row, False, at, (name,), raw))
    return result


def apply(tree: Tree, found: Iterable[Change]) -> None:
    """Make the changes in ``tree``, in their order. Changes of the bookkeeping key are left out."""
    for change in sorted(found, key=lambda change: change[:3]):
        if change.path[0] == BOOKKEEPING:
            continue
        if change.raw is None:
            uproot(tree, change.path)
        else:
            plant(tree, change.path, value_of(change.raw))


def value_of(raw: bytes | str) -> Any:
    """Return the value of a JSON text; one that is no JSON, or nested without end, stays text."""
    text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
    try:
        return clean_facts(json.loads(text))
    except (ValueError, RecursionError):
        return text
