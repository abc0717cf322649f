"""What a worker does with the one client that it has: list runs, look at one, ingest one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from dakota_wh.errors import SourceProblem
from dakota_wh.ingest.exports.facts import parse_time
from dakota_wh.ingest.landing import Options, land
from dakota_wh.ingest.progress import Progress
from dakota_wh.ingest.wandb_api.answers import answer_of, mapping, next_cursor, nodes, project_of
from dakota_wh.ingest.wandb_api.api_run import ApiRun
from dakota_wh.ingest.wandb_api.client import Client
from dakota_wh.ingest.wandb_api.failures import AGAIN, ClientEnded
from dakota_wh.ingest.wandb_api.messages import landed_words, progress_words
from dakota_wh.ingest.wandb_api.queries import RUNS
from dakota_wh.ingest.wandb_api.resume import Resume
from dakota_wh.ingest.wandb_api.run_address import RunAddress
from dakota_wh.ingest.wandb_api.run_record import fetch_record
from dakota_wh.warehouse.run_lock import WAIT
from dakota_wh.warehouse.run_row import newest

#: Seconds between two messages of progress.
_OFTEN: Final = 0.1
#: The share of a run's time after which nothing beside its history is fetched any more, so that
#: what was fetched is stored before the deadline ends this process.
_FOR_STREAMS: Final = 0.75

#: The share of it for which another process's lock on the run is waited for.
_FOR_LOCK: Final = 0.7
_FILTERS: Final = (
    "Check --filter: fields and operators are those of wandb.Api().runs, as in"
    ' \'{"config.lr.value": {"$gt": 0.001}}\'.'
)

Send = Callable[[Mapping[str, Any]], None]


@dataclass(slots=True)
class Worker:
    """The tasks of one worker process. ``folder`` is its private one."""

    client: Client
    folder: Path
    web: str | None
    send: Send

    def do(self, task: Mapping[str, Any]) -> Any:
        """Do one task and return its result as JSON values.

        Raises:
            WarehouseError: it failed; an ingest tells so in its result instead.
        """
        match task["task"]:
            case "ingest":
                return self._ingest(task)
            case "look":
                return self._look(task)
            case "list":
                return list(self._list(task))
            case other:
                raise SourceProblem(f"There is no task {other!r}.")

    def _ingest(self, task: Mapping[str, Any]) -> dict[str, Any]:
        self.client.until = None
        source = ApiRun(
            self.client,
            RunAddress(**task["address"]),
            self.folder,
            web=self.web,
            max_samples=task["max_samples"],
            until=time.monotonic() + _FOR_STREAMS * self.client.timeout,
        )
        told = [0.0]

        def tell(step: Progress) -> None:
            if time.monotonic() - told[0] >= _OFTEN or step.stage != "reading":
                told[0] = time.monotonic()
                self.send({"progress": progress_words(step)})

        # A lock that is waited for has to be named before the deadline ends this process.
        wait = min(WAIT, _FOR_LOCK * self.client.timeout)
        root, options = Path(task["root"]), Options(**task["options"])
        landed = land(root, source, options, tell, wait=wait)
        if isinstance(landed.error, ClientEnded):
            raise landed.error
        return landed_words(landed)

    def _look(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Return how a run is at the service and here, and what an ingest would do."""
        record = fetch_record(self.client, RunAddress(**task["address"]))
        live = newest(Path(task["root"]), task["store_as"] or record.address.run_id)
        stored = None if live is None else Resume.from_json(live.resume_point())
        if live is None:
            change = "new"
        elif stored is not None and stored.digest == record.digest() and stored.settled:
            change = "unchanged"
        elif stored is None:
            change = f"all again, stored from {live.source_name or live.source}"
        else:
            change = "changed"
        return {
            "run_id": record.address.run_id,
            "address": str(record.address),
            "name": record.attributes.get("displayName"),
            "state": record.state,
            "expected_rows": record.line_count,
            "stored_rows": None if live is None else live.rows,
            "change": change,
        }

    def _list(self, task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the addresses of a project's runs that match, the oldest first."""
        entity = task["entity"] or self.client.default_entity()
        about = f"the runs of {entity}/{task['project']}"
        since = parse_time(task["since"]) if task["since"] else None
        variables = {
            "entity": entity,
            "project": task["project"],
            "perPage": 50,
            "order": "+created_at",
            "filters": json.dumps(task["filters"]),
            "cursor": None,
        }
        seen: set[str] = set()
        while True:
            answer = self.client.query(
                RUNS, variables, about, _FILTERS if task["filters"] else AGAIN
            )
            project = project_of(answer_of(answer, about), entity, task["project"])
            runs = mapping(project.get("runs"))
            for node in nodes(runs):
                name = node.get("name")
                if isinstance(name, str) and name not in seen and _matches(node, task, since):
                    seen.add(name)  # pages shift when runs are added meanwhile
                    yield {"run_id": name, "project": task["project"], "entity": entity}
            cursor = next_cursor(runs)
            if cursor in (None, variables["cursor"]):
                return
            variables["cursor"] = cursor


def _matches(node: Mapping[str, Any], task: Mapping[str, Any], since: datetime | None) -> bool:
    """Tell whether a run matches what was asked for by name, also where the service is lax."""
    if task["state"] and str(node.get("state")).lower() not in task["state"]:
        return False
    if task["group"] and node.get("group") != task["group"]:
        return False
    created = parse_time(str(node.get("createdAt") or ""))
    return since is None or created is None or created >= since
