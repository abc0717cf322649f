"""From stored history to what analysis reads: step axis, role, metrics, series, components.

The same code serves an ingest, whose history was just written, and a rebuild from what is stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from dakota_wh.ingest import components, patterns, role, steps
from dakota_wh.ingest.source import StepMetric
from dakota_wh.warehouse import metrics, series_numbers
from dakota_wh.warehouse.blocks import cuts
from dakota_wh.warehouse.column_names import printed
from dakota_wh.warehouse.components import write_components
from dakota_wh.warehouse.history import StoredHistory
from dakota_wh.warehouse.metrics import Built, Series
from dakota_wh.warehouse.parts import Meaning, write_series
from dakota_wh.warehouse.run_row import RunRow
from dakota_wh.warehouse.timed import write_timed

#: The evidence for a role that the user said.
GIVEN: Final = "given by --role"

#: Log rows up to which the values of a reward and its components are read once and kept.
_IN_MEMORY: Final = 100_000

#: Gives the folder that the new parts of a table go to.
FolderOf = Callable[[str], Path]


def metric_names(history: StoredHistory) -> list[str]:
    """Return the printed names of the numeric keys that are not W&B's own."""
    return sorted({printed(k) for k in history.numeric_keys() if k not in metrics.OWN_KEYS})


def decide(
    row: RunRow, history: StoredHistory, config: Mapping[str, Any], given_role: str | None
) -> steps.StepAxis:
    """Decide the step axis and the role of a whole history and say both in the row."""
    names = metric_names(history)
    axis = steps.choose(history, names, read_step_metrics(row.step_metrics))
    row.step_key, row.step_evidence = printed(axis.key), axis.evidence
    if given_role is not None:
        row.role, row.role_evidence, row.role_given = given_role, GIVEN, True
    else:
        found = role.detect(names, row.name, config)
        row.role, row.role_evidence = found.role, found.evidence
    row.meaning = meaning()
    return axis


def meaning() -> str:
    """Return what changes with the rules by which a history is understood."""
    methods = (components.METHOD, steps.METHOD, series_numbers.METHOD)
    return "-".join([patterns.fingerprint(), *map(str, methods)])


def build_whole(
    row: RunRow, history: StoredHistory, axis: steps.StepAxis, folder: FolderOf
) -> None:
    """Write metrics, steps, series and components of a whole history; count them in the row."""
    built = metrics.build(history, axis.steps, axis.keys, folder, {}, axis.own)
    write_timed(history, axis.steps, axis.keys, folder("timed"), axis.own)
    numbers = built.numbers
    if numbers is None:
        numbers = _numbers_read_back(built.series, built.metrics)
    _write_index(folder, built.series, numbers, history, axis)
    _count(row, built, built.first_step, built.last_step)


def build_behind(
    row: RunRow,
    stored: RunRow,
    earlier: Mapping[str, Series],
    stored_metrics: Sequence[Path],
    new: StoredHistory,
    whole: StoredHistory,
    axis: steps.StepAxis,
    folder: FolderOf,
) -> None:
    """Write metrics and steps of ``new`` rows, which all come after those that are ``stored``.

    ``axis`` is that of the ``whole`` history, from which series and components are told. The
    ``stored_metrics`` are the parts of ``metrics`` that stay.
    """
    behind = axis.behind(stored.rows)
    built = metrics.build(new, behind.steps, axis.keys, folder, earlier, behind.own)
    write_timed(new, behind.steps, axis.keys, folder("timed"), behind.own, stored.rows)
    numbers = _numbers_read_back(built.series, [*stored_metrics, *built.metrics])
    _write_index(folder, built.series, numbers, whole, axis)
    built.steps += stored.steps
    built.duplicate_steps += stored.duplicate_steps
    built.collapsed_rows += stored.collapsed_rows
    built.unstepped_rows += stored.unstepped_rows
    first = stored.first_step if stored.first_step is not None else built.first_step
    last = built.last_step if built.last_step is not None else stored.last_step
    _count(row, built, first, last)


def _numbers_read_back(
    series: Mapping[str, Series], stored: Sequence[Path]
) -> dict[str, series_numbers.Numbers]:
    """Return each metric's numbers out of the parts of ``metrics``; none where they are too many.

    Were they kept while the parts are written, a long run would hold millions of values for
    numbers that are then not kept.
    """
    values = sum(one.samples + one.nonfinite for one in series.values())
    return series_numbers.numbers_of(stored) if values <= series_numbers.MOST else {}


def _count(row: RunRow, built: Built, first: int | None, last: int | None) -> None:
    row.steps, row.first_step, row.last_step = built.steps, first, last
    gaps = 0 if first is None or last is None else last - first + 1 - built.steps
    row.gaps = min(gaps, 2**63 - 1)  # from the least BIGINT to the greatest there are twice as many
    row.duplicate_steps = built.duplicate_steps
    row.collapsed_rows = built.collapsed_rows
    row.unstepped_rows = built.unstepped_rows


