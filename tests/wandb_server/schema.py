"""The objects that a GraphQL document can ask for, as nested mappings."""

from __future__ import annotations

import copy
import json
from typing import Protocol

from . import history
from .connections import Arguments, Node, artifacts, files, opaque, page
from .exact import json_text
from .filters import matches, ordered
from .model import ServedRun


class World(Protocol):
    """What the objects need of the server."""

    url: str
    viewer: Node | None
    features: dict[str, bool]
    history_page_cap: int | None
    events_cap: int | None

    def project_number(self, entity: str, project: str) -> int | None:
        """Return the project's number, None for no such project."""

    def runs_of(self, entity: str, project: str) -> list[ServedRun]:
        """Return a project's runs."""

    def export_urls(self, run: ServedRun) -> list[str]:
        """Return addresses of the run's Parquet files as they are now."""


def root(world: World) -> Node:
    """Return the root of all queries."""
    features = [{"name": name, "isEnabled": on} for name, on in world.features.items()]
    return {
        "viewer": world.viewer,
        "serverInfo": {
            "__typename": "ServerInfo",
            "features": features,
            "cliVersionInfo": {"max_cli_version": "99.0.0"},
            "latestLocalVersionInfo": None,
        },
        "project": lambda given: _project(world, given.get("entityName"), given["name"]),
    }


def _project(world: World, entity: str | None, name: str) -> Node | None:
    entity = entity or (world.viewer or {}).get("entity", "")
    number = world.project_number(entity, name)
    if number is None:
        return None

    def one(given: Arguments) -> Node | None:
        for run in world.runs_of(entity, name):
            if run.id == given["name"]:
                return run_node(world, run)
        return None

    def chosen(given: Arguments) -> list[ServedRun]:
        wanted = json.loads(given.get("filters") or "{}")
        runs = [run for run in world.runs_of(entity, name) if matches(run, wanted)]
        return ordered(runs, given.get("order"))

    return {
        "__typename": "Project",
        "id": f"project:{number}",
        "internalId": str(number),
        "name": name,
        "entityName": entity,
        "entity": {"__typename": "Entity", "name": entity},
        "createdAt": "2026-01-01T00:00:00Z",
        "isBenchmark": False,
        "readOnly": False,
        "user": world.viewer,
        "runCount": lambda given: len(chosen(given)),
        "runs": lambda given: page(chosen(given), given, lambda run: run_node(world, run)),
        "run": one,
    }


def run_node(world: World, run: ServedRun) -> Node:
    """Return a run with everything that can be asked of it, as it is now."""
    run = copy.copy(run)
    config = {key: {"value": value, "desc": None} for key, value in run.config.items()}
    number = str(world.project_number(run.entity, run.project))
    node: Node = {
        "__typename": "Run",
        "id": opaque(f"Run:v1:{run.id}:{run.project}:{run.entity}"),
        "projectId": number,
        "name": run.id,
        "displayName": run.name or run.id,
        "state": run.state,
        "tags": list(run.tags),
        "config": json_text(run.raw_config | config),
        "summaryMetrics": json_text(run.summary),
        "systemMetrics": json_text(run.system_metrics),
        "historyLineCount": len(run.rows),
        "historyKeys": lambda _: history.history_keys(run),
        "user": {"__typename": "User", "name": run.username.title(), "username": run.username},
        "createdAt": run.created_at,
        "heartbeatAt": run.heartbeat_at,
        "updatedAt": run.heartbeat_at,
        "sweepName": run.sweep,
        "group": run.group,
        "jobType": run.job_type,
        "commit": run.commit,
        "readOnly": False,
        "description": None,
        "notes": run.notes,
        "fileCount": len(run.files),
        "history": lambda given: history.history(run, given, world.history_page_cap),
        "events": lambda given: history.events(run, given, world.events_cap),
        "sampledHistory": lambda given: history.sampled_history(run, given),
        "parquetHistory": lambda given: {
            "__typename": "ParquetHistory",
            "parquetUrls": world.export_urls(run),
            "liveData": history.live_data(run, given.get("liveKeys") or []),
        },
        "files": lambda given: files(world.url, run, given),
        "outputArtifacts": lambda given: artifacts(run, number, given, run.artifacts),
        "inputArtifacts": lambda given: artifacts(run, number, given, []),
    }
    return node | {name: claim for name, claim in run.claims.items() if name in node}
