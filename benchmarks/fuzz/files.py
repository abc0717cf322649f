"""The readers of exports: CSV with the files beside it, all-in-one JSON, Parquet.

Beyond faults, each is held to what another reader makes of the same bytes where that is beyond
doubt: Python's ``csv`` and ``json``, Arrow's own count of rows.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq

from benchmarks.fuzz import seeds
from benchmarks.fuzz.target import Bend, Form, must
from dakota_wh import api
from dakota_wh.ingest.exports.find import find_exports
from dakota_wh.ingest.source import Continuation, RunFacts, Source

#: Stands between the files of an export: history, summary, config, metadata.
BETWEEN = b"\n%%%%\n"
_BESIDE = ("summary", "config", "metadata")

Rows = list[dict[tuple[str, ...], Any]]


def place(data: bytes, folder: Path, suffix: str) -> Path:
    """Write an export into an empty folder; return its history."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    history, *beside = data.split(BETWEEN)
    path = folder / f"fuzzed_history{suffix}"
    path.write_bytes(history)
    for kind, text in zip(_BESIDE, beside, strict=False):
        if text:
            (folder / f"fuzzed_{kind}.json").write_bytes(text)
    return path


class ExportTarget:
    """Reads an export of one kind."""

    def __init__(self, folder: Path, suffix: str, check: Callable[[bytes, Rows], None]) -> None:
        self._folder = folder / "export"
        self._suffix = suffix
        self._check = check

    def __call__(self, data: bytes) -> None:
        """Do one try."""
        path = place(data, self._folder, self._suffix)
        for source in find_exports(path):
            rows, facts = read(source)
            again = source.read(json.loads(json.dumps(facts.resume)))
            must(again.continuation is Continuation.UNCHANGED, "a second reading is not unchanged")
            if not getattr(source, "ours", None):
                self._check(data.split(BETWEEN)[0], rows)


def read(source: Source) -> tuple[Rows, RunFacts]:
    """Read an export to its end, with what every batch must keep to."""
    must(bool(source.run_id) and bool(source.name), "no name")
    reading = source.read(None)
    rows: Rows = []
    for batch in reading.rows():
        begin = len(rows)
        rows += [{} for _ in range(batch.count)]
        for path, cells in batch.columns.items():
            must(len(cells) == batch.count, "a column of another length")
            "".join(path).encode()
            for row, cell in enumerate(cells.to_pylist(), begin):
                if cell is not None:
                    rows[row][path] = cell
    facts = reading.facts()
    for tree in (facts.config, facts.summary):
        json.dumps(tree, ensure_ascii=False).encode()
    return rows, facts


def check_csv(data: bytes, rows: Rows) -> None:
    """Hold the rows to those of Python's reader, where no cell is quoted in an odd way."""
    if b'"' in data or b"\r" in data or b"\x00" in data:
        return
    csv.field_size_limit(2**31 - 1)
    header, *lines = [line for line in csv.reader(io.StringIO(data.decode("utf-8-sig"))) if line]
    must(len(rows) == len(lines), f"{len(rows)} rows of {len(lines)} lines")
    for row, line in zip(rows, lines, strict=True):
        for position, (name, cell) in enumerate(zip(header, line, strict=True)):
            if not cell or (position == 0 and name in ("", "Unnamed: 0")) or cell[0] in "{[":
                continue
            token = str(row.get((name,)))
            must(token == cell or _value(token) == _of_cell(cell), f"{cell[:40]!r}: {token[:40]}")


def _of_cell(cell: str) -> str:
    words = {"nan": "nan", "NaN": "nan", "inf": "inf", "-inf": "-inf", "Infinity": "inf",
             "-Infinity": "-inf"}  # fmt: skip
    return words.get(cell, cell)


def _value(token: str) -> str:
    return str(json.loads(token)) if token.startswith('"') or len(token) < 4000 else token


