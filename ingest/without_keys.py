"""W&B's key kept out of what is stored, whatever the run was read from.

A run may log its environment, or print it into a sample. Every source passes here on its way into
the tables: the history, the summary, the config and the runs row (``pass_through``), and the
streams beside them (``streams``). What W&B's service sends is masked as it comes, too: it passes
through files of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dakota_wh.ingest.source import Continuation, LogRows, Reading, RunFacts
from dakota_wh.ingest.streams.beside import SystemValues
from dakota_wh.ingest.wandb_api.sign_in import MASK, forms, known_keys
from dakota_wh.warehouse.run_row import RunRow
from dakota_wh.warehouse.streams import RunFile

#: A key that is shorter may be a word of the run's own text, and masks nothing that is stored.
SHORTEST: Final = 20


def keyless(reading: Reading) -> Reading:
    """Return the reading without the keys that this process knows; itself where it knows none."""
    found = _forms()
    return _Keyless(reading, found) if found else reading


def take_keys_out(row: RunRow) -> None:
    """Take the keys out of a row's texts; its id and its role, which name folders, stay."""
    found = _forms()
    for name, text in _texts_of(row, found).items() if found else ():
        if name not in ("run_id", "role"):
            setattr(row, name, text)


def clean_table(
    columns: list[str], rows: Iterator[list[str]]
) -> tuple[list[str], Iterator[list[str]]]:
    """Return the names and the cells, as JSON texts, of a logged table without the keys."""
    found = _forms()
    if not found:
        return columns, rows
    names = _renamed(dict.fromkeys(columns), lambda text: _clean(text, found))
    return list(names), ([_clean(cell, found) for cell in row] for row in rows)


def clean_system(values: Iterator[SystemValues]) -> Iterator[SystemValues]:
    """Return batches of system metrics without the keys."""
    found = _forms()
    if not found:
        return values

    def clean(some: SystemValues) -> SystemValues:
        return replace(
            some,
            metric=[_clean(text, found) for text in some.metric],
            label=[text and _clean(text, found) for text in some.label],
            token=[_clean(text, found) for text in some.token],
        )

    return map(clean, values)


def clean_files(files: Sequence[RunFile]) -> list[RunFile]:
    """Return what is listed of a run's files without the keys."""
    found = _forms()
    if not found:
        return list(files)
    return [replace(one, **_texts_of(one, found)) for one in files]


def _texts_of(one: RunFile | RunRow, secrets: Collection[str]) -> dict[str, Any]:
    """Return the texts of a row that hold a secret, by their fields, and without it."""
    texts = {field.name: getattr(one, field.name) for field in fields(one)}
    clean = {k: _clean(text, secrets) for k, text in texts.items() if isinstance(text, str)}
    return {name: text for name, text in clean.items() if text != texts[name]}


def _forms() -> tuple[str, ...]:
    keys = [key for key in known_keys() if len(key) >= SHORTEST]
    return tuple(form for key in keys for form in forms(key))


@dataclass(frozen=True, slots=True)
class _Keyless:
    """A reading, and what is to be found in none of it."""

    reading: Reading
    secrets: tuple[str, ...]

    @property
    def continuation(self) -> Continuation:
        return self.reading.continuation

    def rows(self) -> Iterator[LogRows]:
        coded = [secret.encode() for secret in self.secrets]
        # A loop here would keep each batch until the next, which is as much memory again.
        return map(partial(self._clean_rows, coded=coded), self.reading.rows())

    def facts(self) -> RunFacts:
        facts = self.reading.facts()
        facts.config = clean_tree(facts.config, self._text)
        facts.summary = clean_tree(facts.summary, self._text)
        facts.key_counts = clean_tree(facts.key_counts, self._text)
        facts.step_metrics = tuple(
            replace(one, metric=self._text(one.metric), step_metric=self._text(one.step_metric))
            for one in facts.step_metrics
        )
        return facts

    def _text(self, text: str) -> str:
        return _clean(text, self.secrets)

    def _clean_rows(self, batch: LogRows, coded: list[bytes]) -> LogRows:
        """Return a batch without the keys; itself where there is none in it."""
        held = {path for path, cells in batch.columns.items() if _holds(cells, coded)}
        long = [path for path in batch.columns if sum(map(len, path)) >= SHORTEST]
        named = any(secret in part for path in long for part in path for secret in self.secrets)
        if not held and not named:
            return batch
        columns: dict[tuple[str, ...], pa.Array] = {}
        for path, cells in batch.columns.items():
            for secret in self.secrets if path in held else ():
                cells = pc.replace_substring(cells, secret, MASK)
            *before, last = map(self._text, path)
            while (clean := (*before, last)) in columns:
                last += "*"  # two names that only the key told apart
            columns[clean] = cells
        return replace(batch, columns=columns)


def clean_tree(tree: Mapping[str, Any], clean: Callable[[str], str]) -> dict[str, Any]:
    """Return a nested mapping with each text of it, also names, as ``clean`` returns it."""
    whole: list[Any] = [tree]
    pending: list[tuple[Any, Any]] = [(whole, 0)]  # a container, and a place in it
    while pending:  # and no recursion: a run's config may be nested deeper than Python goes
        into, at = pending.pop()
        value = into[at]
        if isinstance(value, str):
            into[at] = clean(value)
            continue
        into[at] = copy = list(value) if isinstance(value, list) else _renamed(value, clean)
        places = enumerate(copy) if isinstance(copy, list) else copy.items()
        pending += [(copy, place) for place, one in places if isinstance(one, str | list | Mapping)]
    result: dict[str, Any] = whole[0]
    return result


def _renamed(mapping: Mapping[str, Any], clean: Callable[[str], str]) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for name, value in mapping.items():
        new = clean(str(name))
        while new in renamed:
            new += "*"  # two names that only the key told apart
        renamed[new] = value
    return renamed


def _clean(text: str, secrets: Collection[str]) -> str:
    if len(text) >= SHORTEST:
        for secret in secrets:
            text = text.replace(secret, MASK)
    return text


def _holds(cells: pa.Array, secrets: list[bytes]) -> bool:
    """Tell whether a secret may be in some cells: in their bytes, from the first to the last.

    A cell of text is JSON, so that one which holds a string has a quote, and numbers have none.
    """
    is_text = pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)
    if not is_text or not len(cells):
        return False
    _, offsets, data = cells.buffers()
    if offsets is None or data is None:
        return False
    width = np.int64 if pa.types.is_large_string(cells.type) else np.int32
    places = np.frombuffer(offsets, width)
    start, stop = places[cells.offset], places[cells.offset + len(cells)]
    if stop - start < SHORTEST:
        return False
    text = bytes(memoryview(data)[start:stop])
    return b'"' in text and any(secret in text for secret in secrets)
