"""The tools over the real protocol: the SDK's own client starts the program and speaks to it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dakota_wh import api
from dakota_wh.cli import run

mcp = pytest.importorskip("mcp", reason="the extra mcp is not installed")

Call = Callable[..., Awaitable[Any]]


def talk(folder: Path, conversation: Callable[[Any], Awaitable[None]], *options: str) -> str:
    """Start ``dakota-wh mcp`` on a folder, hold a conversation; return its stderr."""
    arguments = ["-m", "dakota_wh", "mcp", "--warehouse", str(folder), *options]
    program = mcp.StdioServerParameters(
        command=sys.executable, args=arguments, env={"PYTHONWARNINGS": "error"}
    )

    async def held(log: Any) -> None:
        async with asyncio.timeout(60):
            async with mcp.Client(mcp.stdio_client(program, errlog=log)) as client:
                await conversation(client)

    stderr = folder.parent / f"stderr-{os.getpid()}"
    # In a thread of its own: a browser of other tests may have left a loop in this one.
    with stderr.open("w", encoding="utf-8") as log, ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(held(log))).result()
    return stderr.read_text(encoding="utf-8")


async def told(client: Any, tool: str, **arguments: Any) -> Any:
    """Call a tool; return its answer, which must be none of an error."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    return json.loads(result.content[0].text)


async def refused(client: Any, tool: str, **arguments: Any) -> str:
    """Call a tool that must answer with an error; return its words."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)


def test_an_agent_finds_its_way(folder: Path) -> None:
    """It lists runs and views, reads what a view means, asks it, types SQL, and sees findings."""
    expected = api.open(folder).query("reward_trends", metric="reward/*")
    trends = [list(row) for row in expected.rows()]

    async def conversation(client: Any) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {
            "list_runs",
            "list_views",
            "describe_view",
            "query_view",
            "run_sql",
            "findings",
        }
        assert all(tool.annotations.read_only_hint for tool in tools.values())
        assert all(tool.description for tool in tools.values())

        runs = await told(client, "list_runs")
        place = runs["columns"].index("completeness")
        assert [(row[0], row[place]) for row in runs["rows"]] == [
            ("demoorch", "complete"),
            ("demotrnr", "complete"),
        ]
        views = await told(client, "list_views")
        assert views["complete"]
        assert {"reward_trends", "runs"} < {row[0] for row in views["rows"]}
        meaning = await told(client, "describe_view", view="reward_trends")
        assert [c["name"] for c in meaning["columns"]][:3] == ["run_id", "role", "metric"]

        answer = await told(client, "query_view", view="reward_trends", metric="reward/*")
        assert answer["rows"] == trends
        assert answer["complete"]
        counted = await told(client, "run_sql", select="SELECT count(*) FROM history")
        assert counted["rows"] == [[480]]
        found = await told(client, "findings", runs=["demoorch"])
        assert ["warning", "demoorch", "dead", "metrics/exact_match_reward"] in [
            row[:4] for row in found["rows"]
        ]

    assert talk(folder, conversation) == ""


def test_an_answer_is_cut_where_it_would_be_too_long(folder: Path) -> None:
    """The caps of the command line hold, and the answer says that it is not all."""

    async def conversation(client: Any) -> None:
        few = await told(client, "run_sql", select="SELECT step FROM metrics")
        assert few["rows_shown"] == 7
        assert not few["complete"]
        assert "since the limit is 7 rows" in few["left_out"]
        fewer = await told(client, "query_view", view="history", limit=2)
        assert fewer["rows_shown"] <= 2
        assert "since an answer holds 1000 characters" in fewer["left_out"]
        assert 0 < len(fewer["columns"]) == len(fewer["rows"][0])
        asked = await told(client, "run_sql", select="SELECT 1 AS one", limit=1)
        assert asked["complete"]
        long = await told(client, "run_sql", select="SELECT repeat('x', 700) AS text")
        assert long["rows"][0][0].endswith("[…200 more characters]")
        assert not long["complete"]

    talk(folder, conversation, "--max-rows", "7", "--max-characters", "1000")


def test_no_answer_is_longer_than_its_cap(folder: Path) -> None:
    """Whatever the tool; the views' names are there to the last, and an error is an answer."""

    async def conversation(client: Any) -> None:
        calls = {
            "list_runs": {},
            "list_views": {},
            "describe_view": {"view": "metric_stats"},
            "query_view": {"view": "history"},
            "run_sql": {"select": f'SELECT 1 AS "{"n" * 5000}"'},
            "findings": {},
        }
        for tool, arguments in calls.items():
            result = await client.call_tool(tool, arguments)
            text = result.content[0].text
            assert len(text) <= 2000, tool
            if tool not in ("list_runs", "findings"):
                assert not json.loads(text)["complete"], tool
        views = await told(client, "list_views")
        assert {row[0] for row in views["rows"]} == {one.name for one in api.open(folder).views()}
        long = await refused(client, "query_view", view="x" * 5000)
        assert len(long) <= 2000

    talk(folder, conversation, "--max-characters", "2000")


