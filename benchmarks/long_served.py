"""A run of millions of steps as W&B's backend would serve it, made as it is asked for.

The rows of the live history are 997 texts of metrics over and over, each with its own step; the
files of the export hold other doubles in every row. Nothing of it is kept but the files.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.agreement import Answer
from benchmarks.stored import WEIGHTS, sums
from tests.wandb_server.model import ServedRun

#: Texts before they come again: a prime, so that no page begins as another one does.
_BODIES = 997
#: Rows of one file of an export.
_PER_FILE = 50_000
_START = 1_700_000_000


def names(metrics: int) -> list[str]:
    """Return the names of the metrics."""
    return [f"train/metric_{number:02}" for number in range(metrics)]


@dataclass(frozen=True)
class _Rows(Sequence[Any]):
    """Rows by position: how many there are, and each as a text or a mapping."""

    size: int
    bodies: list[list[float]]
    names: list[str]
    texts: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, at: int) -> Any: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Any]: ...
    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(self.size))]
        if not 0 <= at < self.size:
            raise IndexError(at)
        if self.texts:
            own = f'"_step":{at},"_timestamp":{_START + at},"_runtime":{at * 0.5}'
            return f"{{{own},{self.texts[at % _BODIES]}}}"
        return _Row(self, at)

    def __iter__(self) -> Iterator[Any]:
        return (self[at] for at in range(self.size))


@dataclass(frozen=True, slots=True)
class _Row(Mapping[str, Any]):
    """One row; the server asks millions of them for their step alone."""

    rows: _Rows
    at: int

    def __getitem__(self, key: str) -> Any:
        if key == "_step":
            return self.at
        return self._cells()[key]

    def __contains__(self, key: object) -> bool:
        return key == "_step" or key in self._cells()

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells())

    def __len__(self) -> int:
        return len(self.rows.names) + 3

    def _cells(self) -> dict[str, Any]:
        body = dict(zip(self.rows.names, self.rows.bodies[self.at % _BODIES], strict=True))
        return {
            "_step": self.at,
            "_timestamp": _START + self.at,
            "_runtime": self.at * 0.5,
            **body,
        }


class LongRun(ServedRun):
    """A finished run of so many steps, live or exported but for its last step."""

    def __init__(self, run_id: str, steps: int, metrics: int, *, exported: bool) -> None:
        """Make it; the files of an export are written now."""
        dice = random.Random(7)
        bodies = [[dice.random() for _ in range(metrics)] for _ in range(_BODIES)]
        texts = [
            ",".join(
                f'"{name}":{value!r}' for name, value in zip(names(metrics), body, strict=True)
            )
            for body in bodies
        ]
        rows = _Rows(steps, bodies, names(metrics))
        super().__init__("acme", "bench", run_id, summary=dict(rows[steps - 1]))
        self.rows = rows  # type: ignore[assignment]
        self._texts = _Rows(steps, bodies, names(metrics), texts)
        if exported:
            self.exported_up_to = steps - 2
            self.parquet_files = list(self._files(steps - 1, metrics))

    def sums(self) -> Answer:
        """Return count, sum and weighted sum of each column over all steps."""
        steps = len(self.rows)
        if not self.parquet_files:
            at = np.arange(steps)
            weights = 1.0 + at % WEIGHTS
            times, weighed = (
                np.bincount(at % _BODIES, weights=one, minlength=_BODIES) for one in (None, weights)
            )
            bodies = np.array(self._texts.bodies)
            return dict(sums([(at, _own(at))])) | {
                (name,): [steps, float(column @ times), float(column @ weighed)]
                for name, column in zip(self._texts.names, bodies.T, strict=True)
            }
        names_, last = self._texts.names, self.rows[steps - 1]
        files = ((one["_step"], one) for one in _exported(steps - 1, len(names_)))
        live = {key: np.array([float(value)]) for key, value in last.items()}
        return sums(chain(files, [(live["_step"], live)]))

    @property
    def last_step(self) -> int:
        """Return the last step."""
        return len(self.rows) - 1

    def window(self, low: int, high: int) -> range:
        """Return the positions of live rows, which are their steps."""
        return range(max(low, self.first_named_live()), min(high, len(self.rows)))

    def texts(self) -> Any:
        """Return the rows as JSON."""
        return self._texts

    def remembered(self, name: str, build: Any, shape: object = None) -> Any:
        """Return the counts of values by key without counting them."""
        if name != "keys":
            return super().remembered(name, build, shape)
        return {
            key: {
                "typeCounts": [{"type": "number", "count": len(self.rows)}],
                "monotonic": False,
                "previousValue": value,
            }
            for key, value in self.summary.items()
        }

    def _files(self, steps: int, metrics: int) -> Iterator[bytes]:
        for columns in _exported(steps, metrics):
            sink = io.BytesIO()
            pq.write_table(pa.table(columns), sink)
            yield sink.getvalue()


def _own(at: np.ndarray) -> dict[str, np.ndarray]:
    """Return W&B's own columns at some steps."""
    return {"_step": at, "_timestamp": (_START + at).astype(float), "_runtime": at * 0.5}


def _exported(steps: int, metrics: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield the columns of each file of an export."""
    dice = np.random.default_rng(7)
    for start in range(0, steps, _PER_FILE):
        at = np.arange(start, min(start + _PER_FILE, steps))
        yield {**_own(at), **{name: dice.random(at.size) for name in names(metrics)}}
