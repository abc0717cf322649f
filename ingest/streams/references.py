"""Where a run's history and summary name a ``wandb.Table`` that it logged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc
import pyarrow.parquet as pq

from dakota_wh.ingest.exports.tokens import safe_key
from dakota_wh.ingest.steps import StepAxis
from dakota_wh.warehouse.column_names import printed
from dakota_wh.warehouse.history import StoredHistory
from dakota_wh.warehouse.parts import paths_of
from dakota_wh.warehouse.run_row import RunRow
from dakota_wh.warehouse.streams import LoggedTable

#: What ``_type`` is of a logged table. The last two have no file of their own in the run.
_KINDS: Final = ("table-file", "incremental-table-file", "joined-table", "partitioned-table")
_LONGEST: Final = 2**63


def logged_tables(
    root: Path, row: RunRow, history: StoredHistory, axis: StepAxis
) -> list[LoggedTable]:
    """Return every table that the run logged, by key and in the order of logging, not yet read.

    A table that only the summary names (``run.summary[…] = table``) comes last, without a row.
    """
    found = list(_in_history(history))
    steps = history.integers(("_step",))
    segments = history.row_segments()
    placed = []
    for one in found:
        at = one.log_row or 0
        known, logged = axis.steps.known[at], steps is not None and steps[1][at]
        placed.append(
            replace(
                one,
                step=int(axis.steps.values[at]) if known else None,
                log_step=int(steps[0][at]) if steps is not None and logged else None,
                segment=int(segments[at]),
            )
        )
    named = {(one.path, one.sha256) for one in placed}
    last = int(segments[-1]) if len(segments) else 0
    placed += [
        replace(one, segment=last)
        for one in _in_summary(root, row)
        if one.path is not None and (one.path, one.sha256) not in named
    ]
    return sorted(placed, key=lambda one: (one.key, one.log_row is None, one.log_row or 0))


def _in_history(history: StoredHistory) -> Iterator[LoggedTable]:
    keys = history.keys()
    for key in keys:
        for first, texts in history.texts(key):
            likely = pc.fill_null(
                pc.match_substring_regex(texts, '"[a-z]+-table|table-file"'), False
            )
            for at in pc.indices_nonzero(likely).to_pylist():
                found = _table(printed(key), texts[at].as_py(), first + at)
                if found is not None:
                    yield found


def _in_summary(root: Path, row: RunRow) -> Iterator[LoggedTable]:
    for path in paths_of(root, row, "summary"):
        with pq.ParquetFile(path) as file:
            entries = file.read(["key", "text", "type"]).to_pylist()
        for entry in entries:
            if entry["type"] == "dict":
                found = _table(entry["key"], entry["text"], None)
                if found is not None:
                    yield found


def _table(key: str, text: str, log_row: int | None) -> LoggedTable | None:
    """Return the table that a logged value is, None for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("_type") not in _KINDS:
        return None
    return LoggedTable(
        key=key,
        path=_text(value, "path"),
        sha256=_text(value, "sha256"),
        kind=value["_type"],
        log_mode=_text(value, "log_mode"),
        logged_rows=_count(value, "nrows"),
        logged_columns=_count(value, "ncols"),
        size=_count(value, "size"),
        log_row=log_row,
    )


def _text(value: Mapping[str, Any], key: str) -> str | None:
    found = value.get(key)
    return safe_key(found) if isinstance(found, str) and found else None


def _count(value: Mapping[str, Any], key: str) -> int | None:
    found = value.get(key)
    good = isinstance(found, int) and not isinstance(found, bool) and 0 <= found < _LONGEST
    return found if good else None
