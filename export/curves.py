"""The guide's comprehensive export: curves, sample efficiency, KL, curriculum, generations.

Files, columns and rules are those of the guide's script; ``docs/guide-scripts.md`` lists where the
script was wrong and this is not. The statistics come from the views.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dakota_wh.errors import NothingFound
from dakota_wh.export.csv_file import write_curves
from dakota_wh.export.curriculum import curriculum_timing
from dakota_wh.export.destination import output_folder, write_json
from dakota_wh.export.generations import example_generations
from dakota_wh.export.one_training import OneTraining
from dakota_wh.export.stored_run import NUMBERS, StoredRun, opened_run
from dakota_wh.export.together import Files, together
from dakota_wh.export.training import Training
from dakota_wh.warehouse.query import query_view

SUMMARY: Final = "comprehensive_analysis_summary.json"

#: Words by which the guide knows the components of its own rubric.
COMPONENTS: Final = {
    "character": ("char", "ortho"),
    "morphology": ("morph", "affix"),
    "semantic": ("sem", "meaning"),
}
DIFFICULTIES: Final = ("easy", "medium", "hard", "advanced")
#: All files that there may be.
FILES: Final = (
    SUMMARY,
    *(f"reward_curve_{component}.csv" for component in ("overall", *COMPONENTS)),
    "accuracy_by_difficulty.json",
    "sample_efficiency.json",
    "kl_divergence.json",
    "kl_divergence_curve.csv",
    "curriculum_timing.json",
    "loss_curves.csv",
    "example_generations.json",
)
_ACCURACY: Final = ("accuracy", "success", "correct", "reward")
_KL: Final = ("kl", "divergence")

#: From how many samples on the guide speaks of efficiency, and of a trend.
_LEAST_EFFICIENCY: Final = 10
_LEAST_TREND: Final = 11

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Curves:
    """What was written: the summary's document, the files, and what there was nothing of."""

    document: Row
    files: tuple[Path, ...]
    remarks: tuple[str, ...]


def export_curves(root: Path, training: Training, folder: Path, *, force: bool = False) -> Curves:
    """Write a training's curves and analyses: all files, or none of them.

    A side that is not known has no files, which the remarks say. What an earlier export of the
    training left there and this one does not write is deleted.

    Args:
        root: the warehouse's folder.
        training: the two runs.
        folder: gets the files; it is made if need be.
        force: replace the files of another training, or of somebody else.

    Raises:
        NothingFound: there is neither side.
        UsageProblem: the folder lies inside the warehouse.
        WarehouseError: files of another training are there, a run is damaged, the disk is full.
    """
    if training.orchestrator is None and training.trainer is None:
        raise NothingFound("No data available: no run is known.", hint="Name one: dakota-wh runs")
    target = output_folder(root, folder)
    place = OneTraining(target, SUMMARY, FILES)
    if not force:
        place.check_free(training)
    with ExitStack() as stack:
        runs = {
            run_id: stack.enter_context(opened_run(root, run_id, NUMBERS))
            for run_id in (training.orchestrator, training.trainer)
            if run_id is not None
        }
        files = stack.enter_context(together(target))
        work = _Work(root, target, folder, files)
        work.remarks += training.doubts
        document: Row = {
            "exported_at": datetime.now(UTC).isoformat(),
            "orchestrator_run": training.orchestrator,
            "trainer_run": training.trainer,
        }
        if training.orchestrator is not None:
            document |= work.rewards(runs[training.orchestrator])
        else:
            work.remarks.append(f"No orchestrator data available: {training.evidence}.")
        if training.trainer is not None:
            document |= work.losses(runs[training.trainer])
        else:
            work.remarks.append(f"No trainer data available: {training.evidence}.")
        if training.orchestrator is not None:
            document |= work.examples(runs[training.orchestrator])
        work.save(SUMMARY, document)
        if not force:
            place.check_free(training)  # another export may have come first
        files.drop(place.left_over(files.paths))
    return Curves(document, files.paths, tuple(work.remarks))


