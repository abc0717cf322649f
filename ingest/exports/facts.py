"""A run's facts from an export: run_info, summary, config, and the files beside a history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.stamp import cannot_read
from dakota_wh.ingest.exports.tokens import clean_facts, plain_decoder
from dakota_wh.ingest.source import MOST, Ended, RunFacts

#: The files that may lie beside ``<id>_history.csv`` or ``.parquet``.
SIDECARS = ("summary", "config", "metadata")

_ENDED = {
    "finished": Ended.FINISHED,
    "failed": Ended.FAILED,
    "crashed": Ended.FAILED,
    "killed": Ended.FAILED,
    "running": Ended.OPEN,
}

# How W&B's service spells non-finite numbers in the JSON of a summary.
_NON_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def sidecars(folder: Path, run_id: str) -> dict[str, Path]:
    """Return those of ``<id>_summary.json``, ``_config.json``, ``_metadata.json`` that exist."""
    found = {kind: folder / f"{run_id}_{kind}.json" for kind in SIDECARS}
    return {kind: path for kind, path in found.items() if path.is_file()}


def facts_beside(run_id: str, found: Mapping[str, Path]) -> RunFacts:
    """Return what the sidecar files say of a run.

    Raises:
        SourceProblem: one of them is not a JSON object.
    """
    loaded = {kind: load_object(path) for kind, path in found.items()}
    info = dict(loaded.get("metadata", {}))
    if "startedAt" in info:
        # W&B writes this file when a run starts: its state says "running" for ever.
        info.pop("state", None)
    for unused in ("notes", "job_type", "jobType", "sweep_id", "sweep"):
        info.pop(unused, None)
    return run_facts(run_id, info, loaded.get("config", {}), loaded.get("summary", {}))


def run_facts(
    run_id: str, info: Mapping[str, Any], config: Mapping[str, Any], summary: Mapping[str, Any]
) -> RunFacts:
    """Return the facts of a run; of ``info`` only what names it, never hosts, paths or e-mail."""
    state = _text(info, "state")
    own = plain_config(config)
    facts = RunFacts(
        run_id=run_id,
        entity=_text(info, "entity"),
        project=_text(info, "project"),
        name=_text(info, "name", "display_name", "displayName") or _name_asked_for(own),
        group=_text(info, "group", "run_group"),
        job_type=_text(info, "job_type", "jobType"),
        notes=_text(info, "notes"),
        tags=_tags(info.get("tags")),
        sweep_id=_text(info, "sweep_id", "sweep"),
        url=_bare_url(_text(info, "url")),
        state=state,
        created_at=_first_time(info),
        config=own,
        summary=plain_summary(summary),
        ended=_ENDED.get((state or "").lower(), Ended.UNKNOWN),
    )
    facts.expected_rows = line_count(info)
    return facts


def _name_asked_for(config: Mapping[str, Any]) -> str | None:
    """Return the name that a run's own config asks W&B for, for a source that tells no name.

    prime-rl has it under ``wandb``, in newer versions under ``monitors.wandb``.
    """
    monitors = config.get("monitors")
    for place in (config, monitors):
        own = place.get("wandb") if isinstance(place, Mapping) else None
        if isinstance(own, Mapping) and (name := _text(own, "name")):
            return name
    return None


def line_count(info: Mapping[str, Any]) -> int | None:
    """Return W&B's own count of the run's history rows, where ``info`` has it."""
    for key in ("historyLineCount", "history_line_count"):
        count = info.get(key)
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MOST:
            return count
    return None


def plain_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config without W&B's bookkeeping and without its ``{"value": …}`` wrapping.

    The wrapping is taken off only when every entry has it: ``value`` may be a key of one's own.
    """
    own = {key: value for key, value in config.items() if key != "_wandb"}
    wrapped = own and all(
        isinstance(entry, dict) and "value" in entry and entry.keys() <= {"value", "desc"}
        for entry in own.values()
    )
    return {key: entry["value"] for key, entry in own.items()} if wrapped else own


def plain_summary(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a summary without W&B's bookkeeping, its spelt-out NaN and infinities as floats."""
    return {key: _number_words(value) for key, value in summary.items() if key != "_wandb"}


def parse_time(text: str) -> datetime | None:
    """Return an ISO 8601 time as aware UTC (W&B writes UTC, with or without saying so)."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def load_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a small file.

    Raises:
        SourceProblem: it cannot be read, or holds something else.
    """
    again = "Export the run again, or remove that file and ingest without it."
    try:
        data = path.read_bytes()
        value = clean_facts(plain_decoder().decode(data.decode("utf-8-sig").strip()))
    except OSError as error:
        raise cannot_read(path, error) from error
    except UnicodeDecodeError as error:
        raise SourceProblem(
            f"{path.name} is not UTF-8 text (byte {error.start}).", hint=again
        ) from error
    except json.JSONDecodeError as error:
        raise SourceProblem(
            f"{path.name} is not valid JSON: {error.msg} (line {error.lineno}).", hint=again
        ) from error
    except RecursionError as error:
        raise SourceProblem(f"{path.name} is nested too deep.", hint=again) from error
    if not isinstance(value, dict):
        raise SourceProblem(f"{path.name} holds no JSON object.", hint=again)
    return value


def _text(info: Mapping[str, Any], *keys: str) -> str | None:
    for key in keys:
        value = info.get(key)
        if isinstance(value, str) and value.strip():
            return value
    return None


def _tags(value: object) -> tuple[str, ...]:
    return tuple(tag for tag in value if isinstance(tag, str)) if isinstance(value, list) else ()


def _first_time(info: Mapping[str, Any]) -> datetime | None:
    text = _text(info, "created_at", "createdAt", "startedAt", "started_at")
    return parse_time(text) if text else None


def _bare_url(url: str | None) -> str | None:
    """Return a web address without user, password, query and fragment: secrets travel there."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _number_words(value: Any) -> Any:
    if isinstance(value, str):
        return _NON_FINITE.get(value, value)
    if isinstance(value, dict):
        return {key: _number_words(inner) for key, inner in value.items()}
    return value
