"""One statement of an agent, in a process of its own, so that the server survives what it does.

``python -m dakota_wh.agents.confined`` reads one request as JSON on stdin and writes one answer as
JSON on stdout: ``{"answer": …}`` or ``{"error": …, "hint": …}``. It costs a start of Python and
DuckDB, a fifth of a second of processor time, for each statement.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from dakota_wh.errors import BadQuery, WarehouseError

if TYPE_CHECKING:
    from dakota_wh.agents.answer import Answer
    from dakota_wh.agents.tools import Tools


#: Seconds beyond the time limit and its grace that a start and an answer may take.
_PATIENCE: Final = 30.0


def run_sql(tools: Tools, select: str, limit: int | None = None) -> Answer:
    """Do :meth:`Tools.run_sql` in a process that is killed when it keeps to no limit.

    Raises:
        BadQuery: it is refused, fails, or was ended.
        WarehouseError: the warehouse cannot be read.
    """
    from dakota_wh.warehouse.overrun import GRACE

    request = {
        "warehouse": tools.warehouse.location,
        "caps": asdict(tools.caps),
        "timeout": tools.timeout,
        "memory_limit": tools.memory_limit,
        "select": select,
        "limit": limit,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dakota_wh.agents.confined"],
            input=json.dumps(request).encode("ascii"),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            timeout=tools.timeout + GRACE + _PATIENCE,
            check=False,
        )
        text = done.stdout.decode("ascii").splitlines()[-1]
        said = json.loads(text)
    except subprocess.TimeoutExpired as error:
        raise BadQuery(f"The query took longer than {tools.timeout:g} s and was ended.") from error
    except (ValueError, IndexError) as error:  # the system ended it
        raise BadQuery(
            "The query's process ended without an answer, probably for want of memory.",
            hint="Narrow it down: one run, a metric pattern, fewer rows.",
        ) from error
    if "error" in said:
        raise (BadQuery if said["is_query"] else WarehouseError)(said["error"], hint=said["hint"])
    answer: Answer = said["answer"]
    return answer


def main() -> None:
    """Answer one request."""
    from dakota_wh.agents.answer import Caps
    from dakota_wh.agents.tools import Tools
    from dakota_wh.api import open as open_warehouse
    from dakota_wh.warehouse.overrun import ended_on_overrun

    asked = json.load(sys.stdin.buffer)
    timeout, memory_limit = asked["timeout"], asked["memory_limit"]
    warehouse = open_warehouse(asked["warehouse"])
    tools = Tools(warehouse, Caps(**asked["caps"]), timeout, memory_limit)
    with ended_on_overrun(timeout, memory_limit, lambda text: _say(_told(BadQuery(text)))):
        try:
            said: dict[str, Any] = {"answer": tools.run_sql(asked["select"], asked["limit"])}
        except WarehouseError as error:
            said = _told(error)
    _say(said)


def _told(error: WarehouseError) -> dict[str, Any]:
    is_query = isinstance(error, BadQuery)
    return {"error": error.message, "hint": error.hint, "is_query": is_query}


def _say(value: dict[str, Any]) -> None:
    from dakota_wh.rendering.as_json import json_text

    sys.stdout.write(json_text(value, ascii_only=True) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
