"""Ask a Spark on two cores of this machine: ``… ask_spark ROOT QUESTION…``.

Prints a line of JSON: the processor seconds of the start and, by question, of laying what it names,
of asking it and of asking again, with the answer's rows.
"""

import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path

import dakota_wh.spark
from dakota_wh.spark.session import own_session
from dakota_wh.warehouse.relations import mentioned

root, *questions = sys.argv[1:]
TICKS = os.sysconf("SC_CLK_TCK")
java: list[int] = []


def cpu() -> float:
    """Return the processor seconds of this process and of Java."""
    used = time.process_time()
    for process in java:
        told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        used += (int(told[11]) + int(told[12])) / TICKS
    return used


session = own_session("local[2]")
java.append(session.sparkContext._gateway.proc.pid)
start = cpu()
asked = {}
for question in questions:
    views = [name for name in mentioned(question) if name in question.split()]
    marks = [cpu()]
    dakota_wh.spark.register(session, root, views)
    marks.append(cpu())
    for _ in range(2):
        rows = [list(row) for row in session.sql(question).collect()]
        marks.append(cpu())
    laying, first, again = (after - before for before, after in pairwise(marks))
    asked[question] = {"laying": laying, "first": first, "again": again, "rows": rows}
print(json.dumps({"start": start, "asked": asked}))
