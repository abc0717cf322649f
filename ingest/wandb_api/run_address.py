"""Which run, or which runs of a project, a WHAT of ``dakota-wh ingest WHAT…`` means.

An address is words only: nothing is asked of the service to read one.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from dakota_wh.errors import NoSuchSource, UsageProblem

#: What W&B forbids in the names of entities and projects, and what ends a path.
_FORBIDDEN: Final = re.compile(r'[/\\#?%:"<>|\x00-\x1f]')
#: A run id may hold more, such as the %2F of a client that quoted it once too often.
_FORBIDDEN_IN_ID: Final = re.compile(r"[/#?:\x00-\x1f]")

#: Words that can only be a path: they begin as one, or end as a file that is known here.
_PATH_LIKE: Final = re.compile(
    r"^[.~/\\]|\\|^[A-Za-z]:|\.(wandb|csv|tsv|json|jsonl|ndjson|parquet|pq|zip|gz)$", re.IGNORECASE
)

#: Hosts of W&B's own service, where no base URL needs to be set.
SERVICE_HOSTS: Final = frozenset(
    {"wandb.ai", "www.wandb.ai", "app.wandb.ai", "api.wandb.ai", "forge.coreweave.com"}
)


@dataclass(frozen=True, slots=True)
class RunAddress:
    """One run. ``entity`` is None where the signed-in account's own is meant."""

    run_id: str
    project: str
    entity: str | None = None

    def __str__(self) -> str:
        """Return ``entity/project/id``, without the entity where it is the account's own."""
        return "/".join(part for part in (self.entity, self.project, self.run_id) if part)


@dataclass(frozen=True, slots=True)
class ProjectAddress:
    """All runs of a project, to be narrowed by filters."""

    project: str
    entity: str | None = None

    def __str__(self) -> str:
        """Return ``entity/project``."""
        return "/".join(part for part in (self.entity, self.project) if part)


Address = RunAddress | ProjectAddress


def is_path_like(what: str) -> bool:
    """Tell whether words can only be meant as a file or folder."""
    return _PATH_LIKE.search(what) is not None and "://" not in what


def read_address(
    what: str, entity: str | None = None, project: str | None = None, *, base_url: str | None = None
) -> Address:
    """Return what ``what`` means, with entity and project from the call, else the environment.

    Args:
        what: a run id, ``entity/project/id``, ``entity/project``, or a web address of one of them.
        entity: the entity where ``what`` does not name it; else ``$WANDB_ENTITY``.
        project: the project where ``what`` does not name it; else ``$WANDB_PROJECT``.
        base_url: the server that is set; a web address of another one is refused.

    Raises:
        NoSuchSource: these words can be no run, or no project is known.
        UsageProblem: the web address is of another server.
    """
    try:
        words = _web_words(what, base_url) if "://" in what else _plain_words(what)
    except ValueError:  # not even urlsplit knows what it is
        words = []
    entity = entity or os.environ.get("WANDB_ENTITY") or None
    project = project or os.environ.get("WANDB_PROJECT") or None
    names, ids = (words, []) if len(words) == 2 else (words[:-1], words[-1:])
    wrong = any(map(_FORBIDDEN.search, names)) or any(map(_FORBIDDEN_IN_ID.search, ids))
    if not words or len(words) > 3 or not all(words) or wrong:
        raise NoSuchSource(f"{what!r} is no run of W&B, and no file or folder here.", hint=TAKES)
    if len(words) == 3:
        return RunAddress(words[2], words[1], words[0])
    if len(words) == 2:
        return ProjectAddress(words[1], words[0])
    if not project:
        raise NoSuchSource(
            f"There is no file or folder {words[0]} here; a run of W&B needs its project.",
            hint="Give entity/project/id, or --entity E --project P, or set WANDB_ENTITY and"
            " WANDB_PROJECT.",
        )
    return RunAddress(words[0], project, entity)


TAKES: Final = (
    "A run is an id, entity/project/id or its web address; runs of a project are entity/project"
    " with --state, --since, --group or --filter."
)


def _plain_words(what: str) -> list[str]:
    return what.strip().removeprefix("wandb:").strip("/").split("/")


def _web_words(what: str, base_url: str | None) -> list[str]:
    """Return entity, project and run id of ``https://host/…/entity/project/runs/id/…``."""
    parts = urlsplit(what.strip())
    if not _is_host(parts.hostname or "", base_url):
        raise UsageProblem(
            f"{parts.hostname} is not the W&B server that is set.",
            hint=f"If it is yours: WANDB_BASE_URL={parts.scheme}://{parts.hostname}",
        )
    words = [unquote(word) for word in parts.path.split("/") if word]
    if words[:1] == ["wandb"] and len(words) > 2 and words[2] not in ("runs", "sweeps"):
        words = words[1:]  # forge.coreweave.com/wandb/entity/project/runs/id
    if len(words) >= 4 and words[2] == "runs":
        return [words[0], words[1], words[3]]
    if len(words) == 2 or (len(words) > 2 and words[2] in ("workspace", "overview", "table")):
        return words[:2]
    return []


def _is_host(host: str, base_url: str | None) -> bool:
    """Tell whether a web address is of the server that is set: a key goes nowhere else."""
    own = urlsplit(base_url).hostname or "" if base_url else ""
    if own:
        return host in (own, own.removeprefix("api.")) or (
            own.removeprefix("api.") in SERVICE_HOSTS and host in SERVICE_HOSTS
        )
    return host in SERVICE_HOSTS
