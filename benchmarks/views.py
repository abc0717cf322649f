"""How long each view takes over a warehouse, and all of them together.

    uv run python -m benchmarks views [WAREHOUSE] [--rounds 5] [--shell]

Without WAREHOUSE the built-in sample is ingested into a temporary folder. One connection, as a
command of ours opens it, answers every view in turn; a view's time is the best of its rounds, to
Arrow and to the last row. Opening the connection is timed apart, a new one for each view that is
asked alone (``dakota-wh query X`` without the start of Python), and so is building the catalogue.
With ``--shell`` the duckdb shell (PyPI's duckdb-cli) asks the catalogue, where every view lists the
files anew; its own timer is what counts.
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import duckdb

from dakota_wh import api, demo
from dakota_wh.sql import views
from dakota_wh.warehouse import catalogue
from dakota_wh.warehouse.connection import connect

SHELL = Path(sys.executable).with_name("duckdb")


def best(work: Callable[[], object], rounds: int) -> float:
    """Return the least time of some rounds (s)."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def in_one_connection(root: Path, names: list[str], rounds: int) -> dict[str, tuple[float, int]]:
    """Return each view's best time (s) and its rows."""
    found = {}
    with closing(connect(root, names)) as connection:
        for name in names:
            ask = connection.sql(f"SELECT * FROM {name}").to_arrow_table
            rows = ask().num_rows
            found[name] = (
                best(lambda n=name: connection.sql(f"SELECT * FROM {n}").to_arrow_table(), rounds),
                rows,
            )
    return found


def alone(root: Path, name: str, rounds: int) -> float:
    """Return the best time (s) of opening a connection for one view and asking it."""

    def ask() -> None:
        with closing(connect(root, [name])) as connection:
            connection.sql(f"SELECT * FROM {name}").to_arrow_table()

    return best(ask, rounds)


def in_the_shell(root: Path, names: list[str], rounds: int) -> dict[str, float]:
    """Return each view's best time (s) by the shell's timer, one shell for all of them."""
    asked = [f"SELECT count(*) FROM (SELECT * FROM {n}) AS v;" for n in names] * rounds
    done = subprocess.run(
        [str(SHELL), "-bail", "-init", "/dev/null", "-readonly", str(root / "warehouse.duckdb")],
        input="\n".join([".timer on", *asked, ""]),
        capture_output=True,
        text=True,
        check=True,
    )
    times = [float(t) for t in re.findall(r"Run Time \(s\): real ([0-9.]+)", done.stdout)]
    if len(times) != len(asked):
        raise SystemExit(f"the shell timed {len(times)} of {len(asked)} questions")
    return {name: min(times[at :: len(names)]) for at, name in enumerate(names)}


def main() -> None:
    """Measure and print a table."""
    options = argparse.ArgumentParser()
    options.add_argument("warehouse", type=Path, nargs="?")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--shell", action="store_true")
    given = options.parse_args()
    names = [view.relation for view in views.all_views()]
    with ExitStack() as stack:
        root = given.warehouse
        if root is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            root = folder / "warehouse"
            api.open(root).ingest(demo.unpack(folder))
        root = root.absolute()
        built = best(lambda: catalogue.build(root), given.rounds)
        found = in_one_connection(root, names, given.rounds)
        one_by_one = {name: alone(root, name, given.rounds) for name in names}
        shell = in_the_shell(root, names, given.rounds) if given.shell else {}
    print(f"{root.name}; DuckDB {duckdb.__version__}, Python {platform.python_version()}")
    print(f"| {'view':32} | rows | ms | ms, alone |{' ms, shell |' if shell else ''}")
    print(f"|{'-' * 34}|---|---|---|{'---|' if shell else ''}")
    for name in sorted(names, key=lambda name: -found[name][0]):
        seconds, rows = found[name]
        line = f"| {name:32} | {rows:,} | {1000 * seconds:.1f} | {1000 * one_by_one[name]:.1f} |"
        print(line + (f" {1000 * shell[name]:.0f} |" if shell else ""))
    total = sum(seconds for seconds, _ in found.values())
    line = f"all {len(names)} views: {total:.3f} s; alone {sum(one_by_one.values()):.3f} s"
    print(line + (f"; shell {sum(shell.values()):.3f} s" if shell else ""))
    print(f"catalogue: built in {built:.3f} s")


if __name__ == "__main__":
    main()
