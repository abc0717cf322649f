"""Rows per second and peak memory of our way to a run's history, against those of W&B's client.

    uv run python -m benchmarks ingest_api [--rows 20000] [--metrics 60] [--rounds 3]

One local server serves one run twice, as live history and as a Parquet export. Each way reads it in
a process of its own; before anything is timed, all ways must give the values that are served: for
every key the count, the sum, a sum by places and the last value. What is stored is compared in
history and in metrics. Server and reader share the machine's cores and there is
no network between them: trust the ratios. Beside the wall clock stand the seconds of processor time
of the reading process (own), of W&B's sidecar that makes the requests for it (core), and of the
server: what the last two take, no reader behind W&B's client can save.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.wandb_server.client import client_env
from tests.wandb_server.model import ServedRun
from tests.wandb_server.server import Server

#: Ways that read: each leaves ``table``, columns by key as lists or Arrow arrays.
COMMON = """
import json, os, sys, tempfile, threading, time
from pathlib import Path
run_id, folder = sys.argv[1], Path(sys.argv[2])
timed, rows = sys.argv[3] == "timed", int(sys.argv[4])
from dakota_wh.ingest.wandb_api.client import Client, load
from dakota_wh.ingest.wandb_api.patience import Patience
from dakota_wh.ingest.wandb_api.sign_in import sign_in
load(sign_in(), Patience(), folder)
import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
import numpy as np
client = Client(sign_in(), Patience())
api = client._api
run = api.run("acme/bench/" + run_id)
sums = {}
def fold(key, values):
    values = values if isinstance(values, pa.Array) else pa.array(values)
    if pa.types.is_string(values.type):
        values = values.cast(pa.float64())
    values = np.asarray(values.cast(pa.float64()))
    count, total, placed, _ = sums.get(key, (0, 0.0, 0.0, None))
    weights = 1.0 + np.arange(count, count + len(values)) % 97
    total, placed = total + float(values.sum()), placed + float(values @ weights)
    sums[key] = (count + len(values), total, placed, float(values[-1]))
def fold_rows(found):
    for key in found[0]:
        fold(key, [row[key] for row in found])
def chunks(iterator, size=1000):
    some = []
    for row in iterator:
        some.append(row)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
def cpu_of_children():
    ticks = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
before, began = (time.process_time(), cpu_of_children()), time.perf_counter()
"""

OURS = """
from dakota_wh.warehouse.arrow_alone import spare_pandas
spare_pandas()  # as the worker does
from dakota_wh.ingest.wandb_api.api_run import ApiRun
from dakota_wh.ingest.wandb_api.run_address import RunAddress
reading = ApiRun(client, RunAddress(run_id, "bench", "acme"), folder).read(None)
for batch in reading.rows():
    if not timed:
        for path, array in batch.columns.items():
            fold(path[0], array)
reading.facts()
"""

#: Into the warehouse at ``root``.
STORED_AT = """
from dakota_wh.warehouse.arrow_alone import spare_pandas
spare_pandas()  # as the worker does
from dakota_wh.ingest.landing import Options, land
from dakota_wh.ingest.wandb_api.api_run import ApiRun
from dakota_wh.ingest.wandb_api.run_address import RunAddress
root = Path({root!r} or tempfile.mkdtemp(dir=folder))
landed = land(root, ApiRun(client, RunAddress(run_id, "bench", "acme"), folder), Options())
assert landed.completeness == "complete", landed
"""

STORED = (
    STORED_AT.format(root="")
    + """
if not timed:
    for part in sorted(root.rglob("history/**/part-*.parquet")):
        table = pq.ParquetFile(part).read()
        for name in table.column_names:
            if name not in ("_row", "_segment", "_part"):
                fold(name, table.column(name).combine_chunks())
    history, sums = sums, {}
    for part in sorted(root.glob("metrics/role=[!z]*/*/part-*.parquet")):
        table = pq.ParquetFile(part).read()
        table = table.sort_by([("metric", "ascending"), ("step", "ascending")])
        for name in table.column("metric").unique().to_pylist():
            fold(name, table.filter(pc.field("metric") == name).column("value").combine_chunks())
    logged = {name: told for name, told in history.items() if not name.startswith("_")}
    assert sums.keys() == logged.keys(), sorted(sums.keys() ^ logged.keys())
    for name, told in sums.items():
        assert np.allclose(told, logged[name], rtol=1e-9, atol=0), (name, told, logged[name])
    sums = history
"""
)

SCAN = """
for some in chunks(run.scan_history(use_cache=False)):
    if not timed:
        fold_rows(some)
"""

#: The first rows, so many as are said.
SCAN_A_PART = """
from itertools import islice
assert sum(map(len, chunks(islice(run.scan_history(use_cache=False), rows)))) == rows
"""

HISTORY = """
found = run.history(samples=rows, pandas=False)
if not timed:
    for some in chunks(found):
        fold_rows(some)
"""

DOWNLOAD = """
place = Path(tempfile.mkdtemp(dir=folder))
result = run.download_history_exports(place, require_complete_history=False)
for path in sorted(result.paths):
    table = pq.read_table(path)
    if not timed:
        for name in table.column_names:
            fold(name, table.column(name).combine_chunks())
