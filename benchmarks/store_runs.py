"""What a run costs in an object store: objects, bytes, requests; and what many rows cost a reader.

A server on loopback speaks S3. The rows of many runs are there without their parts, which no
question here reads. Seconds are without the start of a process; the works of one process follow
each other.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.exports import as_csv
from benchmarks.loopback import ADDRESS, loopback_store
from benchmarks.made_run import MadeRun, orchestrator_names
from benchmarks.processes import measure, python
from benchmarks.report import Report
from benchmarks.warehouses import of_rewarded
from dakota_wh.store.address import parse
from dakota_wh.store.objects import Objects, together
from dakota_wh.warehouse.run_row import newest, write_row

#: Runs, steps, metrics of the folder that is weighed; rows in the store.
SIZES = {"small": (6, 20, 8, 40), "full": (200, 1000, 20, 1000)}
#: Works of one process on an empty store, by what they are called.
_ONE_RUN: Final = {
    "ingest:{}/a_history.csv": "the first ingest of all",
    "ingest:{}/b_history.csv": "the first ingest of a run",
    "ingest:{}/b_history.csv ": "an ingest that finds nothing new",
    "trends:b": "reward_trends of the run, parts here",
}
_MANY: Final = {
    "rows": "rows into an empty mirror",
    "rows ": "listing, and what is new: nothing",
    "runs": "the same, and the view runs",
    "runs:r0000007": "runs of one run",
}


def run(size: str) -> Report:
    """Weigh a folder, count requests, and time a reader of many rows."""
    runs, steps, metrics, rows = SIZES[size]
    report = Report("What a run costs in an object store", size, ("duckdb", "s3fs", "moto"))
    root = of_rewarded(runs, steps, metrics)
    _weigh(report, root, runs, steps * metrics)
    heads = ["work", "LIST", "GET", "PUT", "others", "s", "cpu s"]
    with loopback_store():
        report.say("Requests of a run of 1000 steps × 20 metrics, from CSV:")
        with tempfile.TemporaryDirectory() as folder:
            for seed, name in enumerate("ab"):
                made = MadeRun(name, f"grpo-{name}", orchestrator_names(20), 1000, seed)
                as_csv(made, Path(folder) / f"{name}_history.csv")
            works = {work.format(folder): title for work, title in _ONE_RUN.items()}
            report.table(heads, _done(works, ADDRESS))
        _put_rows(root, rows)
        report.say(f"A mirror of {rows:,} rows:")
        report.table(heads, _done(_MANY, f"{ADDRESS}-many"))
    return report


def _weigh(report: Report, root: Path, runs: int, values: int) -> None:
    files = [
        path
        for path in root.glob("*/role=*/run_id=*/*.parquet")
        if "zz_schema" not in path.parts[-2]
    ]
    sizes: dict[str, int] = {}
    for path in files:
        table = path.relative_to(root).parts[0]
        sizes[table] = sizes.get(table, 0) + path.stat().st_size
    report.say(
        f"{runs} runs × {values:,} values as they lie in a folder: {len(files) / runs:.3g} objects "
        f"a run. The tables, in bytes a run and a value:"
    )
    each = sorted(sizes.items(), key=lambda item: -item[1])
    report.table(
        ["table", "a run", "a value"],
        [[table, size // runs, size / runs / values] for table, size in each],
    )


def _done(works: dict[str, str], address: str) -> list[Sequence[object]]:
    with tempfile.TemporaryDirectory() as cache:
        words = python("others.ask_runs", address, *(work.strip() for work in works))
        found: list[dict[str, Any]] = json.loads(measure(words, DAKOTA_WH_CACHE=cache).output)
    rows: list[Sequence[object]] = []
    for title, one in zip(works.values(), found, strict=True):
        asked = one["requests"]
        named = [asked.pop(kind, 0) for kind in ("LIST", "GET", "PUT")]
        rows.append([title, *named, sum(asked.values()), one["wall"], one["cpu"]])
    return rows


def _put_rows(root: Path, rows: int) -> None:
    """Write rows of so many runs, each the row of one stored run under another id."""
    row = newest(root, "r0000000")
    assert row is not None
    there = Objects(parse(f"{ADDRESS}-many"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for number in range(rows):
            row.run_id, row.publication = f"r{number:07}", number + 1
            write_row(place, row)
        files = [(path, path.relative_to(place)) for path in place.rglob("*.parquet")]
        schemas = root.glob("*/role=zz_schema/*/*.parquet")
        files += [(path, path.relative_to(root)) for path in schemas]
        together(lambda one: there.upload(one[0], one[1].as_posix()), files)
