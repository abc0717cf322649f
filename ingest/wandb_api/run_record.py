"""One run as the service describes it, without its history: asked anew at every ingest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from dakota_wh.errors import NoSuchSource, SourceProblem
from dakota_wh.ingest.certificate import whole
from dakota_wh.ingest.exports.facts import parse_time, plain_config, plain_summary
from dakota_wh.ingest.exports.tokens import clean_facts, plain_decoder
from dakota_wh.ingest.source import Ended, RunFacts, StepMetric
from dakota_wh.ingest.wandb_api.answers import answer_of, mappings, project_of
from dakota_wh.ingest.wandb_api.client import Client
from dakota_wh.ingest.wandb_api.queries import RUN
from dakota_wh.ingest.wandb_api.run_address import RunAddress

_ENDED: Final = {
    "finished": Ended.FINISHED,
    "failed": Ended.FAILED,
    "crashed": Ended.FAILED,
    "killed": Ended.FAILED,
    "preempted": Ended.FAILED,
    "running": Ended.OPEN,
    "pending": Ended.OPEN,
    "preempting": Ended.OPEN,
}

_DIGITS: Final = re.compile(r"-?[0-9]{1,18}")

# Field numbers of W&B's MetricRecord, as config's ``_wandb.m`` has them.
_NAME, _GLOB, _AXIS, _AXIS_INDEX = "1", "2", "4", "5"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What the service says of a run; the counts are None where it does not say."""

    address: RunAddress
    state: str
    line_count: int | None
    last_step: int | None
    #: How many values were logged under a key, by its dotted name; a logged None is no value.
    key_counts: Mapping[str, int]
    heartbeat: str | None
    summary: Mapping[str, Any]
    config: Mapping[str, Any]
    step_metrics: tuple[StepMetric, ...]
    attributes: Mapping[str, Any]

    @property
    def ended(self) -> Ended:
        """How the run ended, by its state."""
        return _ENDED.get(self.state.lower(), Ended.UNKNOWN)

    def digest(self) -> str:
        """Return a hash of everything that an ingest stores of the run beside its history."""
        words = {key: self.attributes.get(key) for key in _DIGESTED}
        text = json.dumps(words, sort_keys=True, default=str)
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()

    def facts(self, web: str | None) -> RunFacts:
        """Return the facts; ``web`` is the address of the service's pages, for the run's own."""
        address, told = self.address, self.attributes
        facts = RunFacts(
            run_id=address.run_id,
            entity=address.entity,
            project=address.project,
            name=_text(told, "displayName"),
            group=_text(told, "group"),
            job_type=_text(told, "jobType"),
            notes=_text(told, "notes"),
            tags=tuple(tag for tag in _list(told, "tags") if isinstance(tag, str)),
            sweep_id=_text(told, "sweepName"),
            state=self.state or None,
            created_at=parse_time(_text(told, "createdAt") or ""),
            config=dict(self.config),
            summary=dict(self.summary),
            step_metrics=self.step_metrics,
            ended=self.ended,
            expected_rows=self.line_count,
            last_step=self.last_step,
            key_counts=self.key_counts,
        )
        if web and address.entity:
            words = (quote(one, safe="") for one in (address.entity, address.project))
            facts.url = f"{web}/{'/'.join(words)}/runs/{quote(address.run_id, safe='')}"
        return facts


_DIGESTED: Final = (
    "state", "displayName", "tags", "group", "jobType", "notes", "sweepName", "createdAt",
    "config", "summaryMetrics", "historyLineCount", "historyKeys", "heartbeatAt",
)  # fmt: skip


def fetch_record(client: Client, address: RunAddress) -> RunRecord:
    """Ask the service for a run (one request, and one for the account where no entity is named).

    Raises:
        NoSuchSource: it has no such run, or no such project.
        SourceProblem: the answer is not W&B's form.
    """
    if address.entity is None:
        address = RunAddress(address.run_id, address.project, client.default_entity())
    if not client.can_query:
        return read_record(address, client.attributes(address))
    where = {"entity": address.entity, "project": address.project, "name": address.run_id}
    about = f"run {address}"
    answer = answer_of(client.query(RUN, where, about), about)
    return read_record(address, found_run(answer, address))


