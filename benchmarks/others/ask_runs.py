"""Do some things to a warehouse in a store, one after the other: ``… ask_runs ADDRESS WORK…``.

Works: ``ingest:FILE``, ``rows`` (have the run rows as they are now), ``runs`` and ``runs:ID`` (the
view, of all runs or of one), ``trends:ID``. Prints a line of JSON: of each work its requests by
kind, and its seconds of wall clock and of processor time.
"""

import json
import sys
import time
from collections import Counter

import aiobotocore.endpoint

from dakota_wh import api

address, *works = sys.argv[1:]
counted: Counter[str] = Counter()
send = aiobotocore.endpoint.AioEndpoint._send


async def counting(self: object, request: object) -> object:
    """Send a request, and count it."""
    counted["LIST" if "list-type=2" in request.url else request.method] += 1
    return await send(self, request)


def do(kind: str, what: str) -> None:
    """Do one work, as a process of its own would that has imported all."""
    warehouse = api.open(address)
    if kind == "ingest":
        [landed] = warehouse.ingest(what)
        assert landed.error is None, landed
    elif kind == "rows":
        warehouse.mirror.refresh()
    else:
        view = {"runs": "runs", "trends": "reward_trends"}[kind]
        assert len(warehouse.query(view, runs=[what] if what else []).rows())


aiobotocore.endpoint.AioEndpoint._send = counting
found = []
for work in works:
    kind, _, what = work.partition(":")
    counted.clear()
    began, cpu = time.perf_counter(), time.process_time()
    do(kind, what)
    took = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    found.append({"requests": dict(counted), **took})
print(json.dumps(found))
