"""A warehouse in an object store: through the mirror, and read in place by DuckDB.

A server on loopback speaks S3. Each question is a process of its own; its seconds are without the
start of the process. The second column of seconds is with 30 ms more for each request, as they take
between a machine and a store in one region.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from typing import Any, Final

import dakota_wh
from benchmarks.agreement import Answer, by_texts, must_agree
from benchmarks.loopback import ADDRESS, loopback_store
from benchmarks.processes import measure, python
from benchmarks.report import Report
from benchmarks.warehouses import of_rewarded

#: Runs, steps, metrics.
SIZES = {"small": (6, 20, 8), "full": (200, 1000, 20)}
#: Seconds that a request takes more.
_LATE: Final = 0.03
#: Ways by question, and what each is called.
_ASKED: Final = {
    "one": ("reward_trends of one run", ("mirror", "views")),
    "all": ("reward_trends of all", ("mirror",)),
    "column": ("a column of history of all", ("mirror", "listed", "views")),
}
_WAYS: Final = {
    "listed": "in place, the files listed by us",
    "views": "in place, by the views",
}
#: Ways that ask so often, one after the other, that 30 ms more each are not waited for.
_LONG: Final = ("views",)


def run(size: str) -> Report:
    """Measure; all ways must give the same answers."""
    runs, steps, metrics = SIZES[size]
    report = Report(
        f"{runs} runs × {steps} steps × {metrics} metrics in an object store",
        size,
        ("duckdb", "pyarrow", "s3fs", "moto"),
    )
    folder = of_rewarded(runs, steps, metrics)
    one = f"r{runs // 2:07}"
    rows = []
    with loopback_store():
        dakota_wh.sync(folder, ADDRESS)
        for question, (title, ways) in _ASKED.items():
            answers: dict[str, Answer] = {}
            for way in ways:
                for name, found, late in _measured(way, question, one):
                    rows.append(
                        [title, name, found["requests"], found["bytes"] / 1e6, found["wall"],
                         found["cpu"], late]
                    )  # fmt: skip
                    answers[name] = by_texts(found["rows"])
                    must_agree(f"{title}, {name}", answers[name], next(iter(answers.values())))
    report.say(
        "Seconds of wall clock, of processor time, and of wall clock where each request is "
        f"{1000 * _LATE:g} ms late. The mirror is empty, then filled by the same question."
    )
    report.table(["question", "way", "requests", "MB", "s", "cpu s", "s, late"], rows)
    return report


def _measured(way: str, question: str, one: str) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Yield a way's name, what it took, and the seconds that it took with late answers."""
    names = ("mirror, empty", "mirror, filled") if way == "mirror" else (_WAYS[way],)
    with tempfile.TemporaryDirectory() as caches:
        found: dict[float, list[dict[str, Any]]] = {}
        for late in (0.0, _LATE)[: 1 if way in _LONG else 2]:
            words = python("others.ask_store", way, question, ADDRESS, one, late)
            cache = os.path.join(caches, str(late))
            found[late] = [json.loads(measure(words, DAKOTA_WH_CACHE=cache).output) for _ in names]
    for at, name in enumerate(names):
        yield name, found[0.0][at], found[_LATE][at]["wall"] if _LATE in found else None
