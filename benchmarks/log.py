"""A .wandb log into the warehouse, against what else reads one on this machine."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks import cache
from benchmarks.logs import ingest, log_of, long_run
from benchmarks.processes import Measured, measure, python
from benchmarks.report import Report
from benchmarks.stored import history_values, made_sums, must_have_metrics, must_hold
from dakota_wh import api

#: Steps, the share of them that the slow ways read, metrics. A quarter of the share is read too, to
#: tell what a step costs from what is done once.
SIZES = {"small": (1000, 2, 12), "full": (200_000, 10, 60)}


def run(size: str) -> Report:
    """Measure; what is stored is compared with NumPy's sums, and with both other ways' values."""
    steps, share, metrics = SIZES[size]
    report = Report(
        f"A log of {steps:,} steps × {metrics} metrics",
        size,
        packages=("wandb", "pyarrow", "numpy"),
    )
    part = steps // share
    log, tenth, less = (log_of(n, metrics) for n in (steps, part, part // 4))
    out = cache.folder()
    leet_out = out / "leet.jsonl"
    reading = measure(python("others.read_log", "rows", log, "-"))
    limit = json.loads(measure(python("others.read_log", "limit", tenth, out / "limit")).output)
    ours = measure(ingest(log, "ingested"))
    shutil.rmtree(out / "in-two", ignore_errors=True)
    two = json.loads(measure(python("others.read_log", "ingest", log, out / "in-two")).output)
    ours_tenth = measure(ingest(tenth, "ingested-tenth"))
    ours_less = measure(ingest(less, "ingested-less"))
    protobuf_less, protobuf = (
        measure(python("others.read_log", "protobuf", one, out / "protobuf.parquet"))
        for one in (less, tenth)
    )
    leet_less, leet_found = (measure(_leet(one, leet_out)) for one in (less, tenth))
    stored = history_values(out / "ingested-tenth")
    others = pq.read_table(out / "protobuf.parquet").to_pydict()
    compared = _same(stored, others)
    in_metrics = must_have_metrics("the part", out / "ingested-tenth", others)
    rows = [json.loads(line) for line in leet_out.open(encoding="utf-8")]
    items = [row["history"]["item"] for row in rows if row["type"] == "history"]
    _same(stored, {key: [item[key] for item in items] for key in stored})
    count, _, cpu = json.loads(reading.output)
    if count != steps:
        raise SystemExit(f"read {count} rows")
    made = long_run(steps, metrics)
    expected = made_sums(made)
    sums = []
    for name in ("ingested", "in-two"):
        _whole(out / name, steps)
        sums.append(must_hold(name, out / name, expected, made.names))
    size_of = log.stat().st_size / 1e6
    report.say(
        f"The log has {size_of:,.0f} MB. leet and protobuf read the first 1/{share} of it; the "
        f"three agree in all {compared:,} values of that part, and so do its metrics in "
        f"{in_metrics:,}. Of all of it, stored twice, the count, the sum and a sum by steps of "
        f"each column and metric, {sums[0]:,} numbers each time, are NumPy's. leet only prints "
        "JSON; protobuf with json per value writes one wide Parquet file; ours writes history, "
        "metrics and all."
    )
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
    times = {
        "dakota-wh ingest": (ours_less, ours_tenth, ours),
        "protobuf, json per value": (protobuf_less, protobuf, None),
        "wandb leet inspect --json": (leet_less, leet_found, None),
    }
    a_step = {name: _a_step(*found, part, steps) for name, found in times.items()}
    ours_step = a_step["dakota-wh ingest"]
    report.say(
        f"Of a fixed start, which above is spread over few or many steps: the same files by all, "
        f"and what a step costs beyond it, by the difference of two lengths ({part // 4:,} and "
        f"{part:,} steps; ours {part:,} and {steps:,}, where two processes read)."
    )
    report.table(
        ["way", f"{part // 4:,}, cpu s", f"{part:,}, cpu s", "to ours", "a further step, cpu µs",
         "to ours"],
        [
            [name, few.cpu, many.cpu, many.cpu / ours_tenth.cpu, one and 1e6 * one,
             one and ours_step and one / ours_step]
            for (name, (few, many, _)), one in zip(times.items(), a_step.values(), strict=True)
        ],
    )  # fmt: skip
    report.say(f"Our reading alone, in its process: {count / cpu:,.0f} rows/s of processor time.")
    report.say(
        f"Ours is two processes: of {two['own'] + two['other']:.1f} s of processor time in another "
        f"ingest {two['other']:.1f} are the second one's, so with two cores of its own the first "
        f"one's {two['own']:.1f} are what it takes; peaks {two['peak']:.0f} and "
        f"{two['other_peak']:.0f} MiB."
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


def _leet(log: Path, out: Path) -> list[str]:
    words = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(log)]
    return ["sh", "-c", f"{shlex.join(words)} > {shlex.quote(str(out))}"]


def _whole(root: Path, steps: int) -> None:
    """Refuse a warehouse that does not hold one whole run of so many steps."""
    found = api.open(root).sql("SELECT rows, last_step, completeness FROM runs").rows()
    if found != [(steps, steps - 1, "complete")]:
        raise SystemExit(f"{root.name}: {found}")


def _a_step(
    few: Measured, many: Measured, most: Measured | None, part: int, steps: int
) -> float | None:
    """Return what a step costs beyond what is done once (s); None where that is lost in noise."""
    longer, shorter, more = (most, many, steps - part) if most else (many, few, part - part // 4)
    difference = (longer.cpu - shorter.cpu) / more
    return difference if difference > 0 else None


def _same(stored: dict[str, list[float]], other: dict[str, list[float]]) -> int:
    if stored.keys() != other.keys():
        raise SystemExit(f"other keys: {sorted(stored.keys() ^ other.keys())[:5]}")
    for key, column in stored.items():
        if column != other[key]:
            raise SystemExit(f"other values of {key}")
    return sum(map(len, stored.values()))
