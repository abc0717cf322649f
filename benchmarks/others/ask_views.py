"""Ask every view over a whole warehouse: ``… ask_views WAREHOUSE SECONDS [VIEW…]``.

Prints a line of JSON for each view: its name, rows, seconds to lay the views (``laid``, and
``laid_cpu`` of all threads), to plan (``planned``, ``planned_cpu``, EXPLAIN) and to answer it as
``dakota-wh query`` does, laid and planned again, sorted, to the last row (``wall``, ``cpu``), and
the process's peak (MiB) so far. A view that takes longer than SECONDS is stopped, its rows null.
"""

import json
import sys
import time
from contextlib import closing
from pathlib import Path

from dakota_wh.errors import WarehouseError
from dakota_wh.sql.views import all_views, find_view
from dakota_wh.warehouse.connection import connect
from dakota_wh.warehouse.embedded import EmbeddedDuckDB
from dakota_wh.warehouse.question import ask

root, patience = Path(sys.argv[1]), float(sys.argv[2])
names = sys.argv[3:] or [view.relation for view in all_views()]


def peak() -> float:
    """Return the peak of this process (MiB)."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


for name in names:
    began, cpu_before = time.perf_counter(), time.process_time()
    with closing(connect(root, [name], filtered=False)) as connection:
        laid, laid_cpu = time.perf_counter() - began, time.process_time() - cpu_before
        began, cpu_before = time.perf_counter(), time.process_time()
        connection.execute(f"EXPLAIN SELECT * FROM {name}").fetchall()
        planned, planned_cpu = time.perf_counter() - began, time.process_time() - cpu_before
    began, cpu = time.perf_counter(), time.process_time()
    try:
        answer = EmbeddedDuckDB().answer(root, ask(find_view(name)), patience)
        rows: int | None = len(answer)
        answer.close()
    except WarehouseError as error:
        print(f"{name}: {error}"[:300], file=sys.stderr)
        rows = None
    print(
        json.dumps(
            {
                "view": name,
                "rows": rows,
                "laid": laid,
                "laid_cpu": laid_cpu,
                "planned": planned,
                "planned_cpu": planned_cpu,
                "wall": time.perf_counter() - began,
                "cpu": time.process_time() - cpu,
                "peak": peak(),
            }
        ),
        flush=True,
    )