class _Work:
    """Writes the parts of one export and keeps account of them."""

    def __init__(self, root: Path, target: Path, shown: Path, files: Files) -> None:
        self.root = root
        self.target = target
        self.shown = shown
        self.files = files
        self.remarks: list[str] = []

    def save(self, name: str, value: Any) -> None:
        with self.files.new(self.target / name) as path:
            write_json(path, value)

    def curve(self, name: str, run: StoredRun, columns: Sequence[str]) -> Row:
        """Write columns of a history beside ``_step``; return what the summary says of them."""
        with self.files.new(self.target / name) as path:
            written = write_curves(path, run, run.keys_of(columns))
        return {"file": str(self.shown / name), "columns": written, "steps": run.history.rows}

    def rewards(self, run: StoredRun) -> Row:
        """Write what comes from the orchestrator."""
        stats = self._stats(run)
        curves = {
            component: self.curve(f"reward_curve_{component}.csv", run, columns)
            for component, columns in reward_columns(list(stats)).items()
        }
        if not curves:
            self.remarks.append(f"{run.row.run_id} logged no metric named reward.")
        accuracy = accuracy_by_difficulty(stats)
        if accuracy:
            self.save("accuracy_by_difficulty.json", accuracy)
        efficiency = self._efficiency(run, stats)
        if "error" not in efficiency:
            self.save("sample_efficiency.json", efficiency)
        else:
            self.remarks.append(f"No sample efficiency: {efficiency['error']}.")
        timing = curriculum_timing(run)
        self.save("curriculum_timing.json", timing)
        return {
            "reward_curves": curves,
            "accuracy_by_difficulty": accuracy,
            "sample_efficiency": efficiency,
            "curriculum_timing": timing,
        }

    def losses(self, run: StoredRun) -> Row:
        """Write what comes from the trainer."""
        stats = self._stats(run)
        found: Row = {"kl_divergence": kl_divergence(stats)}
        if "error" not in found["kl_divergence"]:
            self.save("kl_divergence.json", found["kl_divergence"])
            self.curve("kl_divergence_curve.csv", run, list(found["kl_divergence"]))
        else:
            self.remarks.append(f"{run.row.run_id}: {found['kl_divergence']['error']}.")
        losses = _named(stats, ("loss",))
        if losses:
            found["loss_curves"] = self.curve("loss_curves.csv", run, losses)
        else:
            self.remarks.append(f"{run.row.run_id} logged no metric named loss.")
        return found

    def examples(self, run: StoredRun) -> Row:
        """Write what the policy said, where it was logged."""
        examples = example_generations(run)
        if not examples:
            self.remarks.append(f"{run.row.run_id} logged no generations.")
            return {}
        self.save("example_generations.json", examples)
        return {"example_generations": examples}

    def _stats(self, run: StoredRun) -> dict[str, Row]:
        rows = query_view(self.root, "metric_stats", runs=[run.row.run_id]).dicts()
        return {row["metric"]: row for row in rows}

    def _efficiency(self, run: StoredRun, stats: dict[str, Row]) -> Row:
        metric = main_reward(_named(stats, ("reward",)))
        if metric is None:
            return {"error": "No reward column found"}
        alike = query_view(self.root, "reward_milestones", runs=[run.row.run_id], metric=metric)
        milestones = [row for row in alike.dicts() if row["metric"] == metric]
        return sample_efficiency(stats[metric], milestones)


def reward_columns(metrics: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns of each reward curve: the overall reward, and the guide's components."""
    rewards = [m for m in metrics if "reward" in m.lower()]
    totals = _having(rewards, ("total", "overall"))
    main = main_reward(rewards)
    overall = totals if totals and main != "reward/mean" else [main] if main else []
    found = {"overall": overall}
    found |= {component: _having(rewards, words) for component, words in COMPONENTS.items()}
    return {component: columns for component, columns in found.items() if columns}


def main_reward(rewards: Sequence[str]) -> str | None:
    """Return the guide's choice of the one reward: ``reward/mean``, else the first but pattern."""
    if "reward/mean" in rewards:
        return "reward/mean"
    return next((r for r in rewards if "pattern" not in r.lower()), rewards[0] if rewards else None)


def accuracy_by_difficulty(stats: dict[str, Row]) -> Row:
    """Return final, mean and greatest value of what tells of success at each difficulty.

    A metric counts for the first difficulty that its name has.
    """
    found: Row = {}
    for metric in _having(list(stats), _ACCURACY):
        level = next((d for d in DIFFICULTIES if d in metric.lower()), None)
        if level is not None and stats[metric]["samples"]:
            values = {name: stats[metric][name] for name in ("final", "mean", "max")}
            found.setdefault(level, {})[metric] = values
    return {level: found[level] for level in DIFFICULTIES if level in found}


def sample_efficiency(stats: Row, milestones: Sequence[Row]) -> Row:
    """Return how soon a reward rose, from its rows of metric_stats and reward_milestones.

    The improvement is from the first value to the last; the learning rate is that per step.
    """
    if stats["samples"] < _LEAST_EFFICIENCY:
        return {"error": "Insufficient data"}
    initial, final = stats["initial"], stats["final"]
    improvement = final - initial
    span = stats["last_step"] - stats["first_step"]
    return {
        "initial_value": initial,
        "final_value": final,
        "max_value": stats["max"],
        "total_improvement": improvement,
        "improvement_pct": improvement / abs(initial) * 100 if initial else 0,
        "learning_rate": improvement / span if span else 0,
        "milestones": {
            f"{row['milestone']}%_improvement": {"step": row["step"], "value": row["target"]}
            for row in milestones
            if row["step"] is not None
        },
        "total_steps": stats["samples"],
    }


def kl_divergence(stats: dict[str, Row]) -> Row:
    """Return the statistics of every metric named kl or divergence."""
    found: Row = {}
    for metric in _named(stats, _KL):
        row = stats[metric]
        if row["samples"]:
            found[metric] = {name: row[name] for name in _KL_STATISTICS} | {"trend": _rise(row)}
    return found or {"error": "No KL divergence columns found"}


_KL_STATISTICS: Final = ("mean", "median", "std", "min", "max", "final")


def _rise(row: Row) -> str:
    rises = row["samples"] >= _LEAST_TREND and row["final"] > row["initial"]
    return "increasing" if rises else "decreasing"


def _named(stats: dict[str, Row], words: Sequence[str]) -> list[str]:
    return _having(list(stats), words)


def _having(names: Sequence[str], words: Sequence[str]) -> list[str]:
    return [name for name in names if any(word in name.lower() for word in words)]
