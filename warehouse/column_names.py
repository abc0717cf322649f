"""Which column of history holds which logged key.

SQL names do not see case, the two partition columns and the bookkeeping columns are taken, and a
nested key prints like a plain one with dots; a name that ends like a text sibling would meet one
of another run in the union of all. Whoever comes first keeps the plain name, W&B's own keys always
do; a later one gets ``~2``, ``~3`` behind it, stays there for the rest of the run, and its exact
key stands in the Parquet field's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

import pyarrow as pa

from dakota_wh.warehouse.columns import TEXT_SUFFIX

KeyPath = tuple[str, ...]

#: Columns of ours in every history file: position in the run's log, part, segment.
ROW, PART, SEGMENT = "_row", "_part", "_segment"
_OWN: Final = ("_step", "_runtime", "_timestamp")
_TAKEN: Final = ("run_id", "role", "filename", "file_row_number", "file_index", ROW, PART, SEGMENT)

_KEY_METADATA: Final = b"dakota_wh.key"


class ColumnNames:
    """Gives each key of one run its column, the same one in every part."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        """Choose none of the names in ``taken``, which the table has for something else."""
        self._columns: dict[KeyPath, str] = {}
        #: How far it was counted for a name, so that a thousand alike do not try a million.
        self._tried: dict[str, int] = {}
        held = {name.lower() for name in (*_TAKEN, *taken)}
        self._taken = held | {name + TEXT_SUFFIX for name in held}
        for name in _OWN:
            self._hold((name,), name)

    def column(self, key: KeyPath) -> str:
        """Return the key's column, choosing one if it has none yet."""
        known = self._columns.get(key)
        if known is not None:
            return known
        plain = printed(key)
        name, attempt = plain, self._tried.get(plain.lower(), 1)
        while self._is_taken(name.lower()):
            attempt += 1
            name = f"{plain}~{attempt}"
        self._tried[plain.lower()] = attempt
        self._hold(key, name)
        return name

    def _is_taken(self, lowered: str) -> bool:
        if lowered.endswith(TEXT_SUFFIX):
            return True
        return lowered in self._taken or lowered + TEXT_SUFFIX in self._taken

    def _hold(self, key: KeyPath, name: str) -> None:
        self._columns[key] = name
        self._taken |= {name.lower(), (name + TEXT_SUFFIX).lower()}

    def learn(self, schemas: Iterable[pa.Schema]) -> None:
        """Take over the names of parts that are stored already."""
        for schema in schemas:
            for field in schema:
                key = key_of(field)
                if key is not None and key not in self._columns:
                    self._hold(key, field.name.removesuffix(TEXT_SUFFIX))


def printed(key: Sequence[str]) -> str:
    """Return a key as people write it: nested names joined by dots. Never empty."""
    return ".".join(key) or "(empty)"


def field_for(key: KeyPath, name: str, kind: pa.DataType) -> pa.Field:
    """Return the Parquet field of a key's column; a name that is not the key says which it is."""
    if (name.removesuffix(TEXT_SUFFIX),) == key:
        return pa.field(name, kind)
    return pa.field(name, kind, metadata={_KEY_METADATA: json.dumps(key).encode()})


def key_of(field: pa.Field) -> KeyPath | None:
    """Return the key that a stored field holds, None for a bookkeeping column."""
    if field.metadata and _KEY_METADATA in field.metadata:
        return tuple(json.loads(field.metadata[_KEY_METADATA]))
    if field.name in (ROW, PART, SEGMENT):
        return None
    return (field.name.removesuffix(TEXT_SUFFIX),)


def holds_text(field: pa.Field) -> bool:
    """Return whether a stored field is the JSON sibling of its key."""
    return bool(pa.types.is_string(field.type))
