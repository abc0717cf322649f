"""The guide's reward analysis, from the views: ``reward_analysis_summary.json`` and its CSV.

Keys, order and rules are those of the guide's script: reward metrics are those whose name contains
reward or score; the trend needs more than 10 samples; ``improvement_pct`` is 0 where the first
half's mean is 0; ten training metrics, of which each is "improving" when its last value is below
its first, whatever it measures. ``docs/guide-scripts.md`` says where the script was wrong.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dakota_wh.errors import NothingFound
from dakota_wh.export.csv_file import write_curves
from dakota_wh.export.destination import DEFAULT_FOLDER, output_folder, write_json
from dakota_wh.export.one_training import OneTraining
from dakota_wh.export.stored_run import NUMBERS, opened_run
from dakota_wh.export.together import together
from dakota_wh.export.training import Training
from dakota_wh.rendering.values import shell_word
from dakota_wh.warehouse.query import query_view

SUMMARY: Final = "reward_analysis_summary.json"
REWARDS: Final = "orchestrator_rewards.csv"

#: The training metrics of the guide, in its order.
KEY_METRICS: Final = (
    "loss/mean",
    "loss/std",
    "entropy/mean",
    "entropy/median",
    "inference_probs/mean",
    "trainer_probs/mean",
    "perf/throughput",
    "perf/mfu",
    "optim/lr",
    "optim/grad_norm",
)

_EMPTY: Final = {"error": "Empty history data"}
_STATISTICS: Final = ("mean", "median", "std", "min", "max", "final", "samples")
_TREND: Final = ("first_half_mean", "second_half_mean", "improvement", "improvement_pct")

#: The kind of source that can be asked again by the run's address.
_SERVICE: Final = "wandb-api"

#: From how many samples on the guide speaks of a trend.
_LEAST: Final = 11

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Analysis:
    """What ``analyze`` found: the document as written, the files, and what to be wary of."""

    training: Training
    document: Row
    files: tuple[Path, ...]
    remarks: tuple[str, ...]


def analyze(
    root: Path, training: Training, folder: Path = Path(DEFAULT_FOLDER), *, force: bool = False
) -> Analysis:
    """Analyse a training's two runs and write the guide's two files, both or none.

    Args:
        root: the warehouse's folder.
        training: the two runs.
        folder: gets the files; it is made if need be.
        force: replace the files of another training, or of somebody else.

    Raises:
        NothingFound: neither run holds a row.
        UsageProblem: the folder lies inside the warehouse.
        WarehouseError: files of another training are there, a run is damaged, the disk is full.
    """
    target = output_folder(root, folder)
    place = OneTraining(target, SUMMARY, (SUMMARY, REWARDS))
    if not force:
        place.check_free(training)
    orchestrator, trainer = (_run(root, run) for run in (training.orchestrator, training.trainer))
    sides = [run for run in (orchestrator, trainer) if run]
    if not any(run["rows"] for run in sides):
        raise _empty(sides)
    with ExitStack() as stack:
        opened = [stack.enter_context(opened_run(root, run["run_id"], NUMBERS)) for run in sides]
        document = _document(root, orchestrator, trainer)
        files = stack.enter_context(together(target))
        with files.new(target / SUMMARY) as path:
            write_json(path, document)
        columns = document["reward_analysis"].get("reward_columns")
        if orchestrator and columns:
            with files.new(target / REWARDS) as path:
                write_curves(path, opened[0], opened[0].keys_of(columns))
        if not force:
            place.check_free(training)  # another analysis may have come first
        files.drop(place.left_over(files.paths))
    return Analysis(training, document, files.paths, tuple(_remarks(training, sides)))


def _document(root: Path, orchestrator: Row, trainer: Row) -> Row:
    return {
        "generated_at": datetime.now(UTC).isoformat(),
        "orchestrator_run": _about(orchestrator),
        "trainer_run": _about(trainer),
        "reward_analysis": _rewards(root, orchestrator),
        "training_analysis": _training(root, trainer),
    }


def _run(root: Path, run_id: str | None) -> Row:
    return {} if run_id is None else query_view(root, "runs", runs=[run_id]).dicts()[0]


def _about(run: Row) -> Row:
    return {
        "run_id": run.get("run_id") or "unknown",
        "name": run.get("name") or "unknown",
        "url": run.get("url") or "",
        "state": run.get("state") or "unknown",
    }


def _rewards(root: Path, run: Row) -> Row:
    if not run:
        return {"error": "No orchestrator data available"}
    if not run["rows"]:
        return _EMPTY
    wanted = [run["run_id"]]
    statistics = query_view(root, "reward_stats", runs=wanted).dicts()
    trends = query_view(root, "reward_trends", runs=wanted).dicts()
    return {
        "total_steps": run["rows"],
        "reward_columns": [row["metric"] for row in statistics],
        "reward_statistics": {
            row["metric"]: {name: row[name] for name in _STATISTICS}
            for row in statistics
            if row["samples"]
        },
        "reward_trends": {
            row["metric"]: {name: row[name] for name in _TREND}
            | {"improvement_pct": row["improvement_pct"] or 0}
            for row in trends
        },
    }


def _training(root: Path, run: Row) -> Row:
    if not run:
        return {"error": "No trainer data available"}
    if not run["rows"]:
        return _EMPTY
    stats = {
        row["metric"]: row
        for row in query_view(root, "metric_stats", runs=[run["run_id"]]).dicts()
        if row["samples"]
    }
    found = [stats[metric] for metric in KEY_METRICS if metric in stats]
    return {
        "total_steps": run["rows"],
        "key_metrics": {
            row["metric"]: {name: row[name] for name in ("mean", "std", "min", "max", "final")}
            | {"trend": _trend(row)}
            for row in found
        },
        "final_values": {row["metric"]: row["final"] for row in found},
    }


def _trend(row: Row) -> str:
    falls = row["samples"] >= _LEAST and row["final"] < row["initial"]
    return "improving" if falls else "degrading"


def _remarks(training: Training, sides: list[Row]) -> list[str]:
    found = list(training.doubts)
    if training.orchestrator is None or training.trainer is None:
        missing = "orchestrator" if training.orchestrator is None else "trainer"
        found.append(
            f"No {missing} data available: {training.evidence}. Name it with --{missing}-run ID."
        )
    if training.orchestrator != training.trainer:
        wrong = {training.orchestrator: "trainer", training.trainer: "orchestrator"}
        found += [
            f"{run['run_id']} looks like the {run['role']}: are the two the other way round?"
            for run in sides
            if run["role"] == wrong[run["run_id"]]
        ]
    for run in sides:
        if not run["rows"]:
            found.append(f"Empty history data: run {run['run_id']} holds no rows. {_look(run)}")
        elif run["completeness"] != "complete":
            found.append(f"{run['run_id']} is {run['completeness']}: {run['evidence']}")
    return found


def _empty(sides: list[Row]) -> NothingFound:
    names = " and ".join(run["run_id"] for run in sides)
    return NothingFound(
        f"Empty history data: {names or 'no run'} logged nothing that is stored.",
        hint=_look(sides[0]) if sides else "",
    )


def _look(run: Row) -> str:
    if run["source"] != _SERVICE:
        return f"When there are some: dakota-wh ingest PATH, where {run['source_name']} lies"
    where = f"See what W&B has at {run['url']}. " if run["url"] else ""
    names = [run[part] for part in ("entity", "project") if run[part]]
    address = shell_word("/".join([*names, run["run_id"]]))
    return f"{where}Fetch it anew: dakota-wh ingest {address} --force-fetch"
