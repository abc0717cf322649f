"""A place in a store becomes a warehouse: the zero-row objects that give tables their columns."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from pathlib import Path

from dakota_wh.errors import StoreProblem
from dakota_wh.store import keys
from dakota_wh.store.arriving import arriving
from dakota_wh.store.objects import Objects, together
from dakota_wh.warehouse.folder import SCHEMAS
from dakota_wh.warehouse.layout import STATE_FOLDER, schema_file


def found(objects: Objects, folder: Path) -> None:
    """Make a store a warehouse, or leave it as it is when it is one.

    Args:
        objects: the store.
        folder: its mirror's, which has the zero-row files. What was done is noted there.

    Raises:
        StoreProblem: the store has no conditional writes.
    """
    made = folder / STATE_FOLDER / "made.json"
    tables = [*SCHEMAS]
    with suppress(OSError, ValueError):
        known = json.loads(made.read_text(encoding="utf-8")) == tables
        if known and keys.MARK in objects.listed(keys.MARK.rpartition("/")[0]):
            return
    _try_conditions(objects)
    files = {
        path.relative_to(folder).as_posix(): path
        for path in (schema_file(folder, table) for table in tables)
    }
    mark = files.pop(keys.MARK)
    together(lambda key: objects.create(key, files[key].read_bytes()), files)
    objects.create(keys.MARK, mark.read_bytes())
    with arriving(folder, made) as temporary:
        temporary.write_text(json.dumps(tables), encoding="utf-8")


def _try_conditions(objects: Objects) -> None:
    """Raise unless the store refuses to create an object anew: else two writers would collide."""
    key = f"{STATE_FOLDER}/tried-{secrets.token_hex(8)}"
    try:
        first, second = (objects.create(key, word) for word in (b"first", b"second"))
    finally:
        objects.delete([key])
    if second or not first:
        objects.listed(STATE_FOLDER)  # raises where what takes all that is put is no store at all
        raise StoreProblem(
            f"{objects.address} has no conditional writes (If-None-Match), so that two writers of"
            " one run could undo each other.",
            hint="Use a store that has them, or a folder and dakota-wh sync from one machine.",
        )
