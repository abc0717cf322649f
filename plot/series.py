"""One line of a chart: the values of a metric of a run, where each lies, and where it is broken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dakota_wh.warehouse.result import Result

Floats = NDArray[np.float64]

#: A metric keeps its stride where so many of the distances between its values are the stride; as
#: in the view metric_health.
_REGULAR: Final = 0.9
#: Of a metric without a stride (a sampled run), a hole is wider than so many usual distances.
_WIDE: Final = 5


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one metric of one run, in step order.

    ``steps``, ``x`` and ``values`` are of one length. ``x`` is the place on the axis (steps, time
    in s, or tokens); ``values`` may hold NaN and the infinities, as logged.
    """

    run_id: str
    metric: str
    steps: Floats
    x: Floats
    values: Floats
    #: What a legend says; may hold any character.
    label: str = ""

    def labelled(self, label: str) -> Series:
        """Return the same series under another name."""
        return replace(self, label=label)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def finite(self) -> NDArray[np.bool_]:
        """Which values can be drawn."""
        return np.isfinite(self.values) & np.isfinite(self.x)

    @property
    def nonfinite(self) -> int:
        """How many values are NaN or infinite."""
        return int(np.count_nonzero(~np.isfinite(self.values)))

    @property
    def drawable(self) -> Series:
        """The series without what has no place on the paper; a hole where that was."""
        kept = self.finite
        return replace(self, steps=self.steps[kept], x=self.x[kept], values=self.values[kept])


@dataclass(frozen=True, slots=True)
class Spacing:
    """How the steps of a series' finite values lie."""

    #: The distance between most of them (the median).
    usual: float
    #: Whether so many of the distances are the usual one that it is the metric's stride.
    regular: bool
    #: Values, and how many there would be if none was missing.
    held: int
    expected: int
    #: The most that are missing in a row.
    longest: int

    @property
    def break_over(self) -> float:
        """The distance beyond which a line is broken."""
        return self.usual if self.regular else _WIDE * self.usual


def spacing(series: Series) -> Spacing | None:
    """Return how the steps of the finite values lie; None for fewer than two."""
    steps = series.steps[series.finite]
    if len(steps) < 2:
        return None
    distances = np.diff(steps)
    usual = float(np.median(distances))
    regular = np.count_nonzero(distances == usual) >= _REGULAR * len(distances)
    least = usual if regular else float(distances.min())
    expected = max(int((steps[-1] - steps[0]) / least) + 1, len(steps)) if least > 0 else len(steps)
    longest = max(int(distances.max() / least) - 1, 0) if least > 0 else 0
    return Spacing(usual, bool(regular), len(steps), expected, longest)


def segments(series: Series) -> NDArray[np.int64]:
    """Return for each finite value the number of its unbroken piece, from 0.

    A line is broken where a value that the metric's own stride promises is missing, and where a
    value is not finite. Where the distances have no stride, as in a sampled run, it is broken
    where the distance is more than 5 times the usual one.
    """
    finite = series.finite
    steps = series.steps[finite]
    spaced = spacing(series)
    if spaced is None:
        return np.zeros(len(steps), dtype=np.int64)
    broken = np.diff(steps) > spaced.break_over
    broken |= np.diff(np.flatnonzero(finite)) > 1
    return np.concatenate(([0], np.cumsum(broken))).astype(np.int64)


def series_of(result: Result) -> list[Series]:
    """Return the series in a long result: columns run_id, metric, step, value, and x where it is.

    Rows of one series stand together, in step order.
    """
    table = result.arrow()
    if not table.num_rows:
        return []
    steps = _floats(table, "step")
    values = _floats(table, "value")
    x = _floats(table, "x") if "x" in table.column_names else steps
    runs = table.column("run_id").to_pylist()
    metrics = table.column("metric").to_pylist()
    return list(_cut(runs, metrics, steps, x, values))


def _floats(table: object, column: str) -> Floats:
    array = table.column(column).to_numpy()  # type: ignore[attr-defined]
    return np.asarray(array, dtype=np.float64)


def _cut(
    runs: list[str], metrics: list[str], steps: Floats, x: Floats, values: Floats
) -> Iterable[Series]:
    start = 0
    for end in range(1, len(runs) + 1):
        if end < len(runs) and runs[end] == runs[start] and metrics[end] == metrics[start]:
            continue
        part = slice(start, end)
        yield Series(runs[start], metrics[start], steps[part], x[part], values[part])
        start = end
