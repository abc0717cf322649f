"""When a training was at which stage of its curriculum, as the guide asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from dakota_wh.export.cells import rows_of
from dakota_wh.export.stored_run import StoredRun
from dakota_wh.ingest.exports.dialect import strict_token, strict_value
from dakota_wh.ingest.source import KeyPath

_COLUMNS: Final = ("difficulty", "stage")
_SETTINGS: Final = ("difficulty", "curriculum")

#: More values than this are no stages, but a measure that changes at every step.
MOST_STAGES: Final = 1000


@dataclass(slots=True)
class _Stage:
    first: int
    last: int
    samples: int = 0


def curriculum_timing(run: StoredRun) -> dict[str, Any]:
    """Return the stages by every key named difficulty or stage, and the settings about it.

    ``stages`` has each value's first and last ``_step``, their distance, and its log rows; a value
    that two keys have is named ``key=value``. ``transitions`` has each change of a key's value.
    ``config`` has the top-level settings named difficulty or curriculum, where there are any.
    """
    found: dict[str, Any] = {"stages": {}, "transitions": []}
    settings = {
        key: value
        for key, value in run.config.items()
        if any(word in key.lower() for word in _SETTINGS)
    }
    if settings:
        found["config"] = strict_value(settings)
    for key, name in run.columns.items():
        if any(word in name.lower() for word in _COLUMNS):
            _add(found, name, list(_values(run, key)))
    found["transitions"].sort(key=lambda change: change["step"])
    return found


def _add(found: dict[str, Any], name: str, values: list[tuple[int, str]]) -> None:
    stages: dict[str, _Stage] = {}
    changes = []
    before: str | None = None
    for step, value in values:
        stage = stages.setdefault(value, _Stage(step, step))
        stage.last, stage.samples = step, stage.samples + 1
        if before not in (None, value):
            changes.append({"step": step, "from": before, "to": value, "column": name})
        before = value
    if len(stages) > MOST_STAGES:
        return
    for value, stage in stages.items():
        label = value if value not in found["stages"] else f"{name}={value}"
        found["stages"][label] = {
            "start_step": stage.first,
            "end_step": stage.last,
            "duration": stage.last - stage.first,
            "samples": stage.samples,
        }
    found["transitions"] += changes


def _values(run: StoredRun, key: KeyPath) -> Iterator[tuple[int, str]]:
    """Yield (step, value as the guide prints it) of each row that logged the key."""
    for batch in run.history.batches(run.batch_rows, (("_step",), key)):
        for step, token in rows_of(batch, [("_step",), key], str):
            if step is not None and token not in (None, "null", "NaN"):
                yield int(float(step)), _printed(token or "")


def _printed(token: str) -> str:
    return str(json.loads(strict_token(token))) if token.startswith('"') else token