def test_errors_speak_of_tools_not_of_a_shell(folder: Path) -> None:
    """What to do next is something that an agent can do."""

    async def conversation(client: Any) -> None:
        errors = [
            await refused(client, "query_view", view="nope"),
            await refused(client, "query_view", view="runs", metric="x"),
            await refused(client, "describe_view", view="reward_trends", version=9),
            await refused(client, "run_sql", select="DROP VIEW runs"),
            await refused(client, "run_sql", select="SELECT * FROM nothing_like_it"),
            await refused(
                client, "run_sql", select="SELECT count(*) FROM range(10000000) a, range(10000000)"
            ),
            await refused(client, "query_view", view="runs", limit="many"),
            await refused(client, "query_view"),
            await refused(client, "run_sql", select="SELECT 1", timeout=5),
        ]
        for error in errors:
            assert "dakota-wh" not in error
            assert "--" not in error
            assert "http" not in error
        assert "list_views lists all" in errors[0]
        assert "describe_view tells the columns of runs" in errors[1]
        assert "limit: " in errors[6]
        assert "view: " in errors[7]
        assert "run_sql has no argument 'timeout'. It has: select, limit" in errors[8]
        nothing = await told(client, "query_view", view="reward_stats", metric="zzz*")
        assert nothing["rows"] == []
        assert "No row has a metric like 'zzz*'" in nothing["note"]

    talk(folder, conversation, "--timeout", "1")


def test_nothing_but_reading_inside_the_warehouse(folder: Path, tmp_path: Path) -> None:
    """What is refused says why and what to do, and the server goes on."""
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    inside = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}

    async def conversation(client: Any) -> None:
        for attack in (
            f"SELECT * FROM read_csv('{secret}')",
            f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
            f"ATTACH '{tmp_path / 'x.duckdb'}' AS x",
            "SET memory_limit = '1TB'",
            "SELECT 1; SELECT 2",
            "INSTALL httpfs",
            "DROP VIEW runs",
        ):
            assert await refused(client, "run_sql", select=attack)
        assert "There is no view 'reward_trend'. Did you mean reward_trends" in await refused(
            client, "query_view", view="reward_trend"
        )
        assert "no run nobody" in await refused(client, "findings", runs=["nobody"])
        endless = "SELECT count(*) FROM range(10000000) a, range(10000000) b"
        assert "took longer than 1 s" in await refused(client, "run_sql", select=endless)
        one_value = "SELECT list_sum(list_transform(range(100000000), lambda x: x + 1))"
        assert "far more memory than 100MB" in await refused(client, "run_sql", select=one_value)
        exact = "SELECT 1.10::DECIMAL(5,2) AS d, 0.1 + 0.2::DOUBLE AS f, 'NaN'::DOUBLE AS n"
        (row,) = (await told(client, "run_sql", select=exact))["rows"]
        assert row == ["1.10", 0.30000000000000004, "NaN"]
        assert (await told(client, "run_sql", select="SELECT 1"))["rows"] == [[1]]

    talk(folder, conversation, "--timeout", "1", "--memory-limit", "100MB")
    assert not (tmp_path / "out.csv").exists()
    assert inside == {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_every_question_keeps_to_the_memory_limit(folder: Path) -> None:
    """Views and rules too, not SQL alone."""

    async def conversation(client: Any) -> None:
        assert "memory" in await refused(client, "query_view", view="theil_sen")
        assert "memory" in await refused(client, "findings")
        assert "memory" in await refused(client, "run_sql", select="SELECT * FROM theil_sen")

    talk(folder, conversation, "--memory-limit", "3MB")


def test_a_folder_that_is_no_warehouse_is_said_at_each_question(tmp_path: Path) -> None:
    """The server starts before there is anything, and answers when there is."""

    async def conversation(client: Any) -> None:
        assert "dakota-wh ingest" in await refused(client, "list_runs")

    talk(tmp_path / "nothing", conversation)


def test_without_the_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, exit code 1."""
    for name in [name for name in sys.modules if name.split(".")[0] == "mcp"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "dakota_wh.agents.server", raising=False)
    monkeypatch.setitem(sys.modules, "mcp", None)
    assert run(["mcp"]) == 1
    told = capsys.readouterr().err
    for words in (
        "uv tool install '.[mcp]'",
        "pip install '.[mcp]'",
        "pip install 'dakota-wh[mcp]'",
    ):
        assert words in told


def test_it_ends_when_its_client_has_gone(folder: Path) -> None:
    """A closed standard input is no error."""
    arguments = [sys.executable, "-m", "dakota_wh", "mcp", "--warehouse", str(folder)]
    ended = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_no_more_than_a_few_questions_run_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its limit of memory; a client that asks 12 at once must not get 12 times that."""
    from dakota_wh.agents import server
    from dakota_wh.agents.tools import Tools

    lock, running, most = threading.Lock(), 0, 0

    def slow(*_: Any) -> dict[str, int]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return {"n": 1}

    monkeypatch.setattr(server, "run_sql_apart", slow)
    built = server.build(Tools(api.open(folder)), "1")

    async def all_at_once() -> list[Any]:
        asked = (built.call_tool("run_sql", {"select": "SELECT 1"}) for _ in range(12))
        return await asyncio.gather(*asked)

    with ThreadPoolExecutor(1) as pool:
        assert len(pool.submit(lambda: asyncio.run(all_at_once())).result()) == 12
    assert 1 < most <= 4
