"""What Spark takes on this machine for questions over ever more runs: laying, asking, asking again.

Each number of runs is a process of its own, on two cores. Seconds are of processor time, of Python
and of Java together; asked again, planning and reading are as before and Java's compiler is done.
"""

from __future__ import annotations

import json
from typing import Final

from benchmarks.agreement import by_texts, must_agree
from benchmarks.processes import measure, python
from benchmarks.report import Report
from benchmarks.warehouses import of_rewarded
from dakota_wh import api

#: Numbers of runs; steps; metrics.
SIZES = {"small": ((4,), 20, 8), "full": ((20, 200), 1000, 20)}
#: Questions, each with what it reads.
QUESTIONS: Final = {
    "SELECT count(*) AS runs FROM runs": "the run rows",
    "SELECT run_id, metric, improvement FROM reward_trends": "what is kept of 8 metrics",
    "SELECT run_id, metric, CAST(milestone AS STRING) AS reached, step FROM reward_milestones": (
        "values of 8 metrics, sorted"
    ),
    "SELECT metric, count(value) AS n, sum(value) AS total FROM metrics GROUP BY metric": (
        "every value"
    ),
}


def run(size: str) -> Report:
    """Measure; every answer must be the embedded DuckDB's."""
    counts, steps, metrics = SIZES[size]
    report = Report(
        f"Spark on this machine: runs × {steps:,} steps × {metrics} metrics",
        size,
        ("pyspark", "sqlglot", "duckdb"),
    )
    rows: list[list[object]] = []
    took: dict[str, dict[int, float]] = {}
    for runs in counts:
        root = of_rewarded(runs, steps, metrics)
        found = json.loads(measure(python("others.ask_spark", root, *QUESTIONS)).output)
        rows.append([f"{runs} runs", "start of Java and a session", found["start"], None, None])
        for question, one in found["asked"].items():
            must_agree(
                question, by_texts(one["rows"]), by_texts(api.open(root).sql(question).rows())
            )
            rows.append(["", question, one["laying"], one["first"], one["again"]])
            took.setdefault(question, {})[runs] = one["again"]
    report.say("Processor seconds: laying what the question needs, asking, asking again.")
    report.table(["runs", "question", "laying", "asking", "again"], rows)
    least, most = min(counts), max(counts)
    if least < most:
        each = [
            [question, QUESTIONS[question], 1000 * (by[most] - by[least]) / (most - least)]
            for question, by in took.items()
        ]
        report.say("What a run more costs, asked again (ms of processor time):")
        report.table(["question", "reads", "ms a run"], each)
    return report