def found_run(answer: Mapping[str, Any], address: RunAddress) -> Mapping[str, Any]:
    """Return ``project.run`` of an answer.

    Raises:
        NoSuchSource: the project, or the run, is not there.
    """
    run = project_of(answer, address.entity, address.project).get("run")
    if not isinstance(run, dict):
        raise NoSuchSource(
            f"The project {address.entity}/{address.project} has no run {address.run_id}.",
            hint="Check the id: it is the last part of the run's web address, not its name.",
        )
    return run


def read_record(address: RunAddress, told: Mapping[str, Any]) -> RunRecord:
    """Return the record of a run from the service's fields.

    Raises:
        SourceProblem: config or summary is no JSON object.
    """
    raw = _object(told, "config", address)
    keys = told.get("historyKeys")
    keys = keys if isinstance(keys, dict) else {}
    return RunRecord(
        address=address,
        state=str(told.get("state") or ""),
        line_count=whole_number(told.get("historyLineCount")),
        last_step=whole_number(keys.get("lastStep")),
        key_counts=_key_counts(keys.get("keys")),
        heartbeat=_text(told, "heartbeatAt"),
        summary=plain_summary(_object(told, "summaryMetrics", address)),
        config=plain_config(raw),
        step_metrics=tuple(_step_metrics(raw.get("_wandb"))),
        attributes=told,
    )


def _object(told: Mapping[str, Any], key: str, address: RunAddress) -> dict[str, Any]:
    """Return a field that is JSON text of an object; integers stay exact."""
    text = told.get(key)
    if text is None or text == "":
        return {}
    try:
        value = clean_facts(plain_decoder().decode(text) if isinstance(text, str) else text)
    except (ValueError, RecursionError) as error:
        raise SourceProblem(
            f"W&B's {key} of run {address} is no JSON: {error}.", hint="Ingest it again."
        ) from error
    return value if isinstance(value, dict) else {}


def _step_metrics(own: Any) -> list[StepMetric]:
    """Return the ``define_metric`` axes, which W&B keeps in the config's ``_wandb.value.m``."""
    value = own.get("value") if isinstance(own, dict) else None
    metrics = list(mappings(value.get("m"))) if isinstance(value, dict) else []
    found: list[StepMetric] = []
    for entry in metrics:
        name, axis, index = (entry.get(k) for k in (_NAME, _AXIS, _AXIS_INDEX))
        if axis is None and isinstance(index, int) and 0 < index <= len(metrics):
            axis = metrics[index - 1].get(_NAME)
        name = name or entry.get(_GLOB)
        if isinstance(name, str) and isinstance(axis, str):
            found.append(StepMetric(name, axis))
    return found


def _key_counts(keys: object) -> dict[str, int]:
    """Return the counts of ``historyKeys.keys``: ``{"loss": {"typeCounts": [{"type", "count"}]}}``.

    W&B's own keys are left out, and every key whose counts are not of this form.
    """
    found: dict[str, int] = {}
    for key, told in (keys if isinstance(keys, dict) else {}).items():
        types = told.get("typeCounts") if isinstance(told, dict) else None
        if key.startswith("_") or not isinstance(types, list):
            continue
        entries = [entry for entry in types if isinstance(entry, dict)]
        counts = [whole_number(e.get("count")) for e in entries if e.get("type") != "nil"]
        if len(entries) == len(types) and None not in counts:
            found[key] = sum(filter(None, counts))
    return found


def whole_number(value: object) -> int | None:
    """Return a whole number that the service may write as ``9``, ``9.0`` or ``"9"``, else None."""
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else None
    return whole(value)


def _list(told: Mapping[str, Any], key: str) -> list[Any]:
    value = told.get(key)
    return value if isinstance(value, list) else []


def _text(told: Mapping[str, Any], key: str) -> str | None:
    value = told.get(key)
    return value if isinstance(value, str) and value.strip() else None
