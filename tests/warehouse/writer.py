"""A process that ingests some sources, over and over: ``python -m tests.warehouse.writer``.

Arguments: the warehouse, how many rounds (0: until stdin ends), and the sources. It says ``ready``
when its imports are done, waits for a line, and at the end says how often it ingested.
"""

from __future__ import annotations

import select
import sys
from itertools import count
from pathlib import Path

import pyarrow.parquet  # noqa: F401 - so that writers which start together begin together

from dakota_wh.api import open as open_warehouse
from dakota_wh.ingest import landing  # noqa: F401
from dakota_wh.warehouse import catalogue
from tests.warehouse.kit import few_views


def main() -> None:
    setattr(catalogue, "registry", few_views())  # noqa: B010 - as in the other tests
    root, rounds, *sources = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    done = 0
    for number in count():
        if number == int(rounds) > 0:
            break
        if int(rounds) == 0 and select.select([sys.stdin], [], [], 0)[0]:
            break
        source = Path(sources[number % len(sources)])
        (landed,) = open_warehouse(root).ingest(source, force=True)
        if landed.error:
            raise landed.error
        done += 1
    print(done, flush=True)


if __name__ == "__main__":
    main()
