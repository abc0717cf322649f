"""The SQL gate: every attack of tests/warehouse/gate_corpus.py, and queries that take all there is.

Each statement goes through ``dakota-wh sql`` in this process and, a part of them, through a real
server of ``dakota-wh mcp``. Nothing may be read from outside the warehouse, nothing changed, and
no error may be an unexpected one. The endless ones are real processes with a time and a memory
limit: each must end by itself, with one line.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.attacks import sources
from benchmarks.attacks.attack import Attack
from benchmarks.attacks.program import DAKOTA, call_here, environment, measured
from dakota_wh import api
from tests.warehouse import gate_corpus as corpus

SIZES = {"small": 8, "full": 1}
_TIMEOUT, _MEMORY = 2, "500MB"
#: MiB that a process may have had: the limit by a quarter more, the slack, and Python itself.
_MOST = 1200
_UNEXPECTED = "dakota-wh: unexpected"


def run(size: str) -> Attack:
    """Attack."""
    report = Attack("The SQL gate", size, packages=("duckdb", "mcp"))
    step = SIZES[size]
    with tempfile.TemporaryDirectory(prefix="attack-gate-") as folder:
        place = Path(folder)
        _prepare(place)
        before = _everything(place)
        rows: list[list[object]] = []
        for name, statements, must_fail in (
            ("writes", (*corpus.WRITES, *corpus.MORE_WRITES), True),
            ("reads", (*corpus.READS, *corpus.MORE_READS), True),
            ("every table function", corpus.generated(), False),
            ("harmless", corpus.HARMLESS, False),
        ):
            rows.append(_by_command(report, place, name, statements[::step], must_fail=must_fail))
        rows.append(asyncio.run(_by_server(report, place, step)))
        report.must("files", _everything(place) == before, "a file has changed")
        report.table(["statements", "tried", "refused", "ran", "faults"], rows)
        report.say(
            f"Queries that take all there is, in processes with --timeout {_TIMEOUT} and "
            f"--memory-limit {_MEMORY}; whole processes, seconds of wall clock."
        )
        report.table(
            ["query", "wall s", "peak MiB", "ended by", "faults"],
            [
                _endless(report, place, text)
                for text in (*corpus.STOPPABLE, *corpus.ENDLESS_VALUES)[::step]
            ],
        )
    return report


def _prepare(place: Path) -> None:
    api.open(place / "wh").ingest(sources.log(place / "in", sources.orchestrator()))
    (place / "secret.csv").write_text(f"a,b\n{corpus.SECRET},2\n")
    (place / "secret.json").write_text(f'{{"a": "{corpus.SECRET}"}}\n')
    (place / "wh-beside").mkdir()
    (place / "wh-beside" / "secret.csv").write_text(f"a\n{corpus.SECRET}\n")
    (place / "wh" / "link.csv").symlink_to(place / "secret.csv")
    (place / "wh" / "linked").symlink_to(place, target_is_directory=True)


def _everything(place: Path) -> dict[str, bytes]:
    return {
        path.as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and ".dakota-wh" not in path.parts and "tmp" not in path.parts
    }


def _by_command(
    report: Attack, place: Path, name: str, statements: Iterable[str], *, must_fail: bool
) -> list[object]:
    refused = ran = 0
    for attack in statements:
        report.tried(name)
        text = attack.format(root=place / "wh", out=place)
        words = ["sql", "--timeout", "20", "--format", "json", "--warehouse", "wh", "--", text]
        done = call_here(words, place, place / "tmp")
        refused, ran = refused + bool(done.code), ran + (not done.code)
        leaks = corpus.SECRET in done.out + done.err
        report.must(name, not leaks, f"{attack!r} tells the secret")
        report.must(name, _UNEXPECTED not in done.err, f"{attack!r}: {done.err}")
        report.must(name, bool(done.code) or not must_fail, f"{attack!r} ran: {done.out[:100]}")
    return [name, refused + ran, refused, ran, report.faulty[name]]


async def _by_server(report: Attack, place: Path, step: int) -> list[object]:
    """Ask a real server a part of the corpus; it must live to the end."""
    import mcp

    name = "by mcp's run_sql"
    program = mcp.StdioServerParameters(
        command=DAKOTA, args=["mcp", "--warehouse", str(place / "wh"), "--timeout", "3"],
        env=environment(place / "tmp"), cwd=place,
    )  # fmt: skip
    refused = ran = 0
    with (place / "in" / "stderr").open("w", encoding="utf-8") as log:
        async with mcp.Client(mcp.stdio_client(program, errlog=log)) as client:
            for attack in (*corpus.WRITES, *corpus.READS, *corpus.MORE_WRITES,
                           *corpus.MORE_READS)[:: 3 * step]:  # fmt: skip
                report.tried(name)
                text = attack.format(root=place / "wh", out=place)
                result = await client.call_tool("run_sql", {"select": text})
                said = str(getattr(result.content[0], "text", ""))
                refused, ran = refused + result.is_error, ran + (not result.is_error)
                report.must(name, corpus.SECRET not in said, f"{attack!r} tells the secret")
                report.must(name, result.is_error, f"{attack!r} ran: {said[:100]}")
            for endless in corpus.ENDLESS_VALUES[: 3 if step == 1 else 1]:
                report.tried(name)
                result = await client.call_tool("run_sql", {"select": endless})
                refused += result.is_error
            answer = await client.call_tool("run_sql", {"select": "SELECT 41 + 1"})
            alive = "42" in str(getattr(answer.content[0], "text", ""))
            report.must(name, alive, "the server does not answer any more")
    (place / "in" / "stderr").unlink()
    return [name, refused + ran, refused, ran, report.faulty[name]]


def _endless(report: Attack, place: Path, text: str) -> list[object]:
    """Run a query that does not end by itself; it must be ended."""
    name = "endless"
    report.tried(name)
    limits = ["--timeout", str(_TIMEOUT), "--memory-limit", _MEMORY]
    words = [DAKOTA, "sql", *limits, "--warehouse", "wh", "--format", "csv", "-o", "tmp/x.csv",
             "--", text]  # fmt: skip
    began = time.monotonic()
    found = measured(words, place, place / "tmp")
    wall = time.monotonic() - began
    *_, last = found.err.strip().splitlines() or [""]
    how = (
        "the watch" if "process was ended" in last
        else "an interrupt" if "was stopped" in last
        else "the memory limit" if "emory" in last
        else "a refusal" if found.code == 1
        else "its own end"
    )  # fmt: skip
    before = report.faulty[name]
    report.must(name, found.code in (0, 1), f"{text}: exit {found.code}: {last}")
    report.must(name, _UNEXPECTED not in last, f"{text}: {last}")
    report.must(name, found.peak < _MOST, f"{text}: {found.peak:.0f} MiB")
    return [
        f"`{text[:60]}`".replace("|", "¦"),
        wall,
        round(found.peak),
        how,
        report.faulty[name] - before,
    ]
