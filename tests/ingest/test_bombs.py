"""Small inputs that stand for much are stored, or refused in words, and never take the machine.

One process ingests them all; it has little memory, few files, and measures itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.bombs import BOMBS

ROOT = Path(__file__).parents[2]

#: Bytes that any input may take: a batch, a part and what Arrow keeps for the next ones.
MOST = 384 * 1024**2

#: What must come of each: rows, verdict, words of the note.
STORED = {
    "nothing": (1, "complete", "after 1 rows"),
    "claims_4_gb": (1, "truncated", "1 records lost"),
    "deep_values": (1, "complete", ""),
    "deep_keys": (1, "complete", ""),
    "deep_groups": (2, "truncated", "1 records lost"),
    "keys_that_come_and_go": (1_500, "complete", ""),
    "long_text": (1, "complete", ""),
    "steps_at_both_ends": (3, "complete", ""),
    "steps_beyond": (5, "complete", ""),
    "times_beyond": (2, "complete", ""),
    "odd_texts": (1, "complete", ""),
    "many_segments": (300, "growing", "without an exit record"),
    "json_of_nulls_beside": (1, "unknown", ""),
    "json_of_ever_other_keys": (1_500, "unknown", ""),
    "parquet_of_one_text": (200, "unknown", ""),
}
REFUSED = {
    "many_keys": ("TooManyKeys", "Run many_keys has more than 200,000 different keys"),
    "csv_of_many_columns": ("TooManyKeys", "bomb_history.csv has more than 200,000 different keys"),
    "csv_never_closed": ("SourceProblem", "ends in the middle of a quoted cell"),
    "csv_header_never_closed": ("SourceProblem", "no readable header"),
    "json_of_nulls": ("SourceProblem", "row 1 of the history is no object"),
    "json_deep": ("SourceProblem", "bomb.json is nested too deep"),
    "parquet_of_one_step": ("SourceProblem", "than its bytes can be worth"),
    "parquet_of_one_list": ("SourceProblem", "than its bytes can be worth"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Ingest all bombs in one process."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("nothing tells the peak of memory here")
    command = [sys.executable, "-m", "tests.ingest.bombs", str(tmp_path_factory.mktemp("bombs"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["bomb"]: one for one in told}


def test_every_bomb_has_its_outcome() -> None:
    assert {*STORED, *REFUSED} == {*BOMBS}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_no_harm(outcomes: dict[str, dict[str, Any]], name: str) -> None:
    one = outcomes[name]
    if name in REFUSED:
        kind, words = REFUSED[name]
        assert one["error"] == kind
        assert words in one["note"]
        assert one["hint"]
    else:
        rows, verdict, words = STORED[name]
        assert (one["rows"], one["completeness"], one["error"]) == (rows, verdict, None)
        assert words in one["note"]
    assert one["peak"] < 64 * one["size"] + MOST
