"""The table of what a run's reward is made of: a row per component, from a least-squares fit.

It is computed where a run is stored, by :mod:`dakota_wh.ingest.components`, because SQL is the
wrong tool for it; the view ``reward_components`` reads it as it lies here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from dakota_wh.warehouse.column_names import PART
from dakota_wh.warehouse.history import new_part_id, part_path
from dakota_wh.warehouse.parquet import write_table

COMPONENTS: Final = pa.schema(
    [
        ("metric", pa.string()),
        ("weight", pa.float64()),
        ("contribution", pa.float64()),
        ("share", pa.float64()),
        ("dead", pa.bool_()),
        ("r2", pa.float64()),
        ("residual", pa.float64()),
        ("reward_metric", pa.string()),
        ("state", pa.string()),
        ("evidence", pa.string()),
        ("assumed_weight_left", pa.float64()),
        ("intercept", pa.float64()),
        ("r2_of_changes", pa.float64()),
        ("samples", pa.int64()),
        ("method", pa.int64()),
        (PART, pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Component:
    """One component of a run's reward; the fields are the columns of ``reward_components_v1``."""

    metric: str
    reward_metric: str
    state: str
    evidence: str
    method: int
    dead: bool
    samples: int = 0
    weight: float | None = None
    contribution: float | None = None
    share: float | None = None
    r2: float | None = None
    residual: float | None = None
    assumed_weight_left: float | None = None
    intercept: float | None = None
    r2_of_changes: float | None = None


def write_components(folder: Path, components: Iterable[Component]) -> Path | None:
    """Write the rows as one part; nothing where there are none."""
    part = new_part_id()
    rows = [{**_stored(one), PART: part} for one in components]
    if not rows:
        return None
    path = part_path(folder, 0, part)
    write_table(path, pa.Table.from_pylist(rows, schema=COMPONENTS))
    return path


def _stored(one: Component) -> dict[str, Any]:
    """Return the columns, NULL for what is undefined: sums of huge values leave DOUBLE's range."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(one).items()
    }
