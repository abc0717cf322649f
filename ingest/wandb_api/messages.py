"""What a worker and the process that started it tell each other: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from dakota_wh import errors
from dakota_wh.errors import ExitCode, WarehouseError
from dakota_wh.ingest.landed import Action, Landed
from dakota_wh.ingest.progress import Progress


def line(message: Mapping[str, Any]) -> bytes:
    """Return a message as a line."""
    return json.dumps(message, default=str).encode() + b"\n"


def error_words(error: WarehouseError) -> dict[str, Any]:
    """Return an error as JSON values."""
    return {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "exit_code": int(error.exit_code),
    }


def error_from(words: Mapping[str, Any]) -> WarehouseError:
    """Return the error that :func:`error_words` wrote; of a class unknown here, its exit code."""
    kind = getattr(errors, words["type"], WarehouseError)
    known = isinstance(kind, type) and issubclass(kind, WarehouseError)
    error: WarehouseError = (kind if known else WarehouseError)(
        words["message"], hint=words["hint"]
    )
    error.exit_code = ExitCode(words["exit_code"])
    return error


def landed_words(landed: Landed) -> dict[str, Any]:
    """Return an outcome as JSON values."""
    words = asdict(replace(landed, error=None))
    words["error"] = None if landed.error is None else error_words(landed.error)
    return words


def landed_from(words: Mapping[str, Any]) -> Landed:
    """Return the outcome that :func:`landed_words` wrote."""
    known = dict(words)
    known["action"] = Action(known["action"])
    known["warnings"] = tuple(known["warnings"])
    known["streams"] = tuple(known["streams"])
    known["error"] = None if known["error"] is None else error_from(known["error"])
    return Landed(**known)


def progress_words(progress: Progress) -> dict[str, Any]:
    """Return a step of progress as JSON values."""
    return asdict(progress)


def progress_from(words: Mapping[str, Any]) -> Progress:
    """Return the step that :func:`progress_words` wrote."""
    return Progress(**words)
