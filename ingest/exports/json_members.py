"""The members of an all-in-one export besides its history, and what they say of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.facts import line_count
from dakota_wh.ingest.exports.json_text import JsonText
from dakota_wh.ingest.exports.own_export import OwnExport
from dakota_wh.ingest.exports.tokens import clean_facts
from dakota_wh.ingest.source import MOST

_OBJECTS = ("run_info", "config", "summary")
_USED = (
    *_OBJECTS,
    "available_metrics",
    "history_shape",
    "historyLineCount",
    "history_line_count",
)


@dataclass(frozen=True, slots=True)
class Members:
    """What was decoded of an export, and ``history``, the position where its rows begin."""

    values: Mapping[str, Any]
    history: int

    @classmethod
    def of(cls, text: JsonText) -> Members:
        """Read a whole export once.

        Raises:
            SourceProblem: it is no whole JSON, or has no history.
        """
        values: dict[str, Any] = {}
        history = -1
        try:
            for key, value in text.members("history"):
                if key == "history":
                    history = value
                elif key in _USED:
                    values[key] = clean_facts(value)
        except RecursionError as error:
            raise SourceProblem(
                f"{text.name} is nested too deep.", hint="Export it again without that value."
            ) from error
        if history < 0 or not text.is_array(history):
            raise SourceProblem(
                f"{text.name} has no list of rows called history.",
                hint="Export it again with the run's history, then ingest that file.",
            )
        return cls(values, history)

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Return a member that should be an object; empty where it is not."""
        value = self.values.get(key)
        return value if isinstance(value, dict) else {}

    def misshapen(self) -> Iterator[str]:
        """Yield the members that are there but are no objects."""
        for key in _OBJECTS:
            if self.values.get(key) is not None and not isinstance(self.values[key], dict):
                yield key

    def ours(self, name: str) -> OwnExport | None:
        """Return what an export of ours says of itself; None for any other.

        Raises:
            SourceProblem: a newer version wrote it, or it is damaged.
        """
        return OwnExport.of(self.mapping("run_info"), name)

    def expected_rows(self) -> int | None:
        """Return how many rows the run logged, where W&B's own counts are in the export.

        ``history_shape`` is no such count: it says how many rows were exported, sampled or not.
        """
        for place in (self.values, self.mapping("run_info"), self.mapping("available_metrics")):
            count = line_count(place)
            if count is not None:
                return count
        count = self._counts().get("_step")
        return count if count is not None and 0 <= count <= MOST else None

    def not_in_every_row(self) -> frozenset[str]:
        """Return the keys that some rows did not log: a NaN there is pandas' filling."""
        counts = self._counts()
        rows = counts.get("_step", 0)
        return frozenset(key for key, count in counts.items() if count < rows)

    def _counts(self) -> dict[str, int]:
        """Return how many rows logged each key, from W&B's ``historyKeys``."""
        keys = self.mapping("available_metrics").get("keys")
        counts: dict[str, int] = {}
        for key, entry in (keys if isinstance(keys, dict) else {}).items():
            kinds = entry.get("typeCounts") if isinstance(entry, dict) else None
            if not isinstance(kinds, list):
                continue
            found = [kind.get("count") for kind in kinds if isinstance(kind, dict)]
            parts = [count for count in found if isinstance(count, int)]
            if parts and len(parts) == len(kinds):
                counts[key] = sum(parts)
        return counts
