"""What a run's reward is made of: implied weights by least squares.

Where the reward is a weighted sum of its components, ``reward = Σ weight · component``, the weights
follow from the logged values; no config is needed, and a config that says otherwise is wrong.

* Rows: the steps at which the reward and every component that moves are finite.
* A component moves where its range is more than a millionth of its size. The weight of one that
  does not move cannot be found from the data: any weight explains them equally well.
* Fit: ordinary least squares, by a singular value decomposition of the columns in units of their
  length. Without an intercept where that fits as well (residual sum of squares at most a tenth
  above), for a weighted sum has none; else with one, which is what those that never moved add.
* It is a weighted sum where no residual exceeds a millionth of the reward's range; or nearly one,
  where R² ≥ 0.999 and, lest a common trend is taken for one, R² of the step-to-step changes about
  their mean ≥ 0.99. Else there is no weight, and R² says how far it is from one.
* Components that are linear combinations of each other (a singular value below a millionth of the
  largest) share one effect; theirs cannot be told apart, the others' weights stand.

``contribution = weight · (mean of the component's second half − mean of its first)``, halves at
``n // 2`` of the rows, where there are more than 10: the contributions of all add up to the
reward's own half-split improvement, of which ``share`` is the part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dakota_wh.ingest import least_squares
from dakota_wh.ingest.least_squares import Fit, Fitted
from dakota_wh.warehouse.components import Component

#: The method's version; a change of the rules above makes stored components out of date.
METHOD: Final = 2

WEIGHTED_SUM_R2: Final = 0.999
WEIGHTED_SUM_R2_OF_CHANGES: Final = 0.99
#: What counts as no movement and as no residual, relative to the values: ten times what single
#: precision loses.
NOTHING: Final = 1e-6
#: A component is left out of the fit where it has a value at fewer of the reward's steps.
LEAST_PRESENT: Final = 0.5
#: Rows that a fit needs beyond one per component.
SPARE_ROWS: Final = 10
#: No intercept while the residual sum of squares without one is at most this multiple.
AS_GOOD: Final = 1.1
#: Halves are compared beyond so many rows, as in every half split.
HALVES_BEYOND: Final = 10

WEIGHTED: Final = "weighted"
NEVER_MOVED: Final = "never moved"
INSEPARABLE: Final = "not separable"
SPARSE: Final = "too few steps"
NO_SUM: Final = "no weighted sum"


@dataclass(frozen=True, slots=True)
class Values:
    """A metric's values by step, ascending, without repeats."""

    steps: np.ndarray
    values: np.ndarray


#: Gives, block by block and anew at each call, the reward's values and the components' by name;
#: every step of a block is less than those of the next.
Blocks = Callable[[], Iterator[tuple[Values, Mapping[str, Values]]]]


@dataclass(slots=True)
class _Extent:
    """How many values, the least and the greatest."""

    count: int = 0
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: np.ndarray) -> None:
        if values.size:
            self.count += values.size
            self.low = min(self.low, float(values.min()))
            self.high = max(self.high, float(values.max()))

    @property
    def size(self) -> float:
        return max(abs(self.low), abs(self.high))

    @property
    def middle(self) -> float:
        return self.low / 2 + self.high / 2

    @property
    def moves(self) -> bool:
        return self.high / 2 - self.low / 2 > NOTHING * (self.size / 2)


@dataclass(frozen=True, slots=True)
class _Judged:
    fit: Fit
    rows: int
    r2: float
    r2_of_changes: float
    residual: float
    is_sum: bool


@dataclass(frozen=True, slots=True)
class _Scale:
    """The units of the columns and of the reward, and the gains in them, the reward's last."""

    columns: np.ndarray
    reward: float
    gains: np.ndarray


def explain(reward_metric: str, components: Iterable[str], blocks: Blocks) -> list[Component]:
    """Return a row per component, sorted by name: what it adds to the reward, or why that is open.

    Empty without components or without a finite value of the reward.
    """
    with np.errstate(all="ignore"):  # what leaves DOUBLE's range is stored as undefined
        return _explain(reward_metric, sorted(components), blocks)


def of_reward(reward_metric: str, components: Iterable[str]) -> list[str]:
    """Return the components that stand beside a reward, where a run logs several sets of them.

    Those under the reward's own prefix (``train/agg/effective/``), not those of one environment;
    and of them those under ``rewards/``, not ``metrics/``, where a framework logs both.
    """
    segments = reward_metric.split("/")
    named = (i for i, s in enumerate(segments) if "reward" in s.lower() or "score" in s.lower())
    prefix = "".join(f"{segment}/" for segment in segments[: next(named, 0)])
    names = sorted(components)
    beside = [name for name in names if name.startswith(prefix)] or names
    return [name for name in beside if name.startswith(f"{prefix}rewards/")] or beside


