"""The records beside the history, folded in order into what is known of the run.

A summary or config record is a list of updates and then of removals, each at a path; the state is
what results from all of them in order. Summary records repeat the history, they are half of the
file: only the last update of each plain key per some thousand records is decoded, found with the
same walk as the history. What nests or removes is always applied, so the result is the same.

Records with hosts, e-mail addresses, command lines and local paths are never looked at.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from dakota_wh.ingest.source import Ended, LogRows, RunFacts, StepMetric

from . import wire
from .changes import Change, Waiting, apply, changes, value_of
from .trees import Path, plant

# RunRecord: texts kept, by field number. (13 host, 11 settings, 21 git are left where they are.)
_RUN_TEXTS: Final = {
    1: "run_id",
    2: "entity",
    3: "project",
    6: "group",
    7: "job_type",
    8: "name",
    9: "notes",
    12: "sweep_id",
}
_RUN_CONFIG, _RUN_SUMMARY, _RUN_TAG, _RUN_START = 4, 5, 10, 17
_METRIC_NAME, _METRIC_GLOB, _METRIC_STEP = 1, 2, 4
_EXIT_CODE, _EXIT_NOT_COMPLETE = 1, 3


@dataclass(slots=True)
class Fold:
    """What the records read so far amount to. ``state`` is JSON, so that a later pass goes on."""

    run: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    started: int | None = None  # microseconds since 1970, of the first attempt
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    summary_seen: bool = False
    step_metrics: dict[str, str] = field(default_factory=dict)
    exit_code: int | None = None  # of the last process that ended the run
    closed: bool = False  # the log that was read last has an exit record
    preempting: bool = False
    bad_summaries: int = 0  # summary records that could not be decoded
    #: The last token of each key logged, as long as no summary record was seen; a killed run of an
    #: old client has none.
    last_tokens: dict[Path, str] = field(default_factory=dict)
    _waiting: Waiting = field(default_factory=Waiting)

    #: The kinds of record that ``apply`` makes something of.
    KINDS: ClassVar[frozenset[int]] = frozenset(
        (wire.SUMMARY, wire.CONFIG, wire.RUN, wire.METRIC, wire.EXIT, wire.PREEMPTING)
    )

    def apply(self, kind: int, body: bytes) -> None:
        """Take a record of any kind; kinds that say nothing of the run are ignored.

        Raises:
            BadRecordError: it cannot be decoded, and changed nothing.
        """
        if kind == wire.SUMMARY:
            if self._waiting.add(body):
                self.settle()
        elif kind == wire.CONFIG:
            apply(self.config, changes(body))
        elif kind == wire.RUN:
            self._run(body)
        elif kind == wire.METRIC:
            self._metric(body)
        elif kind == wire.EXIT:
            self._exit(body)
        elif kind == wire.PREEMPTING:
            self.preempting = True

    def settle(self) -> None:
        """Apply the summary records that wait."""
        found = self._waiting.settled()
        if found is not None:
            self.take(*found)

    def take(self, found: list[Change], bad: int) -> None:
        """Apply what ``last_changes`` has found in some summary records."""
        apply(self.summary, found)
        self.bad_summaries += bad
        self.summary_seen = True

    @property
    def from_history(self) -> bool:
        """Whether the summary is made up of the history, for want of a summary record."""
        return not self.summary_seen and bool(self.last_tokens)

    def observe(self, rows: LogRows) -> None:
        """Take note of the last value of each key, while there is no summary record."""
        if self.summary_seen or self._waiting.bodies:
            self.last_tokens.clear()
            return
        for path, cells in rows.columns.items():
            logged = cells.drop_null()
            if len(logged):
                self.last_tokens[path] = logged[-1].as_py()

    def begin_segment(self) -> None:
        """Note that another log of the same run begins: it is open until it says that it ended."""
        self.closed = False

    def _run(self, body: bytes) -> None:
        """Take a RunRecord. Each says all of it anew, apart from the start of the first attempt."""
        run: dict[str, str] = {}
        tags: list[str] = []
        start: int | None = None
        config: list[Change] = []
        summary: list[Change] = []
        for number, value in wire.fields(body):
            if number in _RUN_TEXTS:
                run[_RUN_TEXTS[number]] = wire.text_of(value)
            elif number == _RUN_TAG:
                tags.append(wire.text_of(value))
            elif number == _RUN_START:
                start = timestamp(wire.bytes_of(value))
            elif number == _RUN_CONFIG:
                config += changes(wire.bytes_of(value))
            elif number == _RUN_SUMMARY:
                summary += changes(wire.bytes_of(value))
        self.run, self.tags = run, tags
        if start is not None:
            self.started = start if self.started is None else min(start, self.started)
        apply(self.config, config)
        if summary:
            self.settle()
            apply(self.summary, summary)
            self.summary_seen = True

    def _metric(self, body: bytes) -> None:
        """Take a MetricRecord, one ``define_metric``; only those with an axis matter here."""
        texts = {
            number: wire.text_of(value)
            for number, value in wire.fields(body)
            if number in (_METRIC_NAME, _METRIC_GLOB, _METRIC_STEP)
        }
        metric = texts.get(_METRIC_NAME) or texts.get(_METRIC_GLOB)
        if metric and texts.get(_METRIC_STEP):
            self.step_metrics[metric] = texts[_METRIC_STEP]

    def _exit(self, body: bytes) -> None:
        """Take a RunExitRecord. One that is "not complete" ends a process and not the run."""
        numbers = {number: value for number, value in wire.fields(body) if isinstance(value, int)}
        self.closed = True
        if not numbers.get(_EXIT_NOT_COMPLETE):
            self.exit_code = wire.signed(numbers.get(_EXIT_CODE, 0))

    def facts(self, run_id: str) -> RunFacts:
        """Return what the records say of the run; the reader adds what it met on the way."""
        self.settle()
        ended, state = Ended.OPEN, None
        if self.closed and self.exit_code is not None:
            well = self.exit_code == 0
            ended, state = (Ended.FINISHED, "finished") if well else (Ended.FAILED, "failed")
        texts = {name: text for name, text in self.run.items() if text and name != "run_id"}
        return RunFacts(
            run_id=run_id,
            entity=texts.get("entity"),
            project=texts.get("project"),
            name=texts.get("name"),
            group=texts.get("group"),
            job_type=texts.get("job_type"),
            notes=texts.get("notes"),
            sweep_id=texts.get("sweep_id"),
            tags=tuple(self.tags),
            state=state,
            created_at=None if self.started is None else _moment(self.started),
            config=self.config,
            summary=self._summary(),
            step_metrics=tuple(StepMetric(*pair) for pair in self.step_metrics.items()),
            ended=ended,
        )

    def _summary(self) -> dict[str, Any]:
        if not self.from_history:
            return self.summary
        logged: dict[str, Any] = {}
        for path, token in self.last_tokens.items():
            plant(logged, path, value_of(token))
        return logged

    def state(self) -> dict[str, Any]:
        """Return the fold as strict JSON values; NaN lives on inside texts."""
        self.settle()
        result: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        result |= {name: json.dumps(getattr(self, name)) for name in _TREES}
        if self.from_history:
            result["last_tokens"] = [[list(path), text] for path, text in self.last_tokens.items()]
        return copy.deepcopy(result)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Fold:
        """Return the fold that ``state`` described.

        Raises:
            KeyError, TypeError, ValueError: it is not what ``state`` returns.
        """
        fold = cls()
        for name in _PLAIN:
            setattr(fold, name, copy.deepcopy(state[name]))
        for name in _TREES:
            setattr(fold, name, dict(json.loads(state[name])))
        fold.last_tokens = {tuple(path): text for path, text in state.get("last_tokens", [])}
        return fold


_TREES = ("config", "summary")
_PLAIN = (
    "run",
    "tags",
    "started",
    "summary_seen",
    "step_metrics",
    "exit_code",
    "closed",
    "preempting",
    "bad_summaries",
)


def timestamp(body: bytes) -> int:
    """Return a google.protobuf.Timestamp as microseconds since 1970."""
    parts = {number: value for number, value in wire.fields(body) if isinstance(value, int)}
    return wire.signed(parts.get(1, 0)) * 1_000_000 + parts.get(2, 0) // 1000


def _moment(microseconds: int) -> datetime | None:
    """Return the moment, aware and in UTC, or None where no calendar reaches."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    except OverflowError:
        return None
