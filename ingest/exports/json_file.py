"""The all-in-one JSON export: ``run_info``, ``config``, ``summary``, ``history`` and more.

Its form is that of scripts that dump ``{run_info, config, summary, available_metrics, history,
history_columns, history_shape, statistics}``: ``history`` is a list with one object per log row,
``available_metrics`` is W&B's ``historyKeys``, and Python's ``json`` wrote NaN as a bare word.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.dialect import loose_token
from dakota_wh.ingest.exports.facts import run_facts
from dakota_wh.ingest.exports.json_members import Members
from dakota_wh.ingest.exports.json_text import JsonText, decoded
from dakota_wh.ingest.exports.names import short_name
from dakota_wh.ingest.exports.own_export import MEMBER, OwnExport
from dakota_wh.ingest.exports.stamp import cannot_read
from dakota_wh.ingest.exports.tokens import (
    EXACT,
    SERVICE_WORDS,
    Token,
    clean_facts,
    safe_key,
    spread_values,
)
from dakota_wh.ingest.source import Continuation, KeyPath, LogRows, RunFacts, check_keys

LOSSY = (
    "null may be None or not logged: it is read as not logged",
    "a bare NaN may be not logged, since pandas fills empty cells with NaN: it is read as "
    "not logged where available_metrics says that the key is not in every row, else as NaN",
    "the texts 'NaN', 'Infinity' and '-Infinity' are read as the numbers that W&B means by them",
)

ROWS_PER_BATCH = 4096
#: Cells that a batch may have, logged or not: a run may log other keys at every step.
CELLS_PER_BATCH = 4 * 1024 * 1024

_HEAD = 64 * 1024
_MARKS = re.compile(
    rb'"(?:run_info|available_metrics|history|history_columns|history_shape|config)"\s*:'
)


@dataclass(frozen=True, slots=True)
class JsonExport:
    """One all-in-one JSON file."""

    path: Path
    run_id: str
    entity: str | None = None
    project: str | None = None
    #: Whether it is an export of ours.
    ours: bool = False

    @property
    def kind(self) -> str:
        """Always ``json-export``."""
        return "json-export"

    @property
    def name(self) -> str:
        """The file, with its folder when that is named after the run."""
        return short_name(self.path, self.run_id)

    @classmethod
    def recognise(cls, path: Path) -> JsonExport | None:
        """Return the export in a JSON file, or None when it holds something else.

        A file that begins as an export and then breaks off is recognised; ``read`` tells why.
        """
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD)
                if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
                    return None
                if not _MARKS.search(head):
                    return None
                data = head + file.read()
        except OSError:
            return None
        return cls._of(path, data)

    @classmethod
    def _of(cls, path: Path, data: bytes) -> JsonExport | None:
        seen: set[str] = set()
        whole = False
        try:
            for key, value in JsonText(path.name, decoded(path.name, data)).members("history"):
                seen.add(key)
                if key == "run_info" and isinstance(value, dict):
                    info = clean_facts(value)
                    return cls(
                        path,
                        _run_id(info, path),
                        _word(info, "entity"),
                        _word(info, "project"),
                        MEMBER in info,
                    )
            whole = True
        except (SourceProblem, RecursionError):
            pass
        if whole or ("history" not in seen and not _begins_as_export(data)):
            return None
        return cls(path, safe_key(path.stem))

    def read(self, resume: Mapping[str, Any] | None) -> JsonReading:
        """Begin a pass; see ``Source.read``.

        Raises:
            SourceProblem: the file ends in the middle, or has no history.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise cannot_read(self.path, error) from error
        stamp = [len(data), hashlib.blake2b(data, digest_size=32).hexdigest()]
        now = {"files": {safe_key(self.path.name): stamp}}
        same = resume is not None and resume.get("files") == now["files"]
        text = JsonText(self.path.name, decoded(self.path.name, data))
        members = Members.of(text)
        return JsonReading(self, text, members, now, same, members.ours(self.path.name))


