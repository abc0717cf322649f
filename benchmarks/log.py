"""A .wandb log into the warehouse, against what else reads one on this machine."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks import cache
from benchmarks.logs import ingest, log_of
from benchmarks.processes import measure, python
from benchmarks.report import Report

#: Steps, the share of them that the slow ways read, metrics.
SIZES = {"small": (1000, 2, 12), "full": (200_000, 10, 60)}
_OWN = ("_row", "_segment", "_part")


def run(size: str) -> Report:
    """Measure; both other ways' values are compared with what is stored."""
    steps, share, metrics = SIZES[size]
    report = Report(
        f"A log of {steps:,} steps × {metrics} metrics",
        size,
        packages=("wandb", "pyarrow", "numpy"),
    )
    log, tenth = log_of(steps, metrics), log_of(steps // share, metrics)
    out = cache.folder()
    leet = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(tenth)]
    leet_out = out / "leet.jsonl"
    shell = ["sh", "-c", f"{' '.join(leet)} > {leet_out}"]
    reading = measure(python("others.read_log", "rows", log, "-"))
    limit = json.loads(measure(python("others.read_log", "limit", tenth, out / "limit")).output)
    ours = measure(ingest(log, "ingested"))
    shutil.rmtree(out / "in-two", ignore_errors=True)
    two = json.loads(measure(python("others.read_log", "ingest", log, out / "in-two")).output)
    ours_tenth = measure(ingest(tenth, "ingested-tenth"))
    protobuf = measure(python("others.read_log", "protobuf", tenth, out / "protobuf.parquet"))
    leet_found = measure(shell)
    stored = _stored(out / "ingested-tenth")
    compared = _same(stored, pq.read_table(out / "protobuf.parquet").to_pydict())
    rows = [json.loads(line) for line in leet_out.open(encoding="utf-8")]
    items = [row["history"]["item"] for row in rows if row["type"] == "history"]
    _same(stored, {key: [item[key] for item in items] for key in stored})
    count, _, cpu = json.loads(reading.output)
    if count != steps:
        raise SystemExit(f"read {count} rows")
    size_of = log.stat().st_size / 1e6
    report.say(
        f"The log has {size_of:,.0f} MB. leet and protobuf read the first 1/{share} of it; the "
        f"three agree in all {compared:,} values of that part. leet only prints JSON; protobuf "
        "with json per value writes one wide Parquet file; ours writes history, metrics and all."
    )
    part = steps // share
    per_row = {
        "dakota-wh ingest": (steps, ours),
        "dakota-wh ingest, the part": (part, ours_tenth),
        "protobuf, json per value, the part": (part, protobuf),
        "wandb leet inspect --json, the part": (part, leet_found),
    }
    report.table(
        ["way", "steps", "wall s", "cpu s", "rows/s, wall", "rows/s, cpu", "peak MiB"],
        [
            [name, n, one.wall, one.cpu, n / one.wall, n / one.cpu, one.peak]
            for name, (n, one) in per_row.items()
        ],
    )
    report.say(f"Our reading alone, in its process: {count / cpu:,.0f} rows/s of processor time.")
    report.say(
        f"Ours is two processes: of {two['own'] + two['other']:.1f} s of processor time in another "
        f"ingest {two['other']:.1f} are the second one's, so with two cores of its own the first "
        f"one's {two['own']:.1f} are what it takes; peaks {two['peak']:.0f} and "
        f"{two['other_peak']:.0f} MiB. The wall clock here is that of a machine with other work."
    )
    told = ", ".join(f"{1e6 * cpu / part:.1f} {name}" for name, cpu in limit.items())
    least_of_all = sum(limit.values()) / part
    report.say(
        f"What no program can do without, each in C at one go, in µs of processor time a step: "
        f"{told}; {1e6 * least_of_all:.1f} together. Ours takes "
        f"{ours.cpu / steps / least_of_all:.1f} times that in all, "
        f"{two['own'] / steps / least_of_all:.1f} times in its first process; protobuf "
        f"{protobuf.cpu / part / least_of_all:.1f} times, leet "
        f"{leet_found.cpu / part / least_of_all:.1f} times."
    )
    for name, one, least in (("leet", leet_found, 40), ("protobuf", protobuf, 10)):
        report.aim(f"{name} to ours, wall", one.wall / part / (ours.wall / steps), least=least)
        report.aim(f"{name} to ours, cpu", one.cpu / part / (ours.cpu / steps), least=least)
        report.aim(
            f"{name}, cpu, to our first process", one.cpu / part / (two["own"] / steps), least=least
        )
    report.aim("reading alone per core", count / cpu, least=25_000, unit=" rows/s")
    return report


def _stored(root: Path) -> dict[str, list[float]]:
    parts = sorted(root.glob("history/role=[!z]*/*/part-*.parquet"), key=lambda path: path.name)
    found: dict[str, list[float]] = {}
    for part in parts:
        for key, column in pq.ParquetFile(part).read().to_pydict().items():
            if key not in _OWN:
                found.setdefault(key, []).extend(column)
    return found


def _same(stored: dict[str, list[float]], other: dict[str, list[float]]) -> int:
    if stored.keys() != other.keys():
        raise SystemExit(f"other keys: {sorted(stored.keys() ^ other.keys())[:5]}")
    for key, column in stored.items():
        if column != other[key]:
            raise SystemExit(f"other values of {key}")
    return sum(map(len, stored.values()))
