"""Ask one run's reward_trends again and again: ``… ask_one_run WAREHOUSE RUN ROUNDS``.

Prints JSON: the median of the processor time of one call (s), and what was answered last.
"""

import json
import statistics
import sys
import time

import dakota_wh

warehouse, run, rounds = dakota_wh.open(sys.argv[1]), sys.argv[2], int(sys.argv[3])
warehouse.query("reward_trends", runs=[run]).rows()
times = []
for _ in range(rounds):
    began = time.process_time()
    answered = warehouse.query("reward_trends", runs=[run])
    answered.rows()
    times.append(time.process_time() - began)
print(json.dumps({"seconds": statistics.median(times), "rows": answered.dicts()}))
