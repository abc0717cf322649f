"""Bytes on disk of a run: both layers and each, against the same values in other files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from benchmarks.exports import as_csv, as_wandb_parquet
from benchmarks.made_run import MadeRun, orchestrator_names
from benchmarks.report import Report
from benchmarks.stored import must_have_metrics
from benchmarks.warehouses import fill
from benchmarks.whole_process import pair

_OURS_ONLY = ("_row", "_segment", "_part")


def run(size: str) -> Report:
    """Weigh runs of three shapes; every file's values are compared with the stored history."""
    report = Report("Bytes on disk", size, packages=("pyarrow",))
    shapes = {"owner's orchestrator, 1000 × 41": pair()[0], "owner's trainer, 1000 × 72": pair()[1]}
    if size == "full":
        names = orchestrator_names(60)
        shapes["long, 100000 × 64"] = MadeRun("long", "grpo-orchestrator", names, 100_000, 11)
    worst = dict.fromkeys(("csv", "export", "default", "least"), 0.0)
    rows = []
    for shape, one in shapes.items():
        with tempfile.TemporaryDirectory() as folder:
            found = _weigh(one, Path(folder))
        layers = found["history"] + found["metrics"]
        worst["csv"] = max(worst["csv"], layers / found["csv"])
        worst["export"] = max(worst["export"], layers / found["export"])
        worst["default"] = max(worst["default"], layers / found["default"])
        worst["least"] = max(worst["least"], layers / found["least"])
        rows.append([shape, *(round(weight / 1024) for weight in found.values()),
                     layers / found["csv"], layers / found["export"], layers / found["default"],
                     found["history"] / found["export"], layers / found["least"],
                     2 * found["least"] / found["csv"]])  # fmt: skip
    report.say(
        "KiB. csv: the shortest digits of each double; export: a wide Parquet file as W&B's "
        "(Arrow's default encodings, dictionaries, snappy); default: both of our layers in Arrow's "
        "default encodings; rest: the run's other tables; least: the bytes of the values alone, "
        "each column by itself under zstd 19, plain or split by byte or as differences, whichever "
        "is least: about what there is in them. Layers are history and metrics."
    )
    heads = ["run", "history", "metrics", "rest", "csv", "export", "default",
             "least", "layers/csv", "layers/export", "layers/default", "history/export",
             "layers/least", "twice least/csv"]  # fmt: skip
    report.table(heads, rows)
    report.aim("both layers to CSV, the worst", worst["csv"], most=0.25)
    report.aim("both layers to W&B's export, the worst", worst["export"], most=1.2)
    report.aim("both layers to the least of one, the worst", worst["least"], most=2.5)
    report.aim("both layers to default encodings, the worst", worst["default"], most=0.5)
    return report


def _weigh(one: MadeRun, folder: Path) -> dict[str, int]:
    root = folder / "warehouse"
    fill(root, [one])
    found = {"history": 0, "metrics": 0, "rest": 0, "csv": 0, "export": 0, "default": 0,
             "least": _least(one)}  # fmt: skip
    history = None
    for path in root.glob(f"*/role=[!z]*/run_id={one.run_id}/*.parquet"):
        table = path.relative_to(root).parts[0]
        found[table if table in found else "rest"] += path.stat().st_size
        if table in ("history", "metrics"):
            stored = pq.ParquetFile(path).read()
            again = folder / f"default-{path.name}"
            pq.write_table(stored, again)
            found["default"] += again.stat().st_size
            if table == "history":
                pieces = [stored] if history is None else [*history, stored]
                history = pieces
    as_csv(one, folder / "run.csv")
    as_wandb_parquet(one, folder / "run.parquet")
    found["csv"] = (folder / "run.csv").stat().st_size
    found["export"] = (folder / "run.parquet").stat().st_size
    _check(one, folder, history or [])
    columns = {name: column.tolist() for name, column in one.columns().items()}
    must_have_metrics(one.run_id, root, columns)
    return found


def _least(one: MadeRun) -> int:
    """Return the bytes of a run's values, each column packed as tightly as zstd can."""
    codec = pa.Codec("zstd", compression_level=19)

    def packed(data: bytes) -> int:
        return len(codec.compress(data, asbytes=True))

    found = 0
    for column in one.columns().values():
        split = np.ascontiguousarray(column.view(np.uint8).reshape(-1, 8).T)
        ways = [column.tobytes(), split.tobytes()]
        if column.dtype == np.int64:
            ways.append(np.diff(column, prepend=0).tobytes())
        found += min(map(packed, ways))
    return found


def _check(one: MadeRun, folder: Path, history: list[pyarrow.Table]) -> None:
    history.sort(key=lambda part: part.column("_row")[0].as_py())
    stored: dict[str, list[float]] = {}
    for part in history:
        for name, column in part.to_pydict().items():
            stored.setdefault(name, []).extend(column)
    read = {
        "csv": pyarrow.csv.read_csv(folder / "run.csv").to_pydict(),
        "export": pq.read_table(folder / "run.parquet").to_pydict(),
    }
    for name in _OURS_ONLY:
        stored.pop(name)
    for kind, columns in read.items():
        if columns != stored:
            raise SystemExit(f"{one.run_id}: the {kind} holds other values")
