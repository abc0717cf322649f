"""What a warehouse of one run holds, read back from its files: values, and sums that tell places.

A sum alone is the same where two values changed places; one of value × (1 + step % 97) is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.agreement import Answer, must_agree
from benchmarks.made_log import slices
from benchmarks.made_run import MadeRun

#: Steps before a weight comes again: a prime.
WEIGHTS: Final = 97
_OWN: Final = ("_row", "_segment", "_part")
#: Rows that are in memory at once.
_ROWS: Final = 65_536

Columns = Mapping[str, np.ndarray]


def sums(parts: Iterable[tuple[np.ndarray, Columns]]) -> Answer:
    """Return count, sum and weighted sum of each column; parts are steps with values by name."""
    found: dict[tuple[str, ...], list[float | int | None]] = {}
    for steps, columns in parts:
        weights = 1.0 + steps % WEIGHTS
        for name, column in columns.items():
            told = [len(column), float(column.sum()), float(np.dot(column, weights))]
            before = found.get((name,), [0, 0.0, 0.0])
            found[name,] = [one + more for one, more in zip(before, told, strict=True)]  # type: ignore[operator]
    return found


def made_sums(made: MadeRun) -> Answer:
    """Return the sums of all columns of a run whose log was written in slices."""
    columns = (part.columns() for part in slices(made))
    return sums((one["_step"], one) for one in columns)


def must_hold(name: str, root: Path, expected: Answer, metrics: Iterable[str]) -> int:
    """Compare the sums of history, and those of metrics; return how many numbers there were.

    Args:
        expected: the sums of every column of history.
        metrics: the columns of which the long table has values.

    Raises:
        SystemExit: a column or metric is missing or too much, or a sum differs.
    """
    compared = must_agree(f"{name}, history", sums(_history(root)), expected)
    of_metrics: Answer = {(metric,): expected[metric,] for metric in metrics}
    return compared + must_agree(f"{name}, metrics", sums(_metrics(root)), of_metrics)


def history_values(root: Path) -> dict[str, list[Any]]:
    """Return the columns of history, in the order of its rows."""
    found: dict[str, list[Any]] = {}
    for part in _parts(root, "history"):
        for key, column in pq.ParquetFile(part).read().to_pydict().items():
            if key not in _OWN:
                found.setdefault(key, []).extend(column)
    return found


def metric_values(root: Path) -> dict[str, list[tuple[int, float]]]:
    """Return step and value of each metric, in the order of steps."""
    found: dict[str, list[tuple[int, float]]] = {}
    for part in _parts(root, "metrics"):
        rows = pq.ParquetFile(part).read(columns=["metric", "step", "value"]).to_pydict()
        for metric, step, value in zip(*rows.values(), strict=True):
            found.setdefault(metric, []).append((step, value))
    return {metric: sorted(rows) for metric, rows in found.items()}


def must_have_metrics(name: str, root: Path, columns: Mapping[str, Any]) -> int:
    """Compare each value of metrics with those of columns, of which one is ``_step``.

    Columns that are no metrics are not asked for. Returns how many values there were.

    Raises:
        SystemExit: a metric is missing or too much, or a value differs.
    """
    found = metric_values(root)
    wanted = {key for key in columns if not key.startswith("_") and key != "step"}
    if found.keys() != wanted:
        raise SystemExit(f"{name}: other metrics: {sorted(found.keys() ^ wanted)[:3]}")
    for metric, rows in found.items():
        if rows != list(zip(columns["_step"], columns[metric], strict=True)):
            raise SystemExit(f"{name}: the metrics hold other values of {metric}")
    return sum(map(len, found.values()))


def _parts(root: Path, table: str) -> list[Path]:
    """Return the parts of a table in the order of their rows, which their names begin with."""
    return sorted(root.glob(f"{table}/role=[!z]*/*/part-*.parquet"), key=lambda path: path.name)


def _history(root: Path) -> Iterator[tuple[np.ndarray, Columns]]:
    for part in _parts(root, "history"):
        for batch in pq.ParquetFile(part).iter_batches(_ROWS):
            columns = {
                name: batch.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
                for name in batch.schema.names
                if name not in _OWN
            }
            yield columns["_step"], columns


def _metrics(root: Path) -> Iterator[tuple[np.ndarray, Columns]]:
    """Yield the values of one metric after the other, of a block of rows each."""
    for part in _parts(root, "metrics"):
        file = pq.ParquetFile(part)
        for batch in file.iter_batches(_ROWS, columns=["metric", "step", "value"]):
            steps, values = (batch.column(name).to_numpy() for name in ("step", "value"))
            coded = pc.dictionary_encode(batch.column("metric").cast("string"))
            codes = coded.indices.to_numpy()
            # Rows of a metric stand together, and are sorted here where they do not.
            order = np.argsort(codes, kind="stable")
            ends = np.searchsorted(codes[order], np.arange(len(coded.dictionary) + 1))
            for at, name in enumerate(coded.dictionary.to_pylist()):
                rows = order[ends[at] : ends[at + 1]]
                yield steps[rows], {name: values[rows]}
