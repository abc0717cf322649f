"""A run's new state goes to the store: its parts, its claim, and last its row, one write."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Final

from dakota_wh.errors import NotAWarehouse, WarehouseError
from dakota_wh.store import claims, keys, listing
from dakota_wh.store.claims import Claim
from dakota_wh.store.mirror import Mirror
from dakota_wh.store.objects import Objects, together
from dakota_wh.store.trouble import Vanished
from dakota_wh.warehouse.run_row import RunRow, named_files, newest, read_row, write_row

#: A part that no row names may be a writer's who is about to publish it; after so long he is dead.
_ORPHAN: Final = timedelta(days=1)
#: A run that was published this recently is not looked through for such parts: ``watch``.
_RECENT: Final = timedelta(hours=1)


class Outcome(Enum):
    """What became of a publication."""

    DONE = "readers see it"
    LOST = "another state was published first; nothing of this one is to be seen"
    OVERTAKEN = "it was to be seen, and another one came over it that does not hold it"


def publish(mirror: Mirror, place: Path, run_id: str, base: RunRow | None) -> Outcome:
    """Publish the run as it is in a local folder.

    Args:
        mirror: of the store.
        place: the folder of a warehouse with the run.
        run_id: the run.
        base: the store's row that the new state builds on.

    Raises:
        WarehouseError: the store fails. Then it has the state before or, where only the answer to
            the last write was lost, the new one.
    """
    objects = mirror.objects
    row = newest(place, run_id)
    if row is None:
        raise WarehouseError(f"Run {run_id} is not there to be published.")
    before = _keys_of(base)
    fresh = sorted(key for key in _keys_of(row) if key not in before)
    together(lambda key: objects.upload(place / key, key), fresh)
    known = claims.claims_of(objects, run_id)
    mine = claims.take(objects, run_id, 0 if base is None else base.generation, known)
    if mine is None or _rows(objects, run_id)[-1:] != _row_of(base):
        with suppress(WarehouseError):
            objects.delete([*([] if mine is None else [mine.key]), *fresh])
        return Outcome.LOST
    row.generation, row.publication = mine.number, secrets.randbits(62)
    written = write_row(place, row)
    key = keys.row_key(row)
    objects.put(key, written.read_bytes())
    mirror.changed()
    after = claims.claims_of(objects, run_id)
    rows = _rows(objects, run_id)
    if not _stands(objects, mine, after, key, base, rows):
        return Outcome.OVERTAKEN
    for one in (*fresh, key):
        mirror.adopt(place / one, one)
    with suppress(WarehouseError, Vanished):
        _clean(objects, row, base, rows, after)
    return Outcome.DONE


def _stands(
    objects: Objects,
    mine: Claim,
    after: list[Claim],
    key: str,
    base: RunRow | None,
    rows: list[str],
) -> bool:
    """Return whether what was just written is the run, or what the later states build on."""
    if any(claim.number > mine.number for claim in after):
        return not claims.overtaken(objects, mine, after)
    # The base may have been removed under it, parts and all.
    return rows[-1:] == [key] and {*_row_of(base)} <= {*rows}


def publish_copy(objects: Objects, row: RunRow, content: bytes, base: str | None) -> bool:
    """Publish a copy of another place's row, whose parts are here; see ``ends.End.publish``.

    It keeps its generation and bytes, unless a later one has been claimed here: then it gets the
    next. Its publication stays, by which it is known as the same.
    """
    generation = 0 if base is None else keys.order_of(base)[0]
    known = claims.claims_of(objects, row.run_id)
    mine = claims.take(objects, row.run_id, generation, known, least=row.generation)
    if mine is None or _rows(objects, row.run_id)[-1:] != ([] if base is None else [base]):
        with suppress(WarehouseError):
            objects.delete([] if mine is None else [mine.key])
        return False
    if mine.number != row.generation:
        row.generation = mine.number
        with tempfile.TemporaryDirectory(prefix="dakota-wh-sync-") as place:
            content = write_row(Path(place), row).read_bytes()
    key = keys.row_key(row)
    objects.put(key, content)
    after = claims.claims_of(objects, row.run_id)
    rows = _rows(objects, row.run_id)
    before = None if base is None else _read(objects, base)
    if not _stands(objects, mine, after, key, before, rows):
        return False
    with suppress(WarehouseError, Vanished):
        _clean(objects, row, before, rows, after)
    return True


def remove(objects: Objects, run_id: str) -> bool:
    """Delete a run from the store; return whether all of its parts could go with it.

    Its rows go first, the oldest before the others, so that the last deletion of a row is the one
    moment of it; then its parts, unless another process may be about to publish it again with them.
    """
    claim = None
    while claim is None:
        rows = _rows(objects, run_id)
        base = keys.order_of(rows[-1])[0] if rows else 0
        claim = claims.take(objects, run_id, base, claims.claims_of(objects, run_id))
    rows = _rows(objects, run_id)
    named = {key for row in rows for key in _keys_of(_read(objects, row))}
    for row in rows:
        objects.delete([row])
    others = claims.claims_of(objects, run_id)
    if claims.pending(claim, others, rows) or _rows(objects, run_id):
        return False
    old = _orphans(objects, run_id, {key.split("/")[1] for key in rows}, frozenset())
    objects.delete({*named, *old})
    return True


def sweep(objects: Objects) -> int:
    """Delete every part of the store that no row names and that is older than a day; count them.

    What is no part of this warehouse stays, and so do all parts of a run of which a row cannot be
    read: nothing is known of what it names.

    Raises:
        WarehouseError: the store cannot be read; nothing has been deleted then.
    """
    named: set[str] = set()
    unknown: set[str] = set()
    for run_id, rows in listing.everything(objects).rows.items():
        for key in rows:
            with suppress(Vanished):
                try:
                    named |= _keys_of(row_of(objects.read(key), key))
                except NotAWarehouse:  # damaged, or of a later layout
                    unknown.add(run_id)
    old = [
        key
        for key, entry in objects.listed().items()
        if (run := keys.run_of_part(key)) is not None and run not in unknown and key not in named
        if _age(entry.modified) > _ORPHAN
    ]
    objects.delete(old)
    return len(old)


def _clean(
    objects: Objects, row: RunRow, base: RunRow | None, rows: list[str], known: list[Claim]
) -> None:
    """Delete what is older than the state before this one, which stays for readers of it."""
    if base is None:
        return
    kept = _keys_of(row) | _keys_of(base)
    at = keys.order_of(keys.row_key(base))
    older = [key for key in rows if keys.order_of(key) < at]
    named = {key for one in older for key in _keys_of(_read(objects, one))}
    for one in older:
        objects.delete([one])
    objects.delete([*(named - kept), *(c.key for c in known if c.number < base.generation)])
    if base.ingested_at is None or _age(base.ingested_at.replace(tzinfo=UTC)) > _RECENT:
        roles = {f"role={row.role}", f"role={base.role}"}
        objects.delete(_orphans(objects, row.run_id, roles, kept))


def _orphans(
    objects: Objects, run_id: str, roles: Iterable[str], kept: frozenset[str]
) -> list[str]:
    return [
        key
        for role in roles
        for key, entry in listing.parts_listed(objects, role.removeprefix("role="), run_id).items()
        if key not in kept and _age(entry.modified) > _ORPHAN
    ]


def _rows(objects: Objects, run_id: str) -> list[str]:
    return listing.of_runs(objects, [run_id]).rows.get(run_id, [])


def _row_of(row: RunRow | None) -> list[str]:
    return [] if row is None else [keys.row_key(row)]


def _keys_of(row: RunRow | None) -> frozenset[str]:
    if row is None:
        return frozenset()
    return frozenset(keys.part_key(row, file) for file in named_files(row))


def row_of(content: bytes, key: str) -> RunRow:
    """Return the row that an object or a file holds."""
    return read_row(PurePosixPath(key), keys.run_of(key) or "", content=content)


def _read(objects: Objects, key: str) -> RunRow | None:
    """Return a row, None if it is gone or cannot be read: then nothing is known of its parts."""
    try:
        return row_of(objects.read(key), key)
    except (Vanished, WarehouseError):
        return None


def _age(moment: datetime) -> timedelta:
    return datetime.now(UTC) - moment
