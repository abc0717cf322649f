"""A query that keeps to neither limit ends with its process, and says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dakota_wh.warehouse.overrun import bytes_of
from tests.warehouse.kit import constant_run, files_of, ingest

#: The program, less patient than it is.
PROGRAM = (
    "import sys; from dakota_wh import cli; from dakota_wh.warehouse import overrun; "
    "overrun.GRACE = 0.1; sys.exit(cli.run(sys.argv[1:]))"
)


def asked(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "sql", *words, "--warehouse", str(root)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_cannot_be_interrupted_or_limited_is_ended(tmp_path: Path) -> None:
    root = tmp_path / "wh"
    ingest(root, constant_run(tmp_path / "in", "run", 1.0))
    before = files_of(root)
    late = asked(root, "SELECT length(repeat('x', 900000000))", "--timeout", "0.2")
    large = asked(
        root,
        "SELECT list_sum(list_transform(range(100000000), lambda x: x + 1))",
        "--memory-limit",
        "60MB",
    )
    for done, said in ((late, "longer than 0.2 s"), (large, "far more memory than 60MB")):
        assert done.returncode == 1
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("dakota-wh: The query took ")
        assert said in line
    assert files_of(root) == before
    well = asked(root, "SELECT count(*) AS n FROM metrics", "--memory-limit", "60MB")
    assert (well.returncode, well.stdout) == (0, "n\n50\n")


@pytest.mark.parametrize(
    ("size", "count"),
    [("500MB", 500_000_000), ("1.5 GiB", 1_610_612_736), ("4gb", 4_000_000_000), ("7bytes", 7)],
)
def test_sizes_are_those_of_the_engine(size: str, count: int) -> None:
    assert bytes_of(size) == count
