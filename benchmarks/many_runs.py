"""Statistics and trends of all reward metrics over 1000 runs, each way a whole process."""

from __future__ import annotations

import json
import math
from pathlib import Path

from benchmarks import cache, warehouses
from benchmarks.agreement import Answer, must_agree
from benchmarks.exports import as_csv, as_wandb_parquet, as_wide_parquet
from benchmarks.processes import in_turn, python
from benchmarks.report import Report

SIZES = {"small": (8, 100, 12), "full": (1000, 1000, 60)}
#: Each way with the kind of files that it reads; None is the warehouse.
WAYS = {
    "ours": None,
    "ours_by_sql": None,
    "pandas_parquet": "parquet",
    "pandas_csv": "csv",
    "polars_wide": "parquet",
    "polars_long": None,
    "sql_wide": "wide",
    "scan": None,
}
_WRITERS = {"csv": as_csv, "parquet": as_wandb_parquet, "wide": as_wide_parquet}


def run(size: str) -> Report:
    """Measure; every answer is compared with that of pandas over Parquet."""
    runs, steps, metrics = SIZES[size]
    title = (
        f"Statistics and trends of the rewards of {runs} runs × {steps} steps × {metrics} metrics"
    )
    report = Report(title, size, packages=("duckdb", "pyarrow", "pandas", "polars"))
    root = warehouses.of_rewarded(runs, steps, metrics)
    places = {None: root} | {kind: files(kind, size) for kind in _WRITERS}
    out = cache.folder()
    found = in_turn(
        {
            way: python("others.all_rewards", way, places[kind], out / f"answer-{way}.json")
            for way, kind in WAYS.items()
        },
        3 if size == "full" else 1,
    )
    answers = {way: json.loads((out / f"answer-{way}.json").read_text()) for way in WAYS}
    total, count = answers.pop("scan")[0]
    reference = _by_metric(answers["pandas_parquet"])
    if count != sum(row[0] for row in reference.values()) or not math.isclose(
        total, sum(row[0] * row[1] for row in reference.values()), rel_tol=1e-9
    ):
        raise SystemExit("the raw scan read other rows")
    numbers = [must_agree(way, _by_metric(rows), reference) for way, rows in answers.items()]
    report.say(
        f"{len(reference)} reward metrics, {count:,} values; all answers agree in {numbers[0]:,} "
        "numbers to 1e-9. Whole processes, Python's start and imports included."
    )
    ours = found["ours"]
    report.table(
        ["way", "wall s", "cpu s", "peak MiB", "this to ours, cpu"],
        [[way, one.wall, one.cpu, one.peak, one.cpu / ours.cpu] for way, one in found.items()],
    )
    for way, least in (("pandas_parquet", 4), ("pandas_csv", 10), ("polars_wide", 1.2),
                       ("polars_long", 1.2), ("sql_wide", 2)):  # fmt: skip
        report.aim(f"{way} to ours, processor time", found[way].cpu / ours.cpu, least=least)
    in_one = found["pandas_csv"].cpu / found["ours_by_sql"].cpu
    report.aim("pandas_csv to ours in one SELECT, processor time", in_one, least=10)
    report.aim("ours to the raw scan, processor time", ours.cpu / found["scan"].cpu, most=2.5)
    return report


def files(kind: str, size: str) -> Path:
    """Return the folder of the runs as files of one kind."""
    runs, steps, metrics = SIZES[size]
    suffix = "csv" if kind == "csv" else "parquet"

    def make(place: Path) -> None:
        for one in warehouses.rewarded(runs, steps, metrics):
            _WRITERS[kind](one, place / f"{one.run_id}.{suffix}")

    # Others' files are as their libraries write them; the wide ones are in our encodings.
    sources = (*cache.WRITERS, "benchmarks/exports.py") if kind == "wide" else ()
    return cache.made(f"rewarded-{runs}x{steps}x{metrics}-{kind}", make, sources)


def _by_metric(rows: list[list[float]]) -> Answer:
    return {(str(row[0]), str(row[1])): row[2:] for row in rows}
