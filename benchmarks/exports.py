"""A made run as files of others' making: the guide's CSV, W&B's Parquet export, wide Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.made_run import MadeRun
from dakota_wh.warehouse.parquet import write_table


def table(run: MadeRun) -> pa.Table:
    """Return a run's history, a column per key."""
    return pa.table(run.columns())


def as_csv(run: MadeRun, path: Path) -> None:
    """Write what ``DataFrame.to_csv(index=False)`` writes: the shortest digits of each double."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [column.tolist() for column in run.columns().values()]
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(run.columns()) + "\n")
        file.writelines(",".join(map(repr, row)) + "\n" for row in zip(*columns, strict=True))


def as_wandb_parquet(run: MadeRun, path: Path) -> None:
    """Write what W&B's export is like: Arrow's default encodings, dictionaries and snappy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(run), path)


def as_wide_parquet(run: MadeRun, path: Path) -> None:
    """Write a wide file with our own encodings."""
    write_table(path, table(run))
