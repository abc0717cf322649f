"""A process that forks writers and kills each at another moment. Reads jobs, answers, as JSON.

A job ``{"steps": [{"op": …}, …]}`` forks a child for each step, the n-th of which dies just before
its n-th change of the disk, until a child lives to its end (or is about to do what contains
``until``). The answer is the list of what each child was about to do. With ``delays`` the n-th
child is killed by SIGKILL after the n-th delay; the answer is the list of exit codes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import dakota_wh
from dakota_wh.api import open as open_warehouse
from dakota_wh.ingest import rebuild
from dakota_wh.warehouse import catalogue, gathered
from tests.warehouse.kit import few_views

CHANGES = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link"})
KILLED, BROKEN = 99, 98


def arm(moment: int, told: int) -> None:
    """Make this process die at its ``moment``-th change of the disk and tell which that was."""
    left = moment

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in CHANGES:
            if left == 0:
                os.write(told, f"{event} {arguments[0]}".encode())
                os._exit(KILLED)
            left -= 1

    sys.addaudithook(watch)


def do(step: dict[str, Any]) -> None:
    """Do one step, as the program would."""
    root = Path(step["root"])
    match step["op"]:
        case "ingest":
            landed = open_warehouse(root).ingest(
                *step["what"], role=step.get("role"), force=step.get("force", False)
            )
            if any(one.error for one in landed):
                raise RuntimeError(str(landed))
        case "remove":
            open_warehouse(root).remove(step["run"])
        case "rebuild":  # of one run, since all are alike, and without the catalogue's rebuild
            with patch.multiple(
                rebuild, stored_run_ids=lambda root: [step["run"]], catalogue=MagicMock()
            ):
                landed = open_warehouse(root).rebuild()
            if any(one.error for one in landed):
                raise RuntimeError(str(landed))
        case "catalogue":
            catalogue.build(root)
        case "sync":
            synced = dakota_wh.sync(step["source"], root)
            if any(one.error for one in synced):
                raise RuntimeError(str(synced))


def fork(step: dict[str, Any], moment: int | None, told: int) -> int:
    """Return the id of a child that does the step."""
    child = os.fork()
    if child:
        return child
    code = BROKEN
    try:
        if moment is not None:
            arm(moment, told)
        do(step)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def sweep(steps: list[dict[str, Any]], until: str | None) -> list[str]:
    """Kill at every moment; see the module."""
    moments: list[str] = []
    for moment, step in enumerate(steps):
        reading, told = os.pipe()
        child = fork(step, moment, told)
        os.close(told)
        _, status = os.waitpid(child, 0)
        about = os.read(reading, 10_000).decode()
        os.close(reading)
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            return moments
        if code != KILLED:
            raise SystemExit(f"the child broke with {code} at {moment}")
        moments.append(about)
        if until and until in about:
            return moments
    raise SystemExit(f"more kill points than the {len(steps)} steps: {moments[-9:]}")


def at_random(steps: list[dict[str, Any]], delays: list[float]) -> list[int]:
    """Kill after each delay; see the module."""
    codes = []
    for step, delay in zip(steps, delays, strict=True):
        child = fork(step, None, 1)
        time.sleep(delay)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        codes.append(os.waitstatus_to_exitcode(status))
    return codes


def main() -> None:
    asked = json.load(sys.stdin)
    setattr(os, "fsync", lambda descriptor: None)  # noqa: B010 - what dies here is no machine
    setattr(catalogue, "registry", few_views())  # noqa: B010
    # Of as many runs as there are moments to die in, each would be gathered as well; that is
    # killed in benchmarks/attacks/kills.py.
    setattr(gathered, "FEW", 10**6)  # noqa: B010
    for step in asked["warm"]:  # what is imported on the way need not be in every child
        do(step)
    answers: dict[str, list[Any]] = {}
    for name, job in asked["jobs"].items():
        if "delays" in job:
            answers[name] = at_random(job["steps"], job["delays"])
        else:
            answers[name] = sweep(job["steps"], job.get("until"))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
