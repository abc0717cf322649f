"""Ask a warehouse in a store: ``… ask_store WAY QUESTION ADDRESS RUN SECONDS``.

Ways: ``mirror`` (in $DAKOTA_WH_CACHE), ``views`` (DuckDB reads in place, by the views over
patterns), ``listed`` (likewise, of a list of the live files). Questions: ``one`` and ``all``
(reward_trends of a run, or of all), ``column`` (the sum of a column of history, run by run). Each
request is SECONDS late. Prints a line of JSON: requests, bytes, wall, cpu, and the answer's rows.
"""

import asyncio
import json
import sys
import time

import aiobotocore.endpoint
import duckdb
import s3fs

from benchmarks.expected import TRENDS
from dakota_wh import api
from dakota_wh.store import keys, listing
from dakota_wh.store.address import parse
from dakota_wh.store.objects import Objects, together
from dakota_wh.store.publish import row_of
from dakota_wh.warehouse.laying import lay
from dakota_wh.warehouse.quoting import literal
from dakota_wh.warehouse.relations import create_statements
from dakota_wh.warehouse.run_row import named_files

way, question, address, run, late = sys.argv[1:6]
COLUMN = 'sum("reward/mean")'
counted = {"requests": 0, "bytes": 0}
send = aiobotocore.endpoint.AioEndpoint._send


async def counting(self: object, request: object) -> object:
    """Send a request late, and count it and its answer."""
    counted["requests"] += 1
    await asyncio.sleep(float(late))
    answer = await send(self, request)
    counted["bytes"] += int(answer.headers.get("Content-Length") or 0)
    return answer


aiobotocore.endpoint.AioEndpoint._send = counting


def by_the_mirror() -> list[tuple]:
    """Ask as the program does."""
    warehouse = api.open(address)
    if question == "column":
        return warehouse.sql(f"SELECT run_id, {COLUMN} FROM history GROUP BY run_id").rows()
    runs = [run] if question == "one" else []
    found = warehouse.query("reward_trends", runs=runs).dicts()
    return [(row["run_id"], row["metric"], *(row[name] for name in TRENDS)) for row in found]


def in_place() -> list[tuple]:
    """Let DuckDB read the objects through fsspec."""
    connection = duckdb.connect()
    connection.register_filesystem(
        s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    )
    if way == "listed":
        there = Objects(parse(address))
        rows = [(run_id, all_[-1]) for run_id, all_ in listing.everything(there).rows.items()]
        read = together(lambda one: row_of(there.read(one[1]), one[1]), rows)
        files = [
            literal(f"{address}/{keys.part_key(row, file)}")
            for row in read
            for file in named_files(row)
            if file.table == "history"
        ]
        source = (
            "(SELECT *, parse_path(filename)[-2][8:] AS run_id FROM read_parquet("
            f"[{', '.join(files)}], union_by_name = true, filename = true, "
            "hive_partitioning = false)) AS history"
        )
        return connection.execute(
            f"SELECT run_id, {COLUMN} FROM {source} GROUP BY run_id"
        ).fetchall()
    of_run = f"run_id={run}" if question == "one" else "*"

    def files_of(table: str) -> str:
        schema = f"{address}/{table}/role=zz_schema/run_id=zz_schema/*.parquet"
        patterns = [f"{address}/{table}/*/{of_run}/*.parquet"]
        return f"[{', '.join(map(literal, [*patterns, *([schema] if of_run != '*' else [])]))}]"

    relation = "history" if question == "column" else "reward_trends"
    lay(connection.execute, create_statements([relation], files_of))
    if question == "column":
        return connection.execute(
            f"SELECT run_id, {COLUMN} FROM history GROUP BY run_id"
        ).fetchall()
    return connection.execute(
        f"SELECT run_id, metric, {', '.join(TRENDS)} FROM reward_trends"
    ).fetchall()


began, cpu = time.perf_counter(), time.process_time()
answer = by_the_mirror() if way == "mirror" else in_place()
print(
    json.dumps(
        {
            **counted,
            "wall": time.perf_counter() - began,
            "cpu": time.process_time() - cpu,
            "rows": answer,
        }
    )
)
