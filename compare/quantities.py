"""What is compared: for each quantity, the metric that each training logs it under."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dakota_wh.compare.subjects import Subjects
from dakota_wh.errors import NothingFound
from dakota_wh.warehouse.snapshot import Snapshot
from dakota_wh.warehouse.wildcards import matches

Row = Mapping[str, Any]

#: The order in which kinds are told.
KINDS: Final = (
    "reward",
    "reward_component",
    "loss",
    "entropy",
    "kl",
    "grad_norm",
    "lr",
    "response_length",
    "truncation",
    "throughput",
    "step_time",
)


@dataclass(frozen=True, slots=True)
class Logged:
    """Where a training has a quantity."""

    run_id: str
    metric: str
    #: -1 where the metric is the negative of the quantity, as SB3 logs its entropy.
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing to compare."""

    #: The kind, such as ``reward``, or the metric's own name; with the side where both log it.
    name: str
    kind: str | None
    #: By training; those that do not log it are left out.
    logged: Mapping[str, Logged]
    #: Which way is good in each of these runs: high, low, or None (the view metric_directions).
    better: str | None = None


def read_quantities(
    snapshot: Snapshot, subjects: Subjects, patterns: Sequence[str]
) -> list[Quantity]:
    """Return what the trainings log: their canonical quantities, or what the patterns match.

    A pattern, with ``*`` and ``?``, is for the name of a metric or of a kind.

    Raises:
        NothingFound: a pattern matches nothing, or there is nothing canonical.
    """
    runs = [run_id for training in subjects.trainings for run_id in training.run_ids]
    rows: Sequence[Row] = snapshot.rows("training_metrics", runs)
    named = [pair for row in rows for pair in _names(row, patterns)]
    for pattern in patterns:
        if not any(_matches(row, pattern) for row in rows):
            raise NothingFound(
                f"None of these runs logs a metric like {pattern!r}.",
                hint=f"Their metrics: dakota-wh query series --run {runs[0]}",
            )
    if not named:
        raise NothingFound(
            f"Of {', '.join(runs)} no metric has a kind that can be compared.",
            hint="Name metrics: --metric PATTERN",
        )
    return sorted(_quantities(named), key=_order)


def _names(row: Row, patterns: Sequence[str]) -> Iterable[tuple[str, Row]]:
    """Yield a row with each name under which it is compared."""
    if not patterns:
        if row["quantity"] is not None:
            yield row["quantity"], row
        elif row["kind"] == "reward_component":
            yield row["metric"], row
        return
    if any(matches(row["metric"], pattern) for pattern in patterns):
        yield row["metric"], row
    quantity = row["quantity"]
    if quantity is None or quantity == row["metric"]:
        return
    if any(matches(quantity, pattern) for pattern in patterns):
        yield quantity, row


def _matches(row: Row, pattern: str) -> bool:
    return any(True for _ in _names(row, [pattern]))


def _quantities(named: Sequence[tuple[str, Row]]) -> Iterable[Quantity]:
    by_name: dict[str, list[Row]] = defaultdict(list)
    for name, row in named:
        by_name[name].append(row)
    for name, rows in by_name.items():
        if len({row["training"] for row in rows}) == len(rows):
            yield _quantity(name, rows)
            continue
        # Both runs of a pair log it, and mean different things: time/step, for one.
        for side in sorted({row["side"] for row in rows}):
            yield _quantity(f"{name} ({side})", [row for row in rows if row["side"] == side])


def _quantity(name: str, rows: Sequence[Row]) -> Quantity:
    kinds, ways = {row["kind"] for row in rows}, {row["better"] for row in rows}
    return Quantity(
        name,
        kinds.pop() if len(kinds) == 1 else None,
        {row["training"]: _logged(name, row) for row in rows},
        ways.pop() if len(ways) == 1 else None,
    )


def _logged(name: str, row: Row) -> Logged:
    """Return where a row's quantity is; under its own name a metric stays as it was logged."""
    itself = name.startswith(row["metric"])
    return Logged(row["run_id"], row["metric"], 1 if itself else row["sign"])


def _order(quantity: Quantity) -> tuple[int, str]:
    place = KINDS.index(quantity.kind) if quantity.kind in KINDS else len(KINDS)
    return place, quantity.name
