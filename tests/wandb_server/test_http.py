"""The server without the client: faults, growth, ranges and the log."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from . import faults
from .exact import Row
from .faults import Spoil
from .graphql import GraphQLProblem, parse
from .model import ServedRun
from .server import Server

STEPS = 'query HistoryPage($a: Int = 0, $b: Int) { project(name: "p", entityName: "e")'
STEPS += ' { run(name: "r") { history(minStep: $a, maxStep: $b, samples: 1000) } } }'
EXPORT = 'query Mine { project(name: "p", entityName: "e") { run(name: "r") {'
EXPORT += ' parquetHistory(liveKeys: ["_step"]) { parquetUrls liveData } } } }'


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        running.add_run(ServedRun("e", "p", "r", rows=line(10)))
        yield running


def line(stop: int, start: int = 0) -> list[Row]:
    return [{"_step": step, "x": step / 2} for step in range(start, stop)]


def the_run(server: Server) -> ServedRun:
    return server.runs_of("e", "p")[0]


def ask(server: Server, query: str = STEPS, timeout: float = 10, **variables: Any) -> Any:
    """Return status and body of a GraphQL answer."""
    body = json.dumps({"query": query, "variables": variables})
    return send(server, "POST", "/graphql", body, {"Authorization": "Basic c2VjcmV0"}, timeout)


def send(
    server: Server, method: str, path: str, body: str | None = None,
    headers: dict[str, str] | None = None, timeout: float = 10,
) -> tuple[int, bytes]:  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        with connection.getresponse() as response:
            return response.status, response.read()
    finally:
        connection.close()


def steps(server: Server, **variables: Any) -> list[int]:
    status, body = ask(server, **variables)
    assert status == 200
    rows = json.loads(body)["data"]["project"]["run"]["history"]
    return [json.loads(row)["_step"] for row in rows]


def exported(server: Server) -> tuple[list[str], list[float]]:
    found = json.loads(ask(server, EXPORT)[1])["data"]["project"]["run"]["parquetHistory"]
    paths = [url.removeprefix(server.url) for url in found["parquetUrls"]]
    return paths, [row["_step"] for row in found["liveData"]]


def test_a_run_lives(server: Server) -> None:
    run = the_run(server)
    assert steps(server) == list(range(10))
    assert steps(server, a=3, b=5) == [3, 4]
    run.log(*line(20, 10))
    assert steps(server, a=8) == list(range(8, 20))
    assert run.summary == {"_step": 19, "x": 9.5}
    run.export(14)
    assert steps(server) == [15, 16, 17, 18, 19]
    paths, live = exported(server)
    assert (len(paths), live) == (1, [15.0, 16.0, 17.0, 18.0, 19.0])
    run.rewind(11)
    assert (exported(server)[1], steps(server)) == ([], [])
    run.log(*line(13, 12))
    run.finish(export=True)
    assert (exported(server)[1], run.state) == ([], "finished")
    server.delete_run(run)
    assert json.loads(ask(server)[1]) == {"data": {"project": {"run": None}}}


def test_a_page_is_capped(server: Server) -> None:
    server.history_page_cap = 3
    assert steps(server, a=2) == [2, 3, 4]


def test_files_by_range(server: Server) -> None:
    the_run(server).export()
    path = exported(server)[0][0]
    status, whole = send(server, "GET", path)
    assert (status, whole[:4], whole[-4:]) == (200, b"PAR1", b"PAR1")
    for wanted, part in (("0-0", whole[:1]), ("4-9", whole[4:10]), ("-8", whole[-8:]),
                         ("10-", whole[10:]), ("4-99999999", whole[4:])):  # fmt: skip
        assert send(server, "GET", path, headers={"Range": f"bytes={wanted}"}) == (206, part)
    assert send(server, "GET", path, headers={"Range": "bytes=99999999-"})[0] == 416
    assert send(server, "HEAD", path) == (200, b"")
    server.expire_urls()
    assert send(server, "GET", path)[0] == 403
    assert send(server, "GET", "/files/e/p/r/none")[0] == 404
    assert {request.run for request in server.requests.all("Parquet")} == {"r"}


@pytest.mark.parametrize(
    ("spoil", "status", "part"),
    [
        (faults.unauthorized(), 401, b"not logged in"),
        (faults.forbidden(), 403, b"permission denied"),
        (faults.status(500), 500, b"served status 500"),
        (faults.too_many(3600), 429, b"rate limit"),
        (faults.html(), 200, b"<!DOCTYPE html>"),
        (faults.errors("boom"), 200, b'"data": null'),
        (faults.errors("boom", with_data=True), 200, b'"history"'),
        (faults.viewer_null(), 200, b'{"viewer": null}'),
        (faults.truncated(), 200, b'{"data"'),
        (faults.garbage(), 200, b"not parquet"),
    ],
)
def test_answers_that_are_wrong(server: Server, spoil: Spoil, status: int, part: bytes) -> None:
    server.fault("History*", spoil)
    found, body = ask(server)
    assert found == status
    assert part in body


def test_json_that_is_malformed(server: Server) -> None:
    server.fault("*", faults.malformed())
    with pytest.raises(json.JSONDecodeError):
        json.loads(ask(server)[1])


def test_connections_that_break(server: Server) -> None:
    server.fault("*", faults.drop(), times=1)
    server.fault("*", faults.drop("middle"), times=1, skip=1)
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server)
    with pytest.raises(http.client.IncompleteRead):
        ask(server)
    assert steps(server) == list(range(10))
    port = faults.closed_port()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", port, timeout=5).connect()


def test_a_hang_ends_with_the_server() -> None:
    with Server() as server:
        server.add_run(ServedRun("e", "p", "r"))
        server.fault("*", faults.hang())
        with pytest.raises(TimeoutError):
            ask(server, timeout=0.2)
        caught: list[Exception] = []

        def wait() -> None:
            try:
                ask(server, timeout=30)
            except (OSError, http.client.HTTPException) as problem:
                caught.append(problem)

        waiting = threading.Thread(target=wait)
        waiting.start()
        deadline = time.monotonic() + 10
        while server.requests.count() < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        started = time.monotonic()
    waiting.join(10)
    assert time.monotonic() - started < 5
    assert caught


def test_rules_count(server: Server) -> None:
    rule = server.fault("History*", faults.status(500), times=2, skip=1)
    other = server.fault("*", faults.status(502), run="other")
    assert [ask(server, name="r")[0] for _ in range(5)] == [200, 500, 500, 200, 200]
    assert (rule.hits, other.hits) == (2, 0)
    assert ask(server, name="other")[0] == 502
    server.heal()
    assert ask(server, name="other")[0] == 200


def test_slow_and_late(server: Server) -> None:
    server.fault("*", faults.slow(0.2))
    server.fault("*", faults.latency(0.1, 0.15))
    started = time.monotonic()
    assert steps(server) == list(range(10))
    assert 0.3 <= time.monotonic() - started < 5


def test_the_log_keeps_no_secret(server: Server) -> None:
    ask(server, EXPORT)
    send(server, "POST", "/sdk/otel/v1/metrics", "{}")
    first, second = server.requests.all()
    assert (first.operation, first.authorized, first.status) == ("Mine", True, 200)
    assert "c2VjcmV0" not in repr(first)
    assert (second.operation, second.authorized) == ("POST /sdk/otel/v1/metrics", False)
    assert (server.requests.counts()["Mine"], server.requests.most_at_once()) == (1, 1)


def test_a_key_is_demanded() -> None:
    with Server(api_key="the key") as server:
        assert ask(server)[0] == 401
        assert send(server, "GET", "/storage/1/x")[0] == 403


def test_an_unknown_field_is_refused(server: Server) -> None:
    status, body = ask(server, "query { viewer { shoe } }")
    assert status == 400
    assert json.loads(body)["errors"][0]["message"] == 'Cannot query field "shoe" on type "User".'
    with pytest.raises(GraphQLProblem):
        parse("query { viewer ")
