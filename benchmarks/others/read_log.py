"""Ways to read a .wandb log: ``… read_log WAY LOG OUT``.

``rows`` reads it with our reader and keeps nothing; ``protobuf`` parses each record by W&B's own
classes and each value by json, makes a table of the rows and writes Parquet to OUT.
"""

import json
import sys
import time
from pathlib import Path

way, log, out = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
if way == "rows":
    from dakota_wh.ingest.wandb_log import find_logs

    (source,) = find_logs(log.parent)
    began, cpu = time.perf_counter(), time.process_time()
    count = sum(batch.count for batch in source.read(None).rows())
    print(json.dumps([count, time.perf_counter() - began, time.process_time() - cpu]))
else:
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
