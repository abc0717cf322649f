"""A local server that speaks what W&B's real client asks; see ``Server``."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

from . import schema
from .connections import Node
from .exact import json_text
from .execute import Execution
from .faults import Reply, Rule, Spoil
from .graphql import GraphQLProblem, parse
from .handler import Handler
from .model import ServedRun
from .request_log import Request, RequestLog


class Listener(ThreadingHTTPServer):
    """The socket; knows the server that it belongs to."""

    request_queue_size = 128
    daemon_threads = False
    owner: Server

    def handle_error(self, *_: object) -> None:
        """Write nothing to stderr: clients leave in many ways; the log keeps what was asked."""


@dataclass(frozen=True)
class Found:
    """A file that a GET names; ``kind`` is "Parquet" or "File"."""

    kind: str
    run: str
    name: str
    index: int
    content: bytes


class Server:
    """W&B's backend on loopback, for the real client with ``WANDB_BASE_URL`` set to ``url``.

    Use it in a ``with`` block; ``add_run`` says what it serves, ``fault`` what goes wrong,
    ``requests`` what was asked.
    """

    def __init__(self, port: int = 0, *, api_key: str | None = None) -> None:
        """Bind a port; with a key, every other key is answered with 401."""
        self.requests = RequestLog()
        self.api_key = api_key
        self.features: dict[str, bool] = {}
        self.history_page_cap: int | None = None
        self.events_cap: int | None = None
        self.storage_host = "127.0.0.1"  # "localhost" makes the files another host's
        self.viewer: Node | None = viewer("ann", "acme")
        self._runs: dict[tuple[str, str, str], ServedRun] = {}
        self._projects: dict[tuple[str, str], int] = {}
        self._rules: list[Rule] = []
        self._stored: dict[str, Found] = {}
        self._serial = itertools.count(1)
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._connections: set[socket.socket] = set()
        self._listener = Listener(("127.0.0.1", port), Handler)
        self._listener.owner = self
        self.port = int(self._listener.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,))

    def __enter__(self) -> Server:
        """Serve from now on."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and end every connection."""
        self.stop()

    def stop(self) -> None:
        """Stop serving; what hangs is cut."""
        self._stopped.set()
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join()
        with self._lock:
            for connection in self._connections:
                _end(connection)
        self._listener.server_close()

    def add_run(self, run: ServedRun) -> ServedRun:
        """Serve a run and its project."""
        self.add_project(run.entity, run.project)
        with self._lock:
            self._runs[run.key] = run
        return run

    def add_project(self, entity: str, project: str) -> None:
        """Serve a project, perhaps without runs."""
        with self._lock:
            self._projects.setdefault((entity, project), len(self._projects) + 1)

    def delete_run(self, run: ServedRun) -> None:
        """Serve the run no more; its project stays."""
        with self._lock:
            del self._runs[run.key]

    def fault(
        self,
        operation: str,
        spoil: Spoil,
        *,
        times: int | None = None,
        skip: int = 0,
        run: str = "*",
        where: Callable[[dict[str, Any]], bool] | None = None,
    ) -> Rule:
        """Spoil replies to an operation (a pattern): GraphQL's names, "Parquet" or "File"."""
        rule = Rule(operation, spoil, times, skip, run, where)
        with self._lock:
            self._rules.append(rule)
        return rule

    def heal(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._rules.clear()

    def expire_urls(self) -> None:
        """Make every Parquet address given so far forbidden."""
        with self._lock:
            self._stored.clear()

    # what the handler and the schema ask

    def project_number(self, entity: str, project: str) -> int | None:
        """Return the project's number, None for no such project."""
        return self._projects.get((entity, project))

    def runs_of(self, entity: str, project: str) -> list[ServedRun]:
        """Return a project's runs in the order in which they were added."""
        with self._lock:
            return [run for run in self._runs.values() if run.key[:2] == (entity, project)]

    def answer(self, query: str, variables: dict[str, Any]) -> Reply:
        """Return the good answer to a GraphQL document."""
        try:
            found = Execution(parse(query), variables).data(schema.root(self))
        except GraphQLProblem as problem:
            return Reply(json.dumps({"errors": [{"message": str(problem)}]}).encode(), 400)
        return Reply(json_text({"data": found}).encode())

    def spoilt(self, request: Request, reply: Reply) -> Reply:
        """Return the reply after all faults that apply."""
        with self._lock:
            for rule in self._rules:
                if rule.applies(request.operation, request.run, request.variables):
                    reply = rule.spoil(reply)
        return reply

    def export_urls(self, run: ServedRun) -> list[str]:
        """Return addresses of the run's Parquet files as they are now."""
        with self._lock:
            return [self._store(run, i, content) for i, content in enumerate(run.export_files())]

    def file_at(self, parts: list[str]) -> Found | None:
        """Return the file that a path names."""
        with self._lock:
            if len(parts) > 1 and parts[0] == "storage":
                return self._stored.get(parts[1])
            run = self._runs.get((parts[1], parts[2], parts[3])) if len(parts) > 4 else None
            name = "/".join(parts[4:])
            if parts[0] != "files" or run is None or name not in run.files:
                return None
            return Found("File", run.id, name, 0, run.files[name])

    def wait(self, seconds: float | None) -> None:
        """Wait so long, or until the server stops."""
        self._stopped.wait(seconds)

    def connected(self, connection: socket.socket) -> None:
        """Remember a connection."""
        with self._lock:
            self._connections.add(connection)
            if self._stopped.is_set():
                _end(connection)

    def disconnected(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.discard(connection)

    def _store(self, run: ServedRun, index: int, content: bytes) -> str:
        token = f"{next(self._serial):08x}"
        name = f"{index}.runhistory.parquet"
        self._stored[token] = Found("Parquet", run.id, name, index, content)
        place = f"{token}/{quote(run.entity)}/{quote(run.project)}/{quote(run.id, safe='')}/{name}"
        signature = f"X-Goog-Expires=86399&X-Goog-Signature={token}{int(time.time()):x}"
        return f"http://{self.storage_host}:{self.port}/storage/{place}?{signature}"


def viewer(username: str, entity: str) -> Node:
    """Return a user who can be asked for as the viewer."""
    team = {"__typename": "Entity", "id": "team:1", "name": entity}
    return {
        "__typename": "User",
        "id": f"user:{username}",
        "entity": entity,
        "name": username.title(),
        "username": username,
        "email": f"{username}@example.org",
        "flags": "{}",
        "admin": False,
        "deletedAt": None,
        "apiKeys": {"edges": []},
        "teams": {"edges": [{"node": team}]},
    }


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it ended by itself
        connection.shutdown(socket.SHUT_RDWR)
