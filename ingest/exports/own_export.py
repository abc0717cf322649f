"""What an export of ours says of itself, besides what any export of a run says.

The member ``dakota_wh`` of ``<id>_metadata.json`` and of ``run_info`` in the all-in-one JSON; in a
Parquet file it is the schema's metadata ``dakota_wh.export``:

    {"format": 1, "run_id": "29hn8w98", "rows": 1000, "completeness": "complete", "evidence": "…",
     "sampled": "no", "expected_rows": 1000, "lost_records": 0, "lossy": [], "warnings": [],
     "role_given": null, "source": "wandb-log", "step_metrics": [["*", "step"]],
     "segments": [[0, 0]], "keys": {"a.b": ["a", "b"]}, "files": ["29hn8w98_history.csv"]}

``keys`` has the columns whose name is not the logged key: nested keys, keys that differ only in
case. ``segments`` are [first row, segment]. With this member, a file's values are in the dialect of
``dialect.py``, and the certificate is that of the warehouse that wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.dialect import loose_value
from dakota_wh.ingest.exports.facts import load_object, run_facts
from dakota_wh.ingest.source import MOST, KeyPath, LogRows, RunFacts, Stated, StepMetric
from dakota_wh.warehouse.layout import ROLES

MEMBER: Final = "dakota_wh"
FORMAT: Final = 1

_VERDICTS: Final = ("complete", "growing", "sampled", "truncated", "unknown")
_SAMPLED: Final = ("yes", "no", "unknown")


@dataclass(slots=True)
class OwnExport:
    """The member ``dakota_wh``; the names and forms are those of the file."""

    run_id: str
    rows: int
    completeness: str = "unknown"
    evidence: str = ""
    sampled: str = "unknown"
    expected_rows: int | None = None
    lost_records: int = 0
    lossy: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    role_given: str | None = None
    source: str = ""
    step_metrics: list[list[str]] = field(default_factory=list)
    segments: list[list[int]] = field(default_factory=list)
    keys: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return the member as it is written."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def of(cls, info: Mapping[str, Any], name: str) -> OwnExport | None:
        """Return what a file's object says, None where it is no export of ours.

        Args:
            info: the object that may have the member.
            name: the file, for the message.

        Raises:
            SourceProblem: the member was written by a newer version, or changed by hand.
        """
        member = info.get(MEMBER)
        if not isinstance(member, dict) or "format" not in member:
            return None
        if member["format"] != FORMAT:
            raise SourceProblem(
                f"{name} was exported in format {str(member['format'])[:20]}; "
                f"this program knows {FORMAT}.",
                hint="Update this program: pip install -U dakota-wh",
            )
        known = {key: value for key, value in member.items() if key in cls.__dataclass_fields__}
        try:
            own = cls(**known)
        except TypeError:
            raise _changed(name) from None
        if not own._is_whole():
            raise _changed(name)
        return own

    def key(self, column: str) -> KeyPath:
        """Return the logged key of a column."""
        path = self.keys.get(column)
        return (column,) if path is None else tuple(path)

    def complete(self, facts: RunFacts) -> RunFacts:
        """Add to a run's facts what only an export of ours knows."""
        facts.run_id = self.run_id
        facts.role = self.role_given
        facts.lossy = tuple(self.lossy)
        facts.warnings = tuple(self.warnings)
        facts.lost_records = self.lost_records
        facts.step_metrics = tuple(StepMetric(m, axis) for m, axis in self.step_metrics)
        facts.stated = Stated(
            self.completeness, self.evidence, self.sampled, self.expected_rows, self.rows
        )
        return facts

    def facts(
        self, info: Mapping[str, Any], config: Mapping[str, Any], summary: Mapping[str, Any]
    ) -> RunFacts:
        """Return a run's facts from the objects of its export."""
        facts = run_facts(self.run_id, info, {}, {})
        facts.config, facts.summary = loose_value(config), loose_value(summary)
        return self.complete(facts)

    def facts_beside(self, found: Mapping[str, Path]) -> RunFacts:
        """Return a run's facts from the files beside its history; see ``facts.sidecars``.

        Raises:
            SourceProblem: one of them is not a JSON object.
        """
        loaded = {kind: load_object(path) for kind, path in found.items()}
        return self.facts(*(loaded.get(kind, {}) for kind in ("metadata", "config", "summary")))

    def cut(self, first: int, rows: LogRows) -> Iterator[LogRows]:
        """Yield a batch that begins at row ``first`` in pieces of one segment each."""
        end = first + rows.count
        segments = self.segments or [[0, 0]]
        stops = [*(start for start, _ in segments[1:]), end]
        for (start, segment), stop in zip(segments, stops, strict=True):
            begin, behind = max(start, first), min(stop, end)
            if begin < behind:
                cut = slice(begin - first, behind - first)
                columns = {key: array[cut] for key, array in rows.columns.items()}
                yield LogRows(behind - begin, columns, segment)

    def _is_whole(self) -> bool:
        texts = (self.run_id, self.completeness, self.evidence, self.sampled)
        return (
            all(isinstance(text, str) for text in texts)
            and bool(self.run_id)
            and self.completeness in _VERDICTS
            and self.sampled in _SAMPLED
            and _are_counts((self.rows, self.lost_records))
            and (self.expected_rows is None or _are_counts((self.expected_rows,)))
            and (self.role_given is None or self.role_given in ROLES)  # it names a folder
            and all(_are_texts(texts) for texts in (self.lossy, self.warnings, self.files))
            and _are_pairs(self.step_metrics, str)
            and _are_pairs(self.segments, int)
            and all(_are_counts(pair) for pair in self.segments)
            and (not self.segments or self.segments[0][0] == 0)
            and self.segments == sorted(self.segments, key=lambda pair: pair[0])
            and isinstance(self.keys, dict)
            and all(_are_texts(path) and path for path in self.keys.values())
        )


def own_metadata(path: Path) -> OwnExport | None:
    """Return what a ``_metadata.json`` says where it is one of ours, quietly None otherwise."""
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
        return OwnExport.of(info, path.name) if isinstance(info, dict) else None
    except (OSError, ValueError, RecursionError, SourceProblem):  # whoever reads the run tells it
        return None


def own_stem(history: Path) -> str:
    """Return what the names of an export's files begin with: ``x`` of ``x_history.csv``."""
    return history.stem.removesuffix("_history")


def _are_texts(values: Sequence[object]) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _are_pairs(values: Sequence[object], kind: type) -> bool:
    return isinstance(values, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, kind) for one in pair)
        for pair in values
    )


def _are_counts(values: Sequence[object]) -> bool:
    return all(type(value) is int and 0 <= value <= MOST for value in values)


def _changed(name: str) -> SourceProblem:
    return SourceProblem(
        f"What {name} says of its export is damaged (its member {MEMBER}).",
        hint="Export the run again, or remove that member: the file is then read as any other.",
    )
