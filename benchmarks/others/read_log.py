"""Ways to read a .wandb log: ``… read_log WAY LOG OUT``.

``rows`` reads it with our reader, in one process, and keeps nothing; ``protobuf`` parses each
record by W&B's own classes and each value by json, makes a table of the rows and writes Parquet to
OUT. ``limit`` does nothing but what no program can do without, each part of it in C at one go: it
prints the processor seconds of reading the file with its checksums (``crc``), of the numbers out of
their texts, which are given (``numbers``), and of writing them in our encodings, wide and long
(``write``). ``ingest`` brings the log into a new warehouse OUT and prints the processor seconds of
this process (``own``) and of the one that helps it (``other``), and the peak of each (MiB).
"""

import json
import resource
import sys
import time
import zlib
from pathlib import Path

way, log, out = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
if way == "rows":
    from dakota_wh.ingest.wandb_log import find_logs, together

    together.FEWEST = sys.maxsize  # by one process
    (source,) = find_logs(log.parent)
    began, cpu = time.perf_counter(), time.process_time()
    count = sum(batch.count for batch in source.read(None).rows())
    print(json.dumps([count, time.perf_counter() - began, time.process_time() - cpu]))
elif way == "ingest":
    from dakota_wh.ingest.landing import ingest
    from dakota_wh.warehouse.arrow_alone import spare_pandas

    spare_pandas()
    (landed,) = ingest(Path(out), [str(log)])
    other = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    told = {"rows": landed.rows, "own": time.process_time()}
    told |= {"other": other.ru_utime + other.ru_stime}
    print(json.dumps(told | {"peak": peak / 1024, "other_peak": other.ru_maxrss / 1024}))
elif way == "limit":
    import numpy as np
    import pyarrow as pa

    from dakota_wh.ingest.wandb_log import find_logs, together
    from dakota_wh.warehouse.metrics import METRICS
    from dakota_wh.warehouse.parquet import write_batches

    together.FEWEST = sys.maxsize
    spent = dict.fromkeys(("crc", "numbers", "write"), 0.0)
    cpu = time.process_time()
    with log.open("rb") as file:
        while block := file.read(32 * 1024):
            zlib.crc32(block)
    spent["crc"] = time.process_time() - cpu
    (source,) = find_logs(log.parent)
    found: dict[str, list[pa.Array]] = {}
    for batch in source.read(None).rows():
        for key, texts in batch.columns.items():
            cpu = time.process_time()
            values = texts.cast(pa.float64())
            spent["numbers"] += time.process_time() - cpu
            found.setdefault(key[0], []).append(values)
    wide = pa.table({key: pa.concat_arrays(some) for key, some in found.items()})
    steps = pa.array(np.arange(wide.num_rows))
    long = [
        pa.table([pa.repeat(pa.scalar(key), len(steps)), steps, steps, wide.column(key), steps],
                 schema=METRICS)
        for key in wide.column_names
    ]  # fmt: skip
    cpu = time.process_time()
    write_batches(Path(out).with_suffix(".wide"), wide.schema, [wide])
    write_batches(Path(out).with_suffix(".long"), METRICS, [pa.concat_tables(long)])
    spent["write"] = time.process_time() - cpu
    print(json.dumps(spent))
else:
    from dakota_wh.warehouse.arrow_alone import spare_pandas

    spare_pandas()  # as ours does: a third of a second
    import pyarrow as pa
    import pyarrow.parquet as pq
    from wandb.proto import wandb_internal_pb2

    from dakota_wh.ingest.wandb_log.framing import Scan
    from dakota_wh.ingest.wandb_log.snapshot import Snapshot

    rows = []
    for payload in Scan(Snapshot(log)).records():
        record = wandb_internal_pb2.Record()
        record.ParseFromString(bytes(payload))
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            rows.append({".".join(i.nested_key) or i.key: json.loads(i.value_json) for i in items})
    pq.write_table(pa.Table.from_pylist(rows), out)