"""

END = """
seconds = time.perf_counter() - began
status = Path("/proc/self/status").read_text()  # getrusage also counts what was before exec
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
own, core = time.process_time() - before[0], cpu_of_children() - before[1]
print(json.dumps({"seconds": seconds, "peak": peak, "sums": sums, "own": own, "core": core}))
sys.stdout.flush()
os._exit(0)
"""

WAYS: list[tuple[str, str, str]] = [
    ("dakota-wh, read (live)", "live", OURS),
    ("dakota-wh, stored (live)", "live", STORED),
    ("run.scan_history() (live)", "live", SCAN),
    ("run.history(samples=N)", "live", HISTORY),
    ("dakota-wh, read (export)", "export", OURS),
    ("dakota-wh, stored (export)", "export", STORED),
    ("run.scan_history() (export)", "export", SCAN),
    ("download + pq.read_table", "export", DOWNLOAD),
]


def served(run_id: str, rows: int, metrics: int) -> ServedRun:
    """Return a run of ``rows`` steps with so many float metrics and W&B's three own keys."""
    dice = random.Random(7)
    logged = [
        {
            "_step": step,
            "_timestamp": 1.7e9 + step,
            "_runtime": step * 1.5,
            **{f"train/metric_{n:02}": dice.random() for n in range(metrics)},
        }
        for step in range(rows)
    ]
    exported = rows - 1 if run_id == "export" else None
    return ServedRun("acme", "bench", run_id, rows=logged, summary=logged[-1],
                     exported_up_to=exported, rows_per_file=50_000)  # fmt: skip


def read(way: tuple[str, str, str], server: Server, home: Path, timed: bool, rows: int) -> Any:
    """Run one way in a process of its own; return its seconds, peak MiB and values."""
    _, run_id, program = way
    folder = tempfile.mkdtemp(dir=home)
    words = [run_id, folder, "timed" if timed else "checked", str(rows)]
    before = time.process_time()
    done = subprocess.run(
        [sys.executable, "-c", COMMON + program + END, *words],
        env=client_env(server.url, home), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{way[0]}: {done.stderr[-3000:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "server": time.process_time() - before}


def same(one: dict[str, list[float]], other: dict[str, list[float]]) -> bool:
    """Tell whether two ways gave the same values; sums may differ in their last digits."""
    return one.keys() == other.keys() and all(
        one[key][0] == other[key][0]
        and all(math.isclose(one[key][at], other[key][at], rel_tol=1e-9) for at in (1, 2))
        and one[key][3] == other[key][3]
        for key in one
    )


def sums_of(run: ServedRun) -> dict[str, list[float]]:
    """Return the count, the sum, the sum by places and the last value of each key of a run."""
    found = {}
    for key in run.rows[0]:
        column = [row[key] for row in run.rows]
        placed = math.fsum(value * (1 + at % 97) for at, value in enumerate(column))
        found[key] = [len(column), math.fsum(column), placed, column[-1]]
    return found


def main() -> None:
    """Check, time, and print a table."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--metrics", type=int, default=60)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        home = Path(folder)
        runs_served = [served(run_id, given.rows, given.metrics) for run_id in ("live", "export")]
        for one in runs_served:
            server.add_run(one)
        expected = sums_of(runs_served[0])
        for way in WAYS:
            if not same(expected, read(way, server, home, False, given.rows)["sums"]):
                raise SystemExit(f"{way[0]} gives other values")
        print(
            f"{given.rows} rows of {given.metrics + 3} keys; "
            f"all {len(WAYS)} ways give what is served"
        )
        print(f"| {'way':28} | rows/s | seconds | peak MiB | own | core | server |")
        print(f"|{'-' * 30}|---|---|---|---|---|---|")
        spent = {}
        for way in WAYS:
            runs = [read(way, server, home, True, given.rows) for _ in range(given.rounds)]
            seconds = statistics.median(run["seconds"] for run in runs)
            peak = max(run["peak"] for run in runs)
            rate = given.rows / seconds
            cpu = [statistics.median(run[who] for run in runs) for who in ("own", "core", "server")]
            spent[way[0]] = cpu[0] + cpu[1]
            shown = " | ".join(f"{value:.2f}" for value in cpu)
            print(
                f"| {way[0]:28} | {rate:,.0f} | {seconds:.2f} | {peak:.0f} | {shown} |", flush=True
            )
        print("\nOwn and core together, run.scan_history() to:")
        for name in ("dakota-wh, read", "dakota-wh, stored"):
            for kind in ("live", "export"):
                ratio = spent[f"run.scan_history() ({kind})"] / spent[f"{name} ({kind})"]
                print(f"- {name} ({kind}): {ratio:.1f}×" + "; aim at least 10×" * (name[-1] == "d"))
        limit = spent["run.scan_history() (export)"] / spent["download + pq.read_table"]
        print(f"- W&B's own download, read into memory and nothing done to it: {limit:.1f}×")


if __name__ == "__main__":
    main()
