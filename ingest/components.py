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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

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


@dataclass(frozen=True, slots=True)
class _Fit:
    weights: np.ndarray
    intercept: float
    residuals: np.ndarray
    #: Square, true where two columns share a direction that the rows do not determine.
    mixed: np.ndarray

    @property
    def squares(self) -> float:
        return float(self.residuals @ self.residuals)


@dataclass(frozen=True, slots=True)
class _Judged:
    fit: _Fit
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


def explain(
    reward_metric: str, reward: Values, components: Mapping[str, Values]
) -> list[Component]:
    """Return a row per component, sorted by name: what it adds to the reward, or why that is open.

    Empty without components or without a finite value of the reward.
    """
    with np.errstate(all="ignore"):  # what leaves DOUBLE's range is stored as undefined
        return _explain(reward_metric, reward, components)


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


def _explain(
    reward_metric: str, reward: Values, components: Mapping[str, Values]
) -> list[Component]:
    logged = np.isfinite(reward.values)
    steps, target = reward.steps[logged], reward.values[logged]
    if not steps.size:
        return []
    rows: dict[str, Component] = {}
    moving: dict[str, np.ndarray] = {}
    for name in sorted(components):
        column = _at(steps, components[name])
        rows[name] = _described(name, reward_metric, column)
        if rows[name].state == WEIGHTED:
            moving[name] = column
    if moving:
        rows.update(_fitted(rows, target, moving))
    told = [rows[name] for name in sorted(rows)]
    constants = {
        row.metric: float(np.nanmedian(_at(steps, components[row.metric])))
        for row in told
        if row.state == NEVER_MOVED
    }
    return _with_assumption(told, constants)


def _at(steps: np.ndarray, values: Values) -> np.ndarray:
    """Return the values at these steps; NaN where none or no finite one was logged."""
    column = np.full(steps.size, np.nan)
    if values.steps.size:
        place = np.minimum(np.searchsorted(values.steps, steps), values.steps.size - 1)
        same = values.steps[place] == steps
        column[same] = values.values[place[same]]
    column[~np.isfinite(column)] = np.nan
    return column


def _described(name: str, reward_metric: str, column: np.ndarray) -> Component:
    """Return the component before any fit: state ``weighted`` where a weight can be sought."""
    found = column[~np.isnan(column)]
    row = Component(name, reward_metric, WEIGHTED, "", METHOD, dead=False, samples=found.size)
    if found.size < LEAST_PRESENT * column.size or not found.size:
        share = f"at {found.size} of the reward's {column.size} steps"
        return replace(row, state=SPARSE, evidence=f"logged {share}: left out of the fit")
    if not _moves(found):
        return _still(row, found)
    return row


def _moves(values: np.ndarray) -> bool:
    return bool(np.ptp(values / 2) > NOTHING * np.abs(values / 2).max())


def _still(row: Component, values: np.ndarray) -> Component:
    dead = not values.any()
    always = "0" if dead else f"{values.mean():.6g}"
    return replace(
        row,
        state=NEVER_MOVED,
        dead=dead,
        evidence=f"always {always}: it never moved, so its weight cannot be found from the data",
    )


def _fitted(
    rows: Mapping[str, Component], target: np.ndarray, moving: Mapping[str, np.ndarray]
) -> dict[str, Component]:
    """Return the rows of the components that move, with what the fit says of them."""
    together = ~np.isnan(np.column_stack(list(moving.values()))).any(axis=1)
    stopped = {n: _still(rows[n], c[together]) for n, c in moving.items() if _stops(c[together])}
    names = [name for name in moving if name not in stopped]
    count = int(together.sum())
    y = target[together]
    why = ""
    if count < len(names) + SPARE_ROWS:
        why = f"{count} steps have all of them, {len(names) + SPARE_ROWS} are needed"
    elif not _moves(y):
        why = "the reward never moved"
    if why or not names:
        return {**stopped, **{n: _unfitted(rows[n], why, count) for n in names}}
    x = np.column_stack([moving[name][together] for name in names])
    units, unit = _unit(x), float(_unit(y))
    judged = _judge(x / units, y / unit)
    gains = _gains(np.column_stack([x / units, y / unit]))
    scale = _Scale(units, unit, gains)
    return {**stopped, **_weighed(rows, names, scale, judged)}


def _unit(values: np.ndarray) -> np.ndarray:
    """Return a power of two near the greatest size of each column: dividing by it is exact."""
    _, exponent = np.frexp(np.abs(values).max(axis=0))
    unit: np.ndarray = np.ldexp(1.0, exponent - 1)
    return unit


def _stops(column: np.ndarray) -> bool:
    return bool(column.size) and not _moves(column)


def _unfitted(row: Component, why: str, count: int) -> Component:
    return replace(row, state=SPARSE, evidence=f"no fit: {why}", samples=count)


def _judge(x: np.ndarray, y: np.ndarray) -> _Judged:
    """Fit with and without an intercept, take the simpler that does, and say how good it is."""
    plain, free = _fit(x, y, intercept=False), _fit(x, y, intercept=True)
    tiny = NOTHING * float(np.ptp(y))
    exact = bool(np.abs(plain.residuals).max() <= tiny)
    fit = plain if exact or plain.squares <= AS_GOOD * free.squares else free
    r2 = _r2(y - y.mean(), fit.residuals, tiny)
    changes, missed = np.diff(y), np.diff(fit.residuals)
    r2_of_changes = _r2(changes - changes.mean(), missed - missed.mean(), tiny)
    residual = float(np.abs(fit.residuals).max())
    nearly = r2 >= WEIGHTED_SUM_R2 and r2_of_changes >= WEIGHTED_SUM_R2_OF_CHANGES
    return _Judged(fit, y.size, r2, r2_of_changes, residual, nearly or residual <= tiny)


def _fit(x: np.ndarray, y: np.ndarray, *, intercept: bool) -> _Fit:
    mean = x.mean(axis=0) if intercept else np.zeros(x.shape[1])
    level = float(y.mean()) if intercept else 0.0
    centred = x - mean
    length = np.sqrt((centred * centred).sum(axis=0))
    u, sizes, directions = np.linalg.svd(centred / length, full_matrices=False)
    found = sizes > NOTHING * sizes[0]
    along = (u.T[found] @ (y - level)) / sizes[found]
    weights = (directions[found].T @ along) / length
    lost = directions[~found].T @ directions[~found]
    residuals = (y - level) - centred @ weights
    return _Fit(weights, level - float(mean @ weights), residuals, np.abs(lost) > 1e-3)


def _r2(deviations: np.ndarray, residuals: np.ndarray, tiny: float) -> float:
    """Return 1 − Σ residual² / Σ deviation²; NaN where nothing deviates."""
    if not np.abs(deviations).max() > tiny:
        return float("nan")
    return 1.0 - float(residuals @ residuals) / float(deviations @ deviations)


def _gains(x: np.ndarray) -> np.ndarray:
    """Return each column's second-half mean less its first-half mean; NaN for too few rows."""
    half = x.shape[0] // 2
    if x.shape[0] <= HALVES_BEYOND:
        return np.full(x.shape[1], np.nan)
    gains: np.ndarray = x[half:].mean(axis=0) - x[:half].mean(axis=0)
    return gains


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


def _with_weight(row: Component, place: int, scale: _Scale, fit: _Fit) -> Component:
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
