"""The all-in-one JSON: the members of the guide's export, the history a row a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dakota_wh.export.cells import rows_of
from dakota_wh.export.described import describe
from dakota_wh.export.destination import written_as_json
from dakota_wh.export.stored_run import StoredRun
from dakota_wh.ingest.exports.dialect import strict_token, strict_value
from dakota_wh.ingest.exports.tokens import text_token


def write_all_in_one(path: Path, run: StoredRun, info: dict[str, Any]) -> None:
    """Write run_info, config, summary, available_metrics, history and what describes it.

    A key that a row did not log is not in its object; null is a None that was logged.
    """
    metrics, statistics = describe(run)
    before = {
        "run_info": info,
        "config": strict_value(run.config),
        "summary": strict_value(run.summary),
        "available_metrics": metrics,
    }
    behind = {
        "history_columns": list(run.columns.values()),
        "history_shape": {"rows": run.history.rows, "columns": len(run.columns)},
        "statistics": statistics,
    }
    with written_as_json(path) as file:
        file.write(_members(before).removesuffix("\n}"))
        file.write(',\n  "history": [')
        file.writelines(_rows(run))
        file.write("\n  ],\n")
        file.write(_members(behind).removeprefix("{\n"))
        file.write("\n")


def _rows(run: StoredRun) -> Iterator[str]:
    begins = [f"{text_token(name)}: " for name in run.columns.values()]
    mark = "\n    {"
    for batch in run.history.batches(run.batch_rows):
        for row in rows_of(batch, list(run.columns), strict_token):
            cells = zip(begins, row, strict=True)
            yield mark + ", ".join([begin + cell for begin, cell in cells if cell]) + "}"
            mark = ",\n    {"


def _members(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
