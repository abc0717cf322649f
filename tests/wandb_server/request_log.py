"""What was asked, in order, for tests to count."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """One request; the value of Authorization is never kept."""

    operation: str  # of GraphQL, "Parquet", "File", or method and path
    method: str
    path: str
    variables: dict[str, Any]
    headers: dict[str, str]  # names in lower case
    query: str = ""
    run: str = ""
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    status: int | None = None  # None: no answer

    @property
    def authorized(self) -> bool:
        """Return whether a key came along."""
        return "authorization" in self.headers


class RequestLog:
    """All requests since the start or the last ``clear``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []

    def add(self, request: Request) -> None:
        """Append a request."""
        with self._lock:
            self._requests.append(request)

    def all(self, operation: str | None = None, run: str | None = None) -> list[Request]:
        """Return the requests, of one operation or run where given."""
        with self._lock:
            return [
                request
                for request in self._requests
                if operation in (None, request.operation) and run in (None, request.run)
            ]

    def count(self, operation: str | None = None, run: str | None = None) -> int:
        """Return how many there were."""
        return len(self.all(operation, run))

    def counts(self) -> dict[str, int]:
        """Return the number of requests by operation."""
        return dict(Counter(request.operation for request in self.all()))

    def most_at_once(self) -> int:
        """Return how many requests were under way at the same time."""
        moments = []
        for request in self.all():
            moments += [(request.started, 1), (request.ended or time.monotonic(), -1)]
        under_way = most = 0
        for _, change in sorted(moments):
            under_way += change
            most = max(most, under_way)
        return most

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._requests.clear()


def masked(headers: dict[str, str]) -> dict[str, str]:
    """Return headers by lower-case name without the secret in Authorization."""
    found = {name.lower(): value for name, value in headers.items()}
    for name in ("authorization", "cookie", "x-wandb-api-key"):
        if name in found:
            found[name] = found[name].split(" ")[0] + " ***"
    return found