def check_json(data: bytes, rows: Rows) -> None:
    """Hold the rows to those of Python's decoder."""
    try:
        history = json.loads(data.decode("utf-8-sig"), object_pairs_hook=list)
    except (ValueError, RecursionError):
        return
    lists = [value for key, value in history if key == "history"]
    must(len(rows) == len(lists[-1]), f"{len(rows)} rows of {len(lists[-1])}")
    for row, pairs in zip(rows, lists[-1], strict=True):
        for key, value in dict(pairs).items():
            if isinstance(value, int) and not isinstance(value, bool) and key.isascii():
                token = row.get((key,))
                wanted = {str(value)} if value else {"0", "-0"}  # the token keeps a sign
                must(token in wanted, f"{key[:40]!r} is {token!s:.40}")


def check_parquet(data: bytes, rows: Rows) -> None:
    """Hold the rows to Arrow's count, and the steps to its values."""
    with pq.ParquetFile(io.BytesIO(data)) as file:
        must(len(rows) == file.metadata.num_rows, f"{len(rows)} rows")


def csv_seeds() -> list[bytes]:
    """Return CSV exports: as pandas writes them, and ours."""
    names = list(dict.fromkeys(key for row in seeds.ROWS for key in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["", *names])
    for number, row in enumerate(seeds.ROWS):
        writer.writerow([number, *(row.get(name, "") for name in names)])
    beside = (
        seeds.SUMMARY,
        seeds.CONFIG,
        {"state": "finished", "created_at": "2025-01-01T00:00:00"},
    )
    theirs = BETWEEN.join([text.getvalue().encode(), *(_json(one) for one in beside)])
    plain = b"_step,loss,note\n0,1,a\n1,0.5,\n2,nan,b\n"
    return [theirs, plain, BETWEEN.join(_ours("csv", ".csv"))]


def json_seeds() -> list[bytes]:
    """Return all-in-one exports: as the owner's scripts write them, and ours."""
    keys = {"keys": {"loss": {"typeCounts": [{"type": "number", "count": 5}]}}}
    theirs = {
        "run_info": {"id": "fuzzed", "state": "finished", "tags": ["a"], "url": "https://u:p@w/x"},
        "config": seeds.CONFIG,
        "summary": seeds.SUMMARY,
        "available_metrics": keys,
        "history": list(seeds.ROWS),
        "history_shape": [6, 9],
    }
    return [_json(theirs), _json({"history": [{"_step": 0}]}), _ours("json", ".json")[0]]


def parquet_seeds() -> list[bytes]:
    """Return Parquet exports: W&B's form, of several encodings, and ours."""
    from benchmarks.fuzz.parquets import made

    own, *beside = _ours("parquet", ".parquet")
    return [*made(), BETWEEN.join([own, *beside])]


def _ours(form: str, suffix: str) -> list[bytes]:
    """Return the files of an export of ours: history, summary, config, metadata."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "run-abc.wandb").write_bytes(seeds.logs()[0])
        warehouse = api.open(folder / "warehouse")
        warehouse.ingest(folder / "run-abc.wandb")
        list(warehouse.export("abc", output_dir=folder / "out", formats=[form]))
        files = {
            path.name: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()
        }
    history = next(name for name in files if name.endswith(suffix) and not name.endswith(
        tuple(f"_{kind}.json" for kind in _BESIDE)))  # fmt: skip
    beside = [next((files[n] for n in files if n.endswith(f"_{k}.json")), b"") for k in _BESIDE]
    return [files[history], *beside]


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode()


class Several:
    """Several files in one input, each bent by a structure of its own."""

    def __init__(self, forms: Sequence[Form]) -> None:
        self._forms = forms

    def mutate(self, data: bytes, other: bytes, rng: Random, bend: Bend) -> bytes:
        """Return the input with one of its files bent."""
        files, others = data.split(BETWEEN), other.split(BETWEEN)
        at = rng.randrange(len(files)) if rng.random() < 0.5 else 0
        form = self._forms[min(at, len(self._forms) - 1)]
        if files[at]:
            files[at] = form.mutate(files[at], others[min(at, len(others) - 1)], rng, bend)
        return BETWEEN.join(files)

    def smaller(self, data: bytes, rng: Random) -> bytes:
        """Return the input with one of its files smaller, or without the last ones."""
        files = data.split(BETWEEN)
        at = rng.randrange(len(files))
        if rng.random() < 0.2 and at:
            return BETWEEN.join(files[:at])
        files[at] = self._forms[min(at, len(self._forms) - 1)].smaller(files[at], rng)
        return BETWEEN.join(files)
