"""From what a person names to a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dakota_wh.compare import configs, grouping
from dakota_wh.compare import subjects as naming
from dakota_wh.compare.comparison import Comparison
from dakota_wh.compare.curves import read_curves
from dakota_wh.compare.quantities import read_quantities
from dakota_wh.compare.settings import Settings
from dakota_wh.compare.trainings import Trainings
from dakota_wh.compare.windows import Aligned
from dakota_wh.errors import UsageProblem
from dakota_wh.warehouse.connection import check_is_warehouse
from dakota_wh.warehouse.snapshot import Snapshot, at_one_moment

_VIEWS: Final = (
    "runs",
    "run_gaps",
    "trainings",
    "training_metrics",
    "series",
    "metric_points",
    "config",
)


def compare(
    root: Path,
    what: Sequence[str],
    *,
    by: str | None = None,
    baseline: str | None = None,
    metrics: Sequence[str] = (),
    ignore: Sequence[str] = (),
    settings: Settings | None = None,
) -> Comparison:
    """Set trainings or groups of seeds side by side.

    Args:
        root: the warehouse's folder.
        what: two runs or more, or groups of seeds as ``NAME=RUN,RUN,…``. Either run of a pair
            stands for both. With ``by``: the runs to put into groups, by default all.
        by: ``group`` (W&B's), ``config`` (all settings but seeds, names and folders), or
            ``config:KEY`` (one setting, its whole key or how it ends).
        baseline: the subject that the others are compared with; by default the first.
        metrics: patterns, with ``*`` and ``?``, for names of metrics or kinds; by default what is
            canonical is compared.
        ignore: with ``by="config"``, patterns for further keys that do not count.
        settings: axis, window, confidence and resampling.

    Raises:
        UsageProblem: too few subjects, one that is named twice, or a setting that cannot be.
        NoSuchRun: a run that is not there.
        NothingFound: no such group or metric, or no count of tokens.
        NotAWarehouse: there is no warehouse, or it cannot be read.
    """
    settings = settings or Settings()
    check_is_warehouse(root)
    if by is None and len(what) < 2:
        naming.refuse_fewer_than_two()
    if ignore and by != grouping.CONFIG:
        raise UsageProblem("Keys can be ignored only where runs are grouped by config.")

    def read(snapshot: Snapshot) -> Comparison:
        trainings = Trainings.read(snapshot)
        if by is None:
            subjects = naming.named(trainings, what)
        else:
            asked = trainings.of(what) if what else trainings.all()
            unique = {training.training_id: training for training in asked}
            subjects = grouping.grouped(snapshot, list(unique.values()), by, ignore)
        subjects = subjects.with_baseline(baseline)
        quantities = read_quantities(snapshot, subjects, metrics)
        curves = read_curves(snapshot, subjects.trainings, quantities, settings.align)
        aligned = [Aligned.of(one, curves[one.name], settings.last) for one in quantities]
        texts = configs.read_configs(snapshot, subjects.trainings)
        runs = [run_id for training in subjects.trainings for run_id in training.run_ids]
        missing = {row["run_id"]: row["missing"] for row in snapshot.rows("run_gaps", runs)}
        return Comparison(subjects, settings, aligned, texts, missing)

    return at_one_moment(root, _VIEWS, read)
