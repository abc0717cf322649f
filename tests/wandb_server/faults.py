"""Faults: each makes a spoilt reply of a good one; the server applies them by rule."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

JSON = "application/json"


@dataclass(frozen=True)
class Reply:
    """An HTTP answer and the manner in which it is sent."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before the first byte
    pace: float = 0.0  # seconds that the body takes
    drop: str | None = None  # "before" the first byte, or in the "middle" of the body
    hang: bool = False  # never answers


Spoil = Callable[[Reply], Reply]


def status(code: int, text: str = "", **headers: str) -> Spoil:
    """Answer with an HTTP status and GraphQL's form of an error."""
    body = json.dumps({"errors": [{"message": text or f"served status {code}"}]}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda reply: replace(reply, body=body, status=code, content_type=JSON, headers=named)


def unauthorized() -> Spoil:
    """Answer 401."""
    return status(401, "user is not logged in")


def forbidden() -> Spoil:
    """Answer 403."""
    return status(403, "permission denied")


def too_many(retry_after: float | str | None = None) -> Spoil:
    """Answer 429, with a Retry-After or without."""
    headers = {} if retry_after is None else {"Retry_After": str(retry_after)}
    return status(429, "rate limit exceeded", **headers)


def drop(where: str = "before") -> Spoil:
    """Close the connection before the answer or in the middle of its body."""
    return lambda reply: replace(reply, drop=where)


def hang() -> Spoil:
    """Accept and never answer, until the server stops."""
    return lambda reply: replace(reply, hang=True)


def malformed() -> Spoil:
    """Answer 200 with JSON that ends too early."""
    return lambda reply: replace(reply, body=reply.body[: len(reply.body) // 2] + b"{")


def no_text() -> Spoil:
    """Answer 200 with JSON whose text is Latin-1, not UTF-8."""
    body = '{"data": {"é": null}}'.encode("latin-1")
    return lambda reply: replace(reply, body=body)


def html() -> Spoil:
    """Answer 200 with a web page, as a proxy's log-in does."""
    page = b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>"
    return lambda reply: replace(reply, body=page, content_type="text/html; charset=utf-8")


def errors(message: str, *, with_data: bool = False, code: str | None = None) -> Spoil:
    """Answer 200 with GraphQL errors, beside the data or without."""
    error: dict[str, Any] = {"message": message, "path": ["project"]}
    if code is not None:
        error["extensions"] = {"code": code}

    def spoil(reply: Reply) -> Reply:
        data = json.loads(reply.body).get("data") if with_data else None
        return replace(reply, body=json.dumps({"errors": [error], "data": data}).encode())

    return spoil


def data(value: Any) -> Spoil:
    """Answer 200 with other data: ``data({"viewer": None})``."""
    body = json.dumps({"data": value}).encode()
    return lambda reply: replace(reply, body=body)


def viewer_null() -> Spoil:
    """Answer that the key belongs to nobody."""
    return data({"viewer": None})


def slow(seconds: float) -> Spoil:
    """Send the body in pieces over so many seconds."""
    return lambda reply: replace(reply, pace=seconds)


def latency(low: float = 0.05, high: float = 0.15, seed: int = 0) -> Spoil:
    """Wait a while before each answer."""
    dice = random.Random(seed)
    return lambda reply: replace(reply, delay=reply.delay + dice.uniform(low, high))


def truncated(share: float = 0.5) -> Spoil:
    """Send a whole answer that holds only the first part of the file."""
    return lambda reply: replace(reply, body=reply.body[: int(len(reply.body) * share)])


def garbage() -> Spoil:
    """Send something else of the same length."""
    return lambda reply: replace(reply, body=(b"not parquet " * len(reply.body))[: len(reply.body)])


@dataclass
class Rule:
    """When a fault applies: operation and run as patterns, after ``skip``, ``times`` times."""

    operation: str
    spoil: Spoil
    times: int | None = None
    skip: int = 0
    run: str = "*"
    where: Callable[[dict[str, Any]], bool] | None = None
    hits: int = 0
    seen: int = 0

    def applies(self, operation: str, run: str, variables: dict[str, Any]) -> bool:
        """Return whether it applies to this request, and count it."""
        if not fnmatchcase(operation, self.operation) or not fnmatchcase(run, self.run):
            return False
        if self.where is not None and not self.where(variables):
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True


def closed_port() -> int:
    """Return a port of loopback that refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
