"""Reading a log whole, as plain rows, for the tests to compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dakota_wh.ingest.source import Continuation, LogRows, RunFacts, Source
from dakota_wh.ingest.wandb_log import WandbLog, find_logs

Row = dict[tuple[str, ...], str]


@dataclass
class Pass:
    """What one pass gave: rows as dicts of tokens (absent: not logged), their segments, facts."""

    rows: list[Row]
    segments: list[int]
    facts: RunFacts
    continuation: Continuation


def plain(batch: LogRows) -> list[Row]:
    rows: list[Row] = [{} for _ in range(batch.count)]
    for path, cells in batch.columns.items():
        assert len(cells) == batch.count
        for row, token in zip(rows, cells.to_pylist(), strict=True):
            if token is not None:
                row[path] = str(token)
    return rows


def read(log: WandbLog, resume: Mapping[str, Any] | None = None) -> Pass:
    source: Source = log  # for the type checker: the contract is kept
    reading = source.read(resume)
    rows: list[Row] = []
    segments: list[int] = []
    for batch in reading.rows():
        rows += plain(batch)
        segments += [batch.segment] * batch.count
    facts = reading.facts()
    # A resume goes through strict JSON on its way to the next ingest.
    facts.resume = json.loads(json.dumps(facts.resume, allow_nan=False))
    return Pass(rows, segments, facts, reading.continuation)


def only(path: Path) -> WandbLog:
    (log,) = find_logs(path)
    return log


def place(folder: Path, data: bytes, run_id: str = "abc", stamp: str = "20250101_000000") -> Path:
    """Write a log where W&B would: ``<folder>/wandb/offline-run-<stamp>-<id>/run-<id>.wandb``."""
    target = folder / "wandb" / f"offline-run-{stamp}-{run_id}" / f"run-{run_id}.wandb"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return target
