"""A process that goes on for hours keeps the memory that it had."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

#: Threads that come and go, each of which keeps some of what it took, as an ingest's do.
_WORK = """
import sys, threading
from pathlib import Path
from dakota_wh.warehouse import heap

if sys.argv[1] == "flat" and not heap.keep_flat():
    print("not here")
    raise SystemExit
kept, wait = [], threading.Barrier(12)

def work():
    taken = [bytes(9000) for _ in range(400)]
    wait.wait()
    kept.append(taken[::40])

threads = [threading.Thread(target=work) for _ in range(12)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
heaps = [line for line in Path("/proc/self/smaps").read_text().splitlines() if "-" in line[:20]]
sizes = [[int(end, 16) for end in line.split()[0].split("-")] for line in heaps]
# glibc's own heaps, but for the first, are mapped 64 MiB at a time.
print(sum(start % (64 << 20) == 0 and len(line.split()) == 5
          for (start, _), line in zip(sizes, heaps)))
"""


def heaps(mode: str) -> str:
    command = [sys.executable, "-c", _WORK, mode]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_threads_share_two_heaps() -> None:
    told = heaps("flat")
    if told == "not here":
        pytest.skip("only glibc has heaps to share")
    assert int(told) <= 2 < int(heaps("as ever"))


def test_arrow_takes_the_systems_heaps() -> None:
    """Its own allocator keeps more with each round; it has to be told before it is loaded."""
    code = """
import dakota_wh.commands.watch
from dakota_wh.warehouse import heap
heap.keep_flat()
import pyarrow
from dakota_wh.ingest.wandb_api import process
print(pyarrow.default_memory_pool().backend_name)
print(process._environment()["ARROW_DEFAULT_MEMORY_POOL"])
"""
    words = [sys.executable, "-c", code]
    env = {k: v for k, v in os.environ.items() if k != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "system\nsystem\n"
