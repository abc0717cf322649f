"""The first inputs: what W&B's client writes, and small ones made by hand."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks import cache
from tests.wandb_log.encoder import (
    changes,
    chunk,
    double,
    history,
    item,
    log,
    number,
    records,
    run,
    typed,
)

_WRITER = Path(__file__).parents[2] / "tests" / "wandb_log" / "write_with_sdk.py"
TABLE_FILE = b'{"columns": ["a", "a", "b"], "data": [[1, "x", NaN], [2.0, null, {"c": [1]}]]}'
TABLE = {
    "_type": "table-file",
    "path": "media/table/t.json",
    "sha256": sha256(TABLE_FILE).hexdigest(),
    "size": len(TABLE_FILE),
    "nrows": 2,
    "ncols": 3,
}

ROWS: Sequence[Mapping[str, Any]] = [
    {
        "_step": n,
        "_timestamp": 1.7e9 + n,
        "_runtime": n + 0.5,
        "step": n,
        "reward/mean": n / 7,
        "loss": math.nan if n == 3 else 1 / (n + 1),
        "text": "é☃ <&>",
        **({"hist": {"_type": "histogram", "bins": [0, 1], "values": [n]}} if n % 2 else {}),
        **({"table": TABLE} if n == 2 else {}),
        **({"nest": {"a": n, "b": {"c": None}}, "flag": n > 2, "list": [1, 2.5, "x"]} if n else {}),
    }
    for n in range(6)
]
SUMMARY = {"_step": 5, "loss": 1 / 6, "best": {"max": 0.5}, "_wandb": {"runtime": 9}}
CONFIG = {"lr": 4e-05, "model": {"name": "m", "layers": [1, 2]}, "a.b": True, "none": None}


def logs() -> list[bytes]:
    """Return small logs: of today's form, of the typed and of the older one."""
    return [_log(0), _log(1), _log(2), log(records([(17, run("abc"))])), _log(0, rows=60)]


def sdk_logs() -> list[bytes]:
    """Return what W&B's own client writes, offline; made once."""
    folder = cache.made("fuzz-sdk-logs", _write_with_sdk)
    return [path.read_bytes() for path in sorted(folder.rglob("*.wandb")) if not path.is_symlink()]


def _write_with_sdk(folder: Path) -> None:
    folder.mkdir(parents=True)
    quiet = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    places = ("HOME", "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR")
    env = {"PATH": os.environ["PATH"], **quiet, **dict.fromkeys(places, str(folder))}
    command = [sys.executable, str(_WRITER), str(folder)]
    subprocess.run(command, env=env, cwd=folder, check=True, timeout=300)


def _log(form: int, rows: int = 6) -> bytes:
    bodies: list[tuple[int, bytes]] = [
        (
            17,
            run("abc", project="p", name="fuzzed-trainer", config=_items(CONFIG)) + chunk(10, "t"),
        ),
        (12, chunk(1, "reward/mean") + chunk(4, "step")),
        (12, chunk(2, "val/*") + chunk(4, "_step")),
    ]
    for n in range(rows):
        bodies.append((2, history(_row({**ROWS[n % len(ROWS)], "_step": n}, form), n)))
        bodies.append((3, _items({"loss": n, "_runtime": 1.5})))
        if n == 4:
            bodies.append((3, changes([], [item(["best", "max"])])))
            stats = chunk(2, number(1, 1_700_000_000)) + chunk(
                3, chunk(1, "gpu/l:a") + chunk(16, "1")
            )
            bodies += [(7, stats), (23, b""), (5, _items({"late": {"x": 1}}))]
    bodies += [(3, _items(SUMMARY)), (26, chunk(1, "host")), (18, number(2, 9))]
    return log(records(bodies))


def _row(row: Mapping[str, Any], form: int) -> list[bytes]:
    found = []
    for key, value in row.items():
        if form == 2:
            found.append(item([key], json.dumps(value), legacy=True))
        elif isinstance(value, dict):
            found += [item([key, *path], json.dumps(leaf)) for path, leaf in _leaves(value)]
        elif form == 1 and not isinstance(value, list):
            kept = double(6, value) if isinstance(value, float) else typed(value)
            found.append(item([key], json.dumps(value), after=kept))
        else:
            found.append(item([key], json.dumps(value)))
    return found


def _leaves(tree: Mapping[str, Any]) -> list[tuple[list[str], Any]]:
    found: list[tuple[list[str], Any]] = []
    for key, value in tree.items():
        deeper = _leaves(value) if isinstance(value, dict) else [([], value)]
        found += [([key, *path], leaf) for path, leaf in deeper]
    return found


def _items(tree: Mapping[str, Any]) -> bytes:
    return changes([item([key], json.dumps(value)) for key, value in tree.items()])