@dataclass(slots=True)
class JsonReading:
    """One pass over an all-in-one export, which is known to be whole JSON."""

    source: JsonExport
    text: JsonText
    members: Members
    resume: dict[str, Any]
    unchanged: bool
    ours: OwnExport | None
    _nan_kept: set[str] = field(default_factory=set)

    @property
    def continuation(self) -> Continuation:
        """Unchanged or whole: a JSON export is always rewritten as a whole."""
        return Continuation.UNCHANGED if self.unchanged else Continuation.WHOLE

    def rows(self) -> Iterator[LogRows]:
        """Yield the history's rows.

        Raises:
            SourceProblem: a row is no object, or no row has ``_step``.
        """
        if self.unchanged:
            return
        number = 0
        stepped = self.ours is not None
        batch: list[dict[str, Any]] = []
        for number, row in enumerate(self.text.elements(EXACT, self.members.history), 1):
            if not isinstance(row, dict):
                raise self._problem(f"row {number} of the history is no object")
            stepped |= "_step" in row
            batch.append(row)
            if len(batch) == ROWS_PER_BATCH:
                yield from self._batch(batch, number)
                batch = []
        if number and not stepped:
            raise self._problem("its history has no _step, so its rows have no order")
        if batch:
            yield from self._batch(batch, number)

    def facts(self) -> RunFacts:
        """Return what the export says of the run."""
        members = self.members
        info, config, summary = map(members.mapping, ("run_info", "config", "summary"))
        if self.ours is not None:
            facts = self.ours.facts(info, config, summary)
            facts.resume = self.resume
            return facts
        facts = run_facts(self.source.run_id, info, config, summary)
        facts.expected_rows = members.expected_rows()
        facts.lossy = LOSSY
        facts.warnings = tuple(self._warnings())
        facts.resume = self.resume
        return facts

    def _batch(self, rows: list[dict[str, Any]], last: int) -> Iterator[LogRows]:
        names = dict.fromkeys(name for row in rows for name in row)
        check_keys(len(names), self.source.path.name)
        half = len(rows) // 2
        if half and len(rows) * len(names) > CELLS_PER_BATCH:
            yield from self._batch(rows[:half], last - len(rows) + half)
            yield from self._batch(rows[half:], last)
        elif self.ours is None:
            yield self._columns(rows, names, last)
        else:
            yield from self._own_rows(rows, names, last, self.ours)

    def _own_rows(
        self, rows: list[dict[str, Any]], names: Iterable[str], last: int, ours: OwnExport
    ) -> Iterator[LogRows]:
        with self._not_too_deep(len(rows), last):
            columns = {
                ours.key(safe_key(name)): pa.array(
                    [loose_token(row[name]) if name in row else None for row in rows], pa.string()
                )
                for name in names
            }
        yield from ours.cut(last - len(rows), LogRows(len(rows), columns))

    def _columns(self, rows: list[dict[str, Any]], names: Iterable[str], last: int) -> LogRows:
        filled = self.members.not_in_every_row()
        columns: dict[KeyPath, pa.Array[Any]] = {}
        with self._not_too_deep(len(rows), last):
            for key in names:
                values = [row.get(key) for row in rows]
                if "NaN" in values:
                    values = self._without_filling(key, values, filled)
                columns.update(_spread((safe_key(key),), values))
        return LogRows(len(rows), columns)

    @contextmanager
    def _not_too_deep(self, count: int, last: int) -> Iterator[None]:
        try:
            yield
        except RecursionError as error:
            where = f"rows {last - count + 1}-{last}"
            raise self._problem(f"the history is nested too deep in {where}") from error

    def _without_filling(self, key: str, values: list[Any], filled: frozenset[str]) -> list[Any]:
        is_nan = [type(value) is Token and value == "NaN" for value in values]
        if key in filled:
            return [None if nan else value for value, nan in zip(values, is_nan, strict=True)]
        if any(is_nan):
            self._nan_kept.add(safe_key(key))
        return values

    def _warnings(self) -> Iterator[str]:
        name = self.source.path.name
        for key in self.members.misshapen():
            yield f"{key} in {name} is no object: left out."
        if self._nan_kept:
            keys = ", ".join(sorted(self._nan_kept)[:5])
            yield (
                f"{name} has NaN in {len(self._nan_kept)} keys ({keys}): "
                "they may be cells that were not logged."
            )

    def _problem(self, what: str) -> SourceProblem:
        return SourceProblem(
            f"{self.source.path.name}: {what}.",
            hint="Export the run again with run.scan_history(), then ingest that file.",
        )


def _spread(path: KeyPath, values: list[Any]) -> dict[KeyPath, pa.Array[Any]]:
    kinds = set(map(type, values))
    if kinds <= {Token, type(None)}:  # numbers only: their text is the token already
        return {path: pa.array(values, pa.string())} if Token in kinds else {}
    columns = spread_values(path, values)
    for leaf, cells in columns.items():
        columns[leaf] = pa.array(
            [SERVICE_WORDS.get(cell, cell) if cell else None for cell in cells.to_pylist()],
            pa.string(),
        )
    return columns


def _begins_as_export(data: bytes) -> bool:
    return re.match(rb'(?:\xef\xbb\xbf)?\s*\{\s*"(?:run_info|available_metrics)"', data) is not None


def _run_id(info: Mapping[str, Any], path: Path) -> str:
    return _word(info, "id") or _word(info, "run_id") or safe_key(path.stem)


def _word(info: Mapping[str, Any], key: str) -> str | None:
    value = info.get(key)
    return value if isinstance(value, str) and value else None
