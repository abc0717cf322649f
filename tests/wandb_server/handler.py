"""HTTP: requests in, replies out in the manner that a fault wants."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from .faults import Reply, status
from .graphql import GraphQLProblem, parse
from .request_log import Request, masked

if TYPE_CHECKING:
    from .server import Listener

PIECES = 20


class Handler(BaseHTTPRequestHandler):
    """One connection; kept alive from request to request."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for head and body

    def setup(self) -> None:
        """Remember the connection, so that the server's end can end it."""
        super().setup()
        self.owner = cast("Listener", self.server).owner
        self.owner.connected(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.owner.disconnected(self.connection)
        with contextlib.suppress(OSError):  # the client left first
            super().finish()

    def handle(self) -> None:
        """Serve until the client leaves."""
        with contextlib.suppress(OSError):  # the client left, or the server ends
            super().handle()

    def log_message(self, *_: object) -> None:
        """Write nothing to stderr."""

    def do_POST(self) -> None:
        """Answer GraphQL; take everything else (telemetry, say) and forget it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if urlsplit(self.path).path != "/graphql":
            request = self._request(f"POST {self.path}", {})
            return self._reply(request, Reply(b"{}"))
        asked = json.loads(body)
        query, variables = asked["query"], asked.get("variables") or {}
        try:
            operation = parse(query).name
        except GraphQLProblem:
            operation = "?"
        request = self._request(operation, variables, query)
        request.run = str(
            next((variables[n] for n in ("run", "runName", "name") if n in variables), "")
        )
        refusal = self._refusal()
        return self._reply(request, refusal or self.owner.answer(query, variables))

    def do_GET(self) -> None:
        """Answer with a file, or a part of it."""
        path = urlsplit(self.path).path
        found = self.owner.file_at([unquote(part) for part in path.split("/")[1:]])
        if found is None:
            return self._reply(self._request(f"{self.command} {path}", {}), _no_file(path))
        request = self._request(found.kind, {"name": found.name, "index": found.index})
        request.run = found.run
        reply = Reply(found.content, content_type="application/octet-stream")
        return self._reply(request, (found.kind == "File" and self._refusal()) or reply)

    do_HEAD = do_GET  # noqa: N815

    def _request(self, operation: str, variables: dict[str, Any], query: str = "") -> Request:
        headers = masked(dict(self.headers.items()))
        request = Request(operation, self.command, self.path, variables, headers, query)
        self.owner.requests.add(request)
        return request

    def _refusal(self) -> Reply | None:
        if self.owner.api_key is None:
            return None
        scheme, _, secret = (self.headers.get("Authorization") or "").partition(" ")
        if scheme == "Basic":
            try:
                secret = base64.b64decode(secret).decode().partition(":")[2]
            except ValueError:
                secret = ""
        if secret == self.owner.api_key:
            return None
        return status(401, "user is not logged in")(Reply(b""))

    def _reply(self, request: Request, reply: Reply) -> None:
        try:
            self._deliver(request, self.owner.spoilt(request, reply))
        except OSError:
            self.close_connection = True
        finally:
            request.ended = request.ended or time.monotonic()

    def _deliver(self, request: Request, reply: Reply) -> None:
        if reply.delay:
            self.owner.wait(reply.delay)
        if reply.hang or reply.drop == "before":
            if reply.hang:
                self.owner.wait(None)
            return self._cut()
        reply = self._ranged(reply)
        request.status = reply.status
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return None
        if reply.drop == "middle":
            self.wfile.write(reply.body[: len(reply.body) // 2])
            return self._cut()
        size = max(1, -(-len(reply.body) // (PIECES if reply.pace else 1)))
        for start in range(0, len(reply.body), size):
            if reply.pace:
                self.owner.wait(reply.pace / PIECES)
            request.ended = time.monotonic()  # before the client can know of the end
            self.wfile.write(reply.body[start : start + size])
            self.wfile.flush()
        return None

    def _cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def _ranged(self, reply: Reply) -> Reply:
        if self.command == "POST" or reply.status != 200:
            return reply
        headers = reply.headers | {"Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if wanted is None or wanted[0] == "bytes=-":
            return replace(reply, headers=headers)
        size = len(reply.body)
        if wanted[1]:
            start, stop = int(wanted[1]), min(size, int(wanted[2] or size) + 1)
        else:
            start, stop = max(0, size - int(wanted[2])), size
        if start >= size:
            headers["Content-Range"] = f"bytes */{size}"
            return replace(reply, status=416, body=b"", headers=headers)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        return replace(reply, status=206, body=reply.body[start:stop], headers=headers)


def _no_file(path: str) -> Reply:
    """Answer as an object store does: an address that is no longer good is forbidden."""
    code = 403 if path.startswith("/storage/") else 404
    return Reply(b"<Error><Code>ExpiredToken</Code></Error>", code, "application/xml")
