"""Which part of a training a run is, with the evidence for it.

Precedence: what the user says; the families of keys logged; the run's name; its config. Two
sources that agree are accepted; a conflict gives ``unknown`` and shows both. Rules and weights:
prime-rl's logging eras, read in its source; other frameworks log everything in one run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dakota_wh.ingest import patterns

_NAME: Final = re.compile(r"[-_. ](orchestrator|orch|trainer)([-_. ]?\d+)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Role:
    """A role of ``warehouse.layout.ROLES`` and the sentence that says why."""

    role: str
    evidence: str


def detect(metrics: Iterable[str], name: str | None, config: Mapping[str, Any]) -> Role:
    """Return the role of a run that logs ``metrics`` (printed keys), with its evidence."""
    names = list(metrics)
    logged = _from_families(names)
    if logged is not None and logged.role == "shared":
        return logged  # keys of both writers are there, whatever the name says
    found = [r for r in (logged, _from_name(name, config), _from_config(config)) if r]
    roles = {r.role for r in found}
    evidence = "; ".join(r.evidence for r in found)
    if len(roles) == 1:
        return Role(roles.pop(), evidence)
    if len(roles) > 1:
        return Role("unknown", f"conflict: {evidence}")
    return _from_framework(names)


def _from_families(metrics: list[str]) -> Role | None:
    found = patterns.families(metrics)
    orchestrator, trainer = found["orchestrator"], found["trainer"]
    shown = (
        f"{len(orchestrator)} orchestrator and {len(trainer)} trainer families of keys logged"
        f" ({', '.join(list({**orchestrator, **trainer}.values())[:4])})"
    )
    if len(orchestrator) >= 2 and len(trainer) >= 3:
        return Role("shared", shown)
    if len(orchestrator) >= 2 and len(trainer) <= 1:
        return Role("orchestrator", shown)
    if len(trainer) >= 3 and len(orchestrator) <= 1:
        return Role("trainer", shown)
    return None


def _from_name(name: str | None, config: Mapping[str, Any]) -> Role | None:
    for place, text in (
        ("the run's name", name),
        ("config.wandb.name", _at(config, "wandb", "name")),
        ("config.monitors.wandb.name", _at(config, "monitors", "wandb", "name")),
    ):
        match = _NAME.search(text) if isinstance(text, str) else None
        if match:
            role = "trainer" if match[1].lower() == "trainer" else "orchestrator"
            return Role(role, f"{place} is {text}")
    return None


def _from_config(config: Mapping[str, Any]) -> Role | None:
    keys = set(config)
    orchestrator = (
        "rollouts_per_example" in keys
        or {"client", "sampling", "env"} <= keys
        or {"group_size", "num_train_workers"} <= keys
    )
    trainer = {"optim", "loss", "scheduler"} <= keys
    if orchestrator and trainer:
        return Role("shared", "the config has the keys of both sides")
    if orchestrator:
        return Role("orchestrator", "the config has an orchestrator's keys")
    if trainer:
        return Role("trainer", "the config has optim, loss and scheduler")
    return None


def _from_framework(metrics: list[str]) -> Role:
    own = patterns.framework(metrics)
    if own not in (None, "prime-rl"):
        return Role("single", f"keys of {own}, which logs everything in one run")
    kinds = {kind.kind for kind in patterns.kinds(metrics).values()}
    if "reward" in kinds and kinds & {"loss", "kl", "entropy", "grad_norm"}:
        return Role("single", "a reward and a loss are logged in one run")
    return Role("unknown", "no keys, name or config that tell; say it with ingest --role")


def _at(config: Mapping[str, Any], *path: str) -> object:
    value: object = config
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