def _explain(reward_metric: str, names: list[str], blocks: Blocks) -> list[Component]:
    extents = {name: _Extent() for name in names}
    steps = 0
    for target, columns in _columns(blocks, names):
        steps += target.size
        for name, column in columns.items():
            extents[name].add(column[~np.isnan(column)])
    if not steps:
        return []
    rows = {n: _described(n, reward_metric, extents[n], steps) for n in names}
    moving = [name for name in names if rows[name].state == WEIGHTED]
    still = {name: extents[name].middle for name in names if rows[name].state == NEVER_MOVED}
    if moving:
        fitted, stopped = _fitted(rows, moving, blocks)
        rows.update(fitted)
        still.update(stopped)
    return _with_assumption([rows[name] for name in names], still)


def _columns(
    blocks: Blocks, names: Sequence[str]
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Yield the reward's finite values, and each component at their steps, NaN for none."""
    for reward, components in blocks():
        logged = np.isfinite(reward.values)
        steps = reward.steps[logged]
        yield reward.values[logged], {name: _at(steps, components[name]) for name in names}


def _at(steps: np.ndarray, values: Values) -> np.ndarray:
    """Return the values at these steps; NaN where none or no finite one was logged."""
    column = np.full(steps.size, np.nan)
    if values.steps.size:
        place = np.minimum(np.searchsorted(values.steps, steps), values.steps.size - 1)
        same = values.steps[place] == steps
        column[same] = values.values[place[same]]
    column[~np.isfinite(column)] = np.nan
    return column


def _described(name: str, reward_metric: str, found: _Extent, steps: int) -> Component:
    """Return the component before any fit: state ``weighted`` where a weight can be sought."""
    row = Component(name, reward_metric, WEIGHTED, "", METHOD, dead=False, samples=found.count)
    if found.count < LEAST_PRESENT * steps or not found.count:
        share = f"at {found.count} of the reward's {steps} steps"
        return replace(row, state=SPARSE, evidence=f"logged {share}: left out of the fit")
    return row if found.moves else _still(row, found)


def _still(row: Component, found: _Extent) -> Component:
    dead = not found.size
    always = "0" if dead else f"{found.middle:.6g}"
    return replace(
        row,
        state=NEVER_MOVED,
        dead=dead,
        evidence=f"always {always}: it never moved, so its weight cannot be found from the data",
    )


def _fitted(
    rows: Mapping[str, Component], moving: list[str], blocks: Blocks
) -> tuple[dict[str, Component], dict[str, float]]:
    """Return the rows of the components that move, with what the fit says of them.

    And where those stayed that do not move where all of them are logged.
    """
    reward, extents = _Extent(), {name: _Extent() for name in moving}
    for y, columns in _together(blocks, moving):
        reward.add(y)
        for name, column in columns.items():
            extents[name].add(column)
    stopped = {n: one for n, one in extents.items() if one.count and not one.moves}
    found = {name: _still(rows[name], one) for name, one in stopped.items()}
    stayed = {name: one.middle for name, one in stopped.items()}
    names = [name for name in moving if name not in stopped]
    count = reward.count
    why = ""
    if count < len(names) + SPARE_ROWS:
        why = f"{count} steps have all of them, {len(names) + SPARE_ROWS} are needed"
    elif not reward.moves:
        why = "the reward never moved"
    if why or not names:
        return found | {n: _unfitted(rows[n], why, count) for n in names}, stayed
    units = np.array([_unit(extents[name].size) for name in names])
    unit = _unit(reward.size)

    def scaled() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for y, columns in _together(blocks, moving):
            yield np.column_stack([columns[name] for name in names]) / units, y / unit

    fitted = least_squares.fit(scaled, count, len(names), nothing=NOTHING)
    judged = _judge(fitted, NOTHING * (reward.high / unit - reward.low / unit))
    gains = fitted.gains if count > HALVES_BEYOND else np.full(len(names) + 1, np.nan)
    return found | _weighed(rows, names, _Scale(units, unit, gains), judged), stayed


def _together(
    blocks: Blocks, names: Sequence[str]
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Yield the reward and the components at the steps at which all of them are finite."""
    for target, columns in _columns(blocks, names):
        every = ~np.isnan(np.column_stack(list(columns.values()))).any(axis=1)
        yield target[every], {name: column[every] for name, column in columns.items()}


def _unit(size: float) -> float:
    """Return a power of two near the greatest size of a column: dividing by it is exact."""
    return math.ldexp(1.0, math.frexp(size)[1] - 1)


def _unfitted(row: Component, why: str, count: int) -> Component:
    return replace(row, state=SPARSE, evidence=f"no fit: {why}", samples=count)


def _judge(fitted: Fitted, tiny: float) -> _Judged:
    """Take the fit without an intercept where it does as well, and say how good it is."""
    plain, free = fitted.plain, fitted.free
    exact = plain.residual <= tiny
    fit = replace(plain, intercept=0.0)
    if not exact and plain.squares > AS_GOOD * free.squares:
        fit = free
    r2 = _r2(fitted.deviation, fitted.squares, fit.squares, tiny)
    r2_of_changes = _r2(
        fitted.deviation_of_changes, fitted.squares_of_changes, fit.squares_of_changes, tiny
    )
    nearly = r2 >= WEIGHTED_SUM_R2 and r2_of_changes >= WEIGHTED_SUM_R2_OF_CHANGES
    is_sum = nearly or fit.residual <= tiny
    return _Judged(fit, fitted.rows, r2, r2_of_changes, fit.residual, is_sum)


def _r2(deviation: float, squares: float, left: float, tiny: float) -> float:
    """Return 1 − Σ residual² / Σ deviation²; NaN where nothing deviates."""
    return 1.0 - left / squares if deviation > tiny else float("nan")


def _weighed(
    rows: Mapping[str, Component], names: list[str], scale: _Scale, judged: _Judged
) -> dict[str, Component]:
    found: dict[str, Component] = {}
    for place, name in enumerate(names):
        row = replace(
            rows[name],
            samples=judged.rows,
            r2=judged.r2,
            r2_of_changes=judged.r2_of_changes,
            residual=judged.residual * scale.reward,
        )
        others = [names[i] for i in np.flatnonzero(judged.fit.mixed[place]) if i != place]
        if not judged.is_sum:
            row = replace(row, state=NO_SUM, evidence=_no_sum(row))
        elif judged.fit.mixed[place].any():
            row = replace(row, state=INSEPARABLE, evidence=_not_separable(others))
        else:
            row = _with_weight(row, place, scale, judged.fit)
        found[name] = row
    return found


def _with_weight(row: Component, place: int, scale: _Scale, fit: Fit) -> Component:
    weight, gain = float(fit.weights[place]), float(scale.gains[-1])
    contribution = weight * float(scale.gains[place])
    simple = fit.intercept == 0
    return replace(
        row,
        weight=weight * scale.reward / float(scale.columns[place]),
        contribution=contribution * scale.reward,
        share=contribution / gain if gain else None,
        intercept=fit.intercept * scale.reward,
        evidence=f"the sum{'' if simple else ' and a constant'} fit{'s' if simple else ''} "
        f"to {row.residual:.3g} at all of {row.samples} steps",
    )


def _no_sum(row: Component) -> str:
    return (
        f"the reward is no weighted sum of its components: R² {row.r2:.6g}, of its changes "
        f"{row.r2_of_changes:.6g}, largest residual {row.residual:.3g}"
    )


def _not_separable(others: list[str]) -> str:
    if not others:
        return "it hardly moves beside the others: its weight cannot be found"
    return f"it moves only together with {', '.join(others)}: the weights cannot be told apart"


def _with_assumption(rows: list[Component], constants: Mapping[str, float]) -> list[Component]:
    """Complete the rows that never moved with what the fit of the others says of them."""
    fitted = [row for row in rows if row.r2 is not None]
    if not fitted:
        return rows
    weights = [row.weight for row in rows if row.weight is not None]
    all_found = bool(weights) and all(row.state in (WEIGHTED, NEVER_MOVED) for row in rows)
    like = replace(
        fitted[0],
        contribution=None if fitted[0].state == NO_SUM else 0.0,
        share=0.0 if any(row.share is not None for row in fitted) else None,
        assumed_weight_left=_left(1.0 - sum(weights), fitted, constants) if all_found else None,
    )
    shared = ("r2", "r2_of_changes", "residual", "contribution", "share", "assumed_weight_left")
    told = {name: getattr(like, name) for name in shared}
    return [replace(row, **told) if row.state == NEVER_MOVED else row for row in rows]


def _left(left: float, fitted: list[Component], constants: Mapping[str, float]) -> float | None:
    """Return the weight left for those that never moved, None where the data refute it.

    It is refuted where less than nothing is left, and where components that stay at ``constants``
    cannot add up to the fit's intercept with weights that are not negative and sum to ``left``:
    their sum lies between left · least constant and left · greatest.
    """
    if left < -NOTHING or not constants:
        return None
    intercept = next((row.intercept for row in fitted if row.intercept is not None), 0.0)
    low, high = left * min(constants.values()), left * max(constants.values())
    slack = NOTHING * max(abs(low), abs(high), abs(intercept))
    slack += max(row.residual or 0.0 for row in fitted)
    return left if low - slack <= intercept <= high + slack else None
