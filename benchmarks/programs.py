"""The programs by name, each with its line in the list."""

from __future__ import annotations

from typing import Final

#: Programs with a module of the same name that has ``run(size) -> Report``; sizes are small, full.
PROGRAMS: Final = {
    "start": "dakota-wh --help against a bare import of click",
    "whole_process": "a query as a whole process, against bare duckdb and the guide's pandas",
    "one_run": "one run's reward_trends among 10, 1000 and 10000 runs",
    "all_views": "every view over 100 to 10000 runs: time, planning, cost per run",
    "many_runs": "statistics and trends of 1000 runs, against pandas, polars, SQL and a raw scan",
    "log": "a .wandb log into the warehouse, against wandb leet and protobuf with json",
    "length": "ingest of ever longer logs: time per row and peak memory",
    "growth": "1000 new steps behind a long run, against ingesting all of it",
    "disk": "bytes on disk, against CSV, W&B's Parquet export and default encodings",
    "wide": "a run of thousands of keys: ingest and query",
    "latency": "200 runs of a project over a slow network, one by one and in parallel",
    "api_length": "runs of up to 5,000,000 steps through W&B's API: cost per row, peak memory",
    "object_store": "a warehouse in an object store: through the mirror, and read in place",
    "store_runs": "what a run costs in an object store, and many run rows a reader",
    "on_spark": "questions over ever more runs on Spark: laying, asking, cost per run",
    "attacks.readers": "four readers of all views while a run is added, grown, replaced, removed",
    "attacks.gate": "the SQL gate: some 900 statements, and queries that take all there is",
    "attacks.troubles": "a full disk, denied rights, a folder that goes away, a clock that jumps",
    "attacks.writers": "two writers at once: one run, two runs, rebuild or removal beside ingest",
    "attacks.kills": "real processes killed at random moments: ingest, rebuild, remove, sync …",
}

#: Programs that take flags of their own, and print what they find.
OTHERS: Final = {
    "fuzz": "hostile logs, exports and answers, found by coverage (needs atheris)",
    "ingest_api": "rows per second through W&B's API, against scan_history and others",
    "views": "each view over one warehouse, in our connection and in the duckdb shell",
    "trend_verdicts": "how often trend_evidence sees a trend where there is none",
    "attacks.soak": "watch on growing runs for an hour, with faults at random moments",
    "compare_intervals": "how often the intervals of dakota-wh compare are wrong",
}
