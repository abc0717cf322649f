"""Ask one run's reward_trends again and again: ``… ask_one_run WAREHOUSE RUN ROUNDS``.

Prints the median of the processor time of one call (s).
"""

import statistics
import sys
import time

import dakota_wh

warehouse, run, rounds = dakota_wh.open(sys.argv[1]), sys.argv[2], int(sys.argv[3])
warehouse.query("reward_trends", runs=[run]).rows()
times = []
for _ in range(rounds):
    began = time.process_time()
    warehouse.query("reward_trends", runs=[run]).rows()
    times.append(time.process_time() - began)
print(statistics.median(times))
