"""Run one program, and print its time and its peak memory as JSON. Started by ``processes.py``.

A process of its own and a small one: the kernel counts the peak of the process that started a
program as the program's.
"""

import json
import os
import resource
import sys
import time

began = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(child, 0)
seconds = time.perf_counter() - began
print(
    json.dumps(
        {
            "wall": seconds,
            "cpu": used.ru_utime + used.ru_stime,
            "peak": used.ru_maxrss / 1024,
            "code": os.waitstatus_to_exitcode(status),
            "floor": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    ),
    file=sys.stderr,
)