def _write_index(
    folder: FolderOf,
    series: Mapping[str, Series],
    numbers: Mapping[str, series_numbers.Numbers],
    history: StoredHistory,
    axis: steps.StepAxis,
) -> None:
    """Write the series with each metric's writer and kind, and what the reward is made of."""
    logged = {name: one for name, one in series.items() if one.samples or one.nonfinite}
    kinds = patterns.kinds(logged)
    words = _reward_words(history, logged, kinds)
    indexed = {name: Series(name) for name in words} | logged
    meaning = {}
    for name in indexed:
        told = Meaning(patterns.writer(name), not_numbers=words.get(name))
        if (kind := kinds.get(name)) is not None:
            told = replace(told, kind=kind.kind, rank=kind.rank, sign=kind.sign)
        meaning[name] = told
    write_series(folder("series"), indexed, meaning, numbers)
    _write_components(folder("components"), kinds, history, axis)


def _reward_words(
    history: StoredHistory, logged: Mapping[str, Series], kinds: Mapping[str, patterns.Kind]
) -> dict[str, int]:
    """Return in how many rows each reward metric was logged as a text or a list.

    One that never was a number is among them if it ever was a text.
    """
    found: dict[str, int] = {}
    rewards = {name for name, kind in kinds.items() if kind.kind in ("reward", "reward_component")}
    for key in history.keys():  # noqa: SIM118 - no mapping
        name = printed(key)
        if name in rewards or patterns.names_a_reward(name):
            count = history.words(key)
            if count or name in logged:
                found[name] = found.get(name, 0) + count
    return found


def _write_components(
    folder: Path, kinds: Mapping[str, patterns.Kind], history: StoredHistory, axis: steps.StepAxis
) -> None:
    """Write the components of the run's main reward, where it has one."""
    reward = next((n for n, k in kinds.items() if (k.kind, k.rank) == ("reward", 1)), None)
    if reward is None:
        return
    candidates = [name for name, kind in kinds.items() if kind.kind == "reward_component"]
    beside = components.of_reward(reward, candidates)
    if not beside:
        return
    values = _values_by_step(history, axis, [reward, *beside])

    def blocks() -> Iterator[tuple[components.Values, dict[str, components.Values]]]:
        for first, *others in values():
            yield first, dict(zip(beside, others, strict=True))

    write_components(folder, components.explain(reward, beside, blocks))


def _values_by_step(
    history: StoredHistory, axis: steps.StepAxis, names: Sequence[str]
) -> Callable[[], Iterator[list[components.Values]]]:
    """Return what gives the values of some metrics by step, in blocks of whole steps.

    A run that is not long comes in one block, and so has the same digits however it grew; metrics
    of different axes too, for a step of one is none of the other.
    """
    keys = metrics.metric_keys(history, axis.keys)
    one_axis = len({axis.own[name].key if name in axis.own else None for name in names}) == 1
    rows = axis.steps_of(names[0])
    long = history.rows > _IN_MEMORY
    blocked = long and one_axis
    ends = cuts(rows.values, rows.known, history.ends) if blocked else [history.rows]

    def blocks() -> Iterator[list[components.Values]]:
        columns = [
            metrics.steps_and_values(history, axis.steps_of(name), keys[name], ends)
            for name in names
        ]
        for block in zip(*columns, strict=True):
            yield [components.Values(*found) for found in block]

    if long:
        return blocks
    kept = list(blocks())
    return lambda: iter(kept)


def comes_after(axis: steps.StepAxis, stored: RunRow) -> bool:
    """Return whether the rows behind those of ``stored`` can be added without a look at these.

    That is so where the stored rows still mean what they did, and every new row with a step is
    beyond the last one of its axis.
    """
    if stored.step_key != printed(axis.key):
        return False
    if steps.without_counts(stored.step_evidence) != steps.without_counts(axis.evidence):
        return False
    rows, whole = stored.rows, [axis.steps, *(one.steps for one in axis.own.values())]
    stepped = np.zeros(rows, dtype=bool)
    for one in whole:
        stepped |= one.known[:rows]
        new, old = one.behind(rows), one.values[:rows][one.known[:rows]]
        known = new.values[new.known]
        if known.size and old.size and known.min() <= old.max():
            return False
    return int((~stepped).sum()) == stored.unstepped_rows


def write_step_metrics(step_metrics: Iterable[StepMetric]) -> str:
    """Return ``define_metric`` axes as the JSON that the runs row keeps."""
    return json.dumps([[m.metric, m.step_metric] for m in step_metrics], ensure_ascii=False)


def read_step_metrics(text: str) -> list[StepMetric]:
    """Return the axes that :func:`write_step_metrics` wrote."""
    return [StepMetric(metric, axis) for metric, axis in json.loads(text)]
