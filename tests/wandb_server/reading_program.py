"""Asks W&B's real client for everything, and prints what it gave; run as a subprocess."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow.parquet as pq
import wandb

HISTORY_PAGE = """
query HistoryPage($entity: String!, $project: String!, $run: String!,
                  $minStep: Int64!, $maxStep: Int64!, $pageSize: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $run) { history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) }
  }
}
"""


def page(api: Any, path: str, low: int, high: int) -> list[str]:
    """Return rows of a window as the server wrote them."""
    entity, project, run = path.split("/")
    variables: dict[str, Any] = {"entity": entity, "project": project, "run": run}
    variables |= {"minStep": low, "maxStep": high, "pageSize": high - low}
    found = api._service_api.execute_graphql(HISTORY_PAGE, variables)
    rows: list[str] = found["project"]["run"]["history"]
    return rows


def everything(api: Any, path: str) -> dict[str, Any]:
    """Return all that the public client says of a run."""
    run = api.run(path)
    exports = run.download_history_exports(mkdtemp(), require_complete_history=False)
    tables = {file.name: pq.read_table(file) for file in exports.paths}
    folder = mkdtemp()
    for file in run.files():
        file.download(root=folder)
    return {
        "id": run.id,
        "name": run.name,
        "state": run.state,
        "config": run.config,
        "raw_config": run.rawconfig,
        "summary": dict(run.summary),
        "created_at": run.created_at,
        "heartbeat_at": run.heartbeatAt,
        "group": run.group,
        "tags": run.tags,
        "lines": run.historyLineCount,
        "last_step": run.lastHistoryStep,
        "keys": sorted(run.historyKeys["keys"]),
        "metadata": run.metadata,
        "files": {
            file.name: (Path(folder) / file.name).read_bytes().decode() for file in run.files()
        },
        "scan": list(run.scan_history(use_cache=False, page_size=30)),
        "scan_keys": list(run.scan_history(keys=["loss"], use_cache=False)),
        "sampled": run.history(samples=7, pandas=False),
        "sampled_keys": run.history(samples=3, keys=["loss"], pandas=False),
        "events": run.history(stream="system", pandas=False),
        "artifacts": [[one.name, one.type, one.aliases] for one in run.logged_artifacts()],
        "export": {name: table.to_pylist() for name, table in sorted(tables.items())},
        "types": {
            name: [str(kind) for kind in table.schema.types]
            for name, table in sorted(tables.items())
        },
        "export_errors": {str(name): text for name, text in (exports.errors or {}).items()},
        "live": exports.contains_live_data,
        "page": page(api, path, 0, run.lastHistoryStep + 1),
    }


def listing(api: Any, path: str, queries: list[dict[str, Any]]) -> list[Any]:
    """Return the ids that each query lists, or the error."""
    found: list[Any] = []
    for query in queries:
        try:
            found.append([run.id for run in api.runs(path, **query)])
        except Exception as problem:
            found.append(repr(problem))
    return found


def problem(ask: Any) -> str:
    """Return the error of a call."""
    try:
        ask()
    except Exception as found:
        return repr(found)
    return "none"


def main() -> None:
    """Read the task in the argument, print the answer as the last line."""
    task = json.loads(sys.argv[1])
    api: Any = wandb.Api(timeout=20)
    answer: dict[str, Any] = {path: everything(api, path) for path in task.get("runs", [])}
    for path, queries in task.get("listings", {}).items():
        answer[path] = listing(api, path, queries)
    for path in task.get("missing", []):
        entity, project, _ = path.split("/")
        answer[path] = [
            problem(lambda path=path: api.run(path)),
            problem(lambda entity=entity, project=project: api.project(project, entity).id),
        ]
    print(json.dumps(answer, default=dict))  # nested summaries are mappings of their own


if __name__ == "__main__":
    main()
