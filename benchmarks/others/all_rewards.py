"""Statistics and trends of the reward metrics of all runs: ``… all_rewards WAY FOLDER ANSWER``.

Writes rows of (run, metric, samples, mean, median, std, min, max, final, first half's mean, second
half's) as JSON to ANSWER. The ways: ``ours`` over a warehouse; ``pandas_csv``, ``pandas_parquet``,
``polars_wide`` and ``sql_wide`` over a folder of a wide file per run; ``polars_long`` and ``scan``
(the sum of the same rows, no statistics at all) over the warehouse's own files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

REWARD = "(lower(metric) LIKE '%reward%' OR lower(metric) LIKE '%score%')"


def is_reward(name: str) -> bool:
    """Return whether a column is one of rewards."""
    return "reward" in name.lower() or "score" in name.lower()


def ours(folder: Path) -> list[Any]:
    """Ask the two views."""
    import dakota_wh

    warehouse = dakota_wh.open(folder)
    trends = {
        row["run_id"] + row["metric"]: row for row in warehouse.query("reward_trends").dicts()
    }
    wanted = ("run_id", "metric", "samples", "mean", "median", "std", "min", "max", "final")
    rows = []
    for row in warehouse.query("reward_stats").dicts():
        trend = trends[row["run_id"] + row["metric"]]
        halves = (trend["first_half_mean"], trend["second_half_mean"])
        rows.append([*(row[name] for name in wanted), *halves])
    return rows


def ours_by_sql(folder: Path) -> list[Any]:
    """Ask the two views in one SELECT."""
    import dakota_wh

    return (
        dakota_wh.open(folder)
        .sql(
            "SELECT s.run_id, s.metric, s.samples, s.mean, s.median, s.std, s.min, s.max, s.final, "
            "t.first_half_mean, t.second_half_mean FROM reward_stats AS s "
            "JOIN reward_trends AS t ON t.run_id = s.run_id AND t.metric = s.metric"
        )
        .rows()
    )


def _pandas(run: str, history: Any) -> list[Any]:
    rows = []
    for name in filter(is_reward, history.columns):
        values = history[name].dropna()
        middle = len(values) // 2
        found = (
            values.mean(), values.median(), values.std(), values.min(), values.max(),
            values.iloc[-1], values.iloc[:middle].mean(), values.iloc[middle:].mean(),
        )  # fmt: skip
        rows.append([run, name, len(values), *map(float, found)])
    return rows


def pandas_csv(folder: Path) -> list[Any]:
    """Read every CSV whole, as the guide does."""
    import pandas as pd

    return [
        row for path in sorted(folder.iterdir()) for row in _pandas(path.stem, pd.read_csv(path))
    ]


def pandas_parquet(folder: Path) -> list[Any]:
    """Read the columns of rewards from every file."""
    import pandas as pd
    import pyarrow.parquet as pq

    rows = []
    for path in sorted(folder.iterdir()):
        names = list(filter(is_reward, pq.read_schema(path).names))
        rows += _pandas(path.stem, pd.read_parquet(path, columns=names))
    return rows


def _polars_stats(long: Any) -> list[Any]:
    import polars as pl

    value, half = pl.col("value"), pl.len() // 2
    place = pl.int_range(pl.len())
    found = long.group_by("run", "metric").agg(
        pl.len().alias("n"),
        value.mean().alias("mean"),
        value.median().alias("median"),
        value.std().alias("std"),
        value.min().alias("min"),
        value.max().alias("max"),
        value.last().alias("final"),
        value.filter(place < half).mean().alias("a"),
        value.filter(place >= half).mean().alias("b"),
    )
    return list(map(list, found.collect().rows()))


def polars_long(folder: Path) -> list[Any]:
    """Read the warehouse's own long files, which lie in order."""
    import polars as pl

    name = pl.col("metric").str.to_lowercase()
    rewards = name.str.contains("reward", literal=True) | name.str.contains("score", literal=True)
    scan = pl.scan_parquet(
        f"{folder}/metrics/role=[!z]*/*/*.parquet",
        include_file_paths="file",
        hive_partitioning=False,
    )
    run = pl.col("file").str.extract(r"run_id=([^/]*)/").alias("run")
    return _polars_stats(scan.filter(rewards).select(run, "metric", "value"))


def polars_wide(folder: Path) -> list[Any]:
    """Read the columns of rewards of all wide files and turn them to long."""
    import polars as pl

    scan = pl.scan_parquet(f"{folder}/*.parquet", include_file_paths="file")
    names = [name for name in scan.collect_schema().names() if is_reward(name)]
    found = []
    for at, name in enumerate(names):
        value = pl.col(name).drop_nulls()
        half = value.len() // 2
        told = (value.len(), value.mean(), value.median(), value.std(), value.min(), value.max(),
                value.last(), value.head(half).mean(), value.slice(half).mean())  # fmt: skip
        found += [one.alias(f"{at}|{what}") for what, one in enumerate(told)]
    rows = scan.select("file", *names).group_by("file").agg(found).collect().rows()
    return [
        [Path(row[0]).stem, name, *row[1 + 9 * at : 10 + 9 * at]]
        for row in rows
        for at, name in enumerate(names)
    ]


def sql_wide(folder: Path) -> list[Any]:
    """Ask DuckDB over the wide files: the values of a run and metric as a list, in their order."""
    import duckdb

    connection = duckdb.connect()
    files = f"read_parquet('{folder}/*.parquet', filename = true, file_row_number = true)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {files}").fetchall()
    names = [row[0] for row in described if is_reward(row[0])]
    lists = ", ".join(
        f'list("{name}" ORDER BY file_row_number) FILTER (WHERE "{name}" IS NOT NULL) AS v{at}'
        for at, name in enumerate(names)
    )
    told = ", ".join(
        f"len(v{at}), list_avg(v{at}), list_median(v{at}), list_stddev_samp(v{at}), "
        f"list_min(v{at}), list_max(v{at}), v{at}[-1], list_avg(v{at}[:len(v{at}) // 2]), "
        f"list_avg(v{at}[len(v{at}) // 2 + 1:])"
        for at in range(len(names))
    )
    rows = connection.execute(
        f"SELECT parse_filename(filename, true), {told} "
        f"FROM (SELECT filename, {lists} FROM {files} GROUP BY filename)"
    ).fetchall()
    return [
        [row[0], name, *row[1 + 9 * at : 10 + 9 * at]]
        for row in rows
        for at, name in enumerate(names)
    ]


def scan(folder: Path) -> list[Any]:
    """Sum the same rows of the warehouse's own files: what any answer has to read at least."""
    import duckdb

    files = f"{folder}/metrics/*/*/*.parquet"
    total = f"SELECT sum(value), count(*) FROM read_parquet('{files}') WHERE {REWARD}"
    return duckdb.connect().execute(total).fetchall()


if __name__ == "__main__":
    way, place, answer = sys.argv[1:]
    Path(answer).write_text(json.dumps(globals()[way](Path(place))), encoding="utf-8")
