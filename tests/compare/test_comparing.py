"""Comparisons of stored trainings, with values that can be worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.compare.comparison import Comparison
from dakota_wh.errors import NoSuchRun, NothingFound, UsageProblem
from tests.ingest.kit import Log, land

if TYPE_CHECKING:
    from tests.compare.conftest import Store

DATA = Path(__file__).parents[3] / "shared" / "data"


def rewards(values: Sequence[float | None], first: int = 0, **more: float) -> list[dict[str, Any]]:
    """Return a row a step; None is a step without the reward."""
    return [
        {"train/global_step": step, **({} if v is None else {"train/reward": v}), **more}
        for step, v in enumerate(values, first)
    ]


def row(comparison: Comparison, metric: str, window: str = "all", **where: str) -> dict[str, Any]:
    """Return the one row of the differences that is meant."""
    wanted = {"metric": metric, "window": window, **where}
    (found,) = [r for r in comparison.dicts() if wanted.items() <= r.items()]
    return found


def noise(count: int, seed: int = 0) -> list[float]:
    return [float(v) for v in np.random.default_rng(seed).standard_normal(count)]


RISING = [float(step) for step in range(100)]
#: One that rises late, above noise of its own.
LATE = [value + (0.5 if step < 75 else 2.0) for step, value in enumerate(noise(100, 1))]
BROKEN = [1.0, 1.0, 1.0, math.nan, math.inf, *[1.0] * 34, math.nan]


def kinds(value: float) -> list[dict[str, Any]]:
    """Return a log of which every metric has one value."""
    names = ("reward/mean", "loss/mean", "time/step", "perf/throughput", "mismatch_kl/mean")
    return [{"step": step, **dict.fromkeys(names, value)} for step in range(20)]


RUNS: dict[str, list[dict[str, Any]]] = {
    "a": rewards(noise(100)),
    "b": rewards(noise(100, 1)),
    "c": rewards(noise(50, 2)),
    "late": rewards(LATE),
    "rising": rewards(RISING),
    "tenth": rewards([0.0 if step % 10 == 0 else None for step in range(100)]),
    "fourth": rewards([step / 4.0 if step % 4 == 0 else None for step in range(100)]),
    "one-based": rewards([*RISING[1:], 100.0], first=1),
    "total": [
        {
            "train/global_step": s,
            "train/reward": float(s + 1),
            "train/num_tokens": 100 * (s + 1),
            "train/completions/mean_length": 1.0,
        }
        for s in range(80)
    ],
    "single": [
        {
            "training/global_step": s,
            "critic/score/mean": 2.0 * (s + 1),
            "perf/total_num_tokens": 200,
        }
        for s in range(40)
    ],
    "broken": rewards(BROKEN),
    "two": rewards([2.0] * 40),
    "after": rewards(noise(10), first=500),
    "nan": rewards([math.nan] * 10),
    "x": [{"foo": 1.0}],
    "y": [{"foo": 2.0}],
    "point": rewards([0.5]),
    "other-point": rewards([0.6]),
    "flat": rewards([0.0] * 200),
    "drift": rewards([float(np.cos(s / 50.0)) for s in range(200)]),
    "half": rewards([0.5] * 20),
    "half-again": rewards([0.5] * 20),
    "quarter": rewards([0.25] * 20),
    "huge": rewards([v * 1e307 for v in noise(50)]),
    "negative": rewards([-v * 1e307 for v in noise(50)]),
    "k=v": rewards(noise(5)),
    "kinds-1": kinds(1.0),
    "kinds-2": kinds(2.0),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse with all of ``RUNS``, complete; not to be changed."""
    folder = tmp_path_factory.mktemp("library")
    for run_id, rows in RUNS.items():
        Log(folder, run_id).begin(run_id).log(*rows).end().write()
    warehouse = api.open(folder / "warehouse")
    assert {landed.error for landed in warehouse.ingest(folder / "wandb")} == {None}
    return warehouse


def test_a_difference_by_hand(library: Warehouse) -> None:
    one, two = noise(100), LATE
    comparison = library.compare("a", "late")
    last, whole = row(comparison, "reward", "last"), row(comparison, "reward")
    # Steps 0 … 99: the last quarter begins at 74.25.
    assert (last["points"], last["begins"], last["ends"]) == (25, 74.25, 99.0)
    assert last["difference"] == pytest.approx(np.mean(two[75:]) - np.mean(one[75:]), rel=1e-12)
    assert whole["value"] == pytest.approx(np.mean(two), rel=1e-12)
    assert whole["baseline_value"] == pytest.approx(np.mean(one), rel=1e-12)
    assert whole["difference_pct"] == pytest.approx(
        (np.mean(two) - np.mean(one)) / abs(np.mean(one)) * 100, rel=1e-9
    )
    assert (last["verdict"], last["run"], last["baseline"]) == ("better", "late", "a")
    assert last["low"] < last["difference"] < last["high"]
    turned = row(library.compare("late", "a"), "reward", "last")
    assert turned["verdict"] == "worse"
    assert (turned["low"], turned["high"]) == pytest.approx((-last["high"], -last["low"]))


def test_the_window_and_the_confidence_are_parameters(library: Warehouse) -> None:
    half = row(library.compare("a", "b", last=0.5), "reward", "last")
    assert (half["points"], half["begins"]) == (50, 49.5)
    wide = row(library.compare("a", "b", last=0.5, confidence=0.99), "reward", "last")
    assert wide["low"] < half["low"] < half["high"] < wide["high"]
    assert half["verdict"] == "not distinguishable"


def test_several_runs_are_compared_with_the_first_or_the_one_that_is_named(
    library: Warehouse,
) -> None:
    comparison = library.compare("a", "b", "c")
    assert [(r["run"], r["baseline"]) for r in comparison.dicts() if r["window"] == "all"] == [
        ("b", "a"),
        ("c", "a"),
    ]
    other = library.compare("a", "b", "c", baseline="c")
    assert other.subjects == ["c", "a", "b"]
    with pytest.raises(UsageProblem, match="none of what is compared"):
        library.compare("a", "b", baseline="c")


def test_gaps_and_other_cadences(library: Warehouse) -> None:
    found = row(library.compare("rising", "tenth"), "reward")
    assert (found["points"], found["matched"]) == (10, "steps")
    assert found["difference"] == pytest.approx(-45.0)  # the mean of 0, 10, … 90


def test_a_run_that_logs_every_k_steps_misses_none(store: Store) -> None:
    rows = [{"train/global_step": s, "train/reward": 1.0 + s} for s in range(0, 200, 5)]
    holes = [row for row in rows if row["train/global_step"] not in (50, 55)]
    comparison = store(fifth=rows, holes=holes).compare("fifth", "holes")
    missing = [note for note in comparison.notes if "missing" in note]
    assert missing == ["holes has 2 missing steps."]
    assert [row["gaps"] for row in comparison.trainings.dicts()] == [0, 2]


def test_steps_from_one_are_told_and_not_moved(library: Warehouse) -> None:
    comparison = library.compare("rising", "one-based")
    assert row(comparison, "reward")["verdict"] == "identical"
    assert any(
        "count from 0 in rising and from 1 in one-based" in note for note in comparison.notes
    )


def test_time(library: Warehouse) -> None:
    # The log kit logs a row each 2.5 s: a value each 10 s, and one each 2.5 s.
    comparison = library.compare("rising", "fourth", align="time")
    found = row(comparison, "reward")
    # The last value of the sparse one is at step 96, 240 s: 12 parts of 20 s, 8 steps each.
    assert (found["begins"], found["ends"], found["matched"]) == (0.0, 240.0, "parts")
    assert found["points"] == 12
    a = np.mean([np.mean(range(8 * p, 8 * p + 8)) for p in range(11)] + [92.0])
    assert found["baseline_value"] == pytest.approx(a)
    b = np.mean([2 * p + 0.5 for p in range(11)] + [23.0])
    assert found["value"] == pytest.approx(b)


def test_tokens_of_a_running_total_and_of_single_steps(library: Warehouse) -> None:
    # The same reward for the same tokens; the second uses twice as many a step.
    comparison = library.compare("total", "single", align="tokens")
    found = row(comparison, "reward")
    assert (found["begins"], found["ends"]) == (200.0, 8000.0)
    # In each part the first has twice as many points about the same middle, give or take one step.
    assert abs(found["difference"]) < 1.0
    by_step = row(library.compare("total", "single"), "reward")
    assert by_step["difference"] == pytest.approx(20.5)  # the mean of s + 1 for 0 … 39
    (note,) = [n for n in comparison.notes if "measure the same" in n]
    assert "critic/score/mean or train/reward" in note


def test_tokens_that_nobody_counts(library: Warehouse) -> None:
    with pytest.raises(NothingFound, match="a logs no count of tokens") as caught:
        library.compare("a", "b", align="tokens")
    assert "--align step" in caught.value.hint


def test_values_that_are_no_numbers_are_counted_and_left_out(library: Warehouse) -> None:
    comparison = library.compare("broken", "two")
    found = row(comparison, "reward")
    assert (found["points"], found["ends"], found["difference"]) == (37, 38.0, 1.0)
    assert found["verdict"] == "better"
    assert any(
        "broken: 3 values NaN or infinite and left out (reward)" in n for n in comparison.notes
    )
    assert [r["nonfinite"] for r in comparison.scores.dicts()] == [3, 0, 3, 0]


def test_nothing_in_common(library: Warehouse) -> None:
    found = row(library.compare("a", "after"), "reward")
    assert (found["verdict"], found["points"], found["difference"]) == ("no common range", 0, None)
    assert row(library.compare("a", "nan"), "reward")["verdict"] == "no finite value"
    with pytest.raises(NothingFound, match="no metric has a kind"):
        library.compare("x", "y")
    with pytest.raises(NothingFound, match="a metric like 'bar'"):
        library.compare("x", "y", metrics=["foo", "bar"])
    assert row(library.compare("x", "y", metrics=["f?o"]), "foo")["difference"] == 1.0


def test_too_little_to_say(library: Warehouse) -> None:
    point = row(library.compare("point", "other-point"), "reward")
    assert (point["verdict"], point["points"], point["low"]) == ("too few points", 1, None)
    assert point["difference"] == pytest.approx(0.1)
    slow = row(library.compare("flat", "drift"), "reward")
    assert (slow["verdict"], slow["low"]) == ("too correlated", None)
    assert slow["effective_points"] < 8


def test_constants(library: Warehouse) -> None:
    comparison = library.compare("half", "half-again", "quarter")
    assert row(comparison, "reward", run="half-again")["verdict"] == "identical"
    found = row(comparison, "reward", run="quarter")
    assert (found["difference"], found["low"], found["verdict"]) == (-0.25, -0.25, "worse")
    assert not [note for note in comparison.notes if "by chance" in note]


def test_extreme_values(library: Warehouse) -> None:
    found = row(library.compare("huge", "negative"), "reward")
    assert found["difference"] == pytest.approx(-2.0 * np.mean(noise(50)) * 1e307, rel=1e-9)
    grouped = library.compare("x=huge,negative", "y=c")
    assert all(
        value is None or not isinstance(value, float) or math.isfinite(value)
        for record in (*grouped.dicts(), *grouped.groups.dicts(), *grouped.curves.dicts())
        for value in record.values()
    )


def test_direction_follows_the_kind(library: Warehouse) -> None:
    comparison = library.compare("kinds-1", "kinds-2")
    assert {r["metric"]: r["verdict"] for r in comparison.dicts() if r["window"] == "all"} == {
        "reward": "better",
        "loss": "higher",
        "kl": "higher",
        "throughput": "better",
        "step_time": "worse",
    }


def pair_logs(folder: Path, warehouse: Warehouse, name: str, lift: float) -> None:
    """Store an orchestrator and a trainer, and fix them as a pair."""
    both = {"progress/tokens": 10, "progress/total_tokens": 10, "metrics/fn": 0.5 + lift}
    orchestrator = [
        {"step": s, "reward/mean": 0.1 + lift, "progress/ckpt_step": s, "time/step": 5.0, **both}
        for s in range(30)
    ]
    trainer = [
        {
            "step": s,
            "loss/mean": 1.0 + lift,
            "optim/lr": 0.1,
            "optim/grad_norm": 0.2,
            "entropy/mean": 0.3,
            "mismatch_kl/mean": 0.01,
            "time/step": 7.0 + lift,
        }
        for s in range(30)
    ]
    for side, rows in (("o", orchestrator), ("t", trainer)):
        config = {"max_steps": 30, "lr": lift, "own": side}
        log = Log(folder, f"{name}-{side}").begin(f"{name}-{side}", config=config).log(*rows)
        land(warehouse, log.end().write())
    warehouse.pair(f"{name}-o", f"{name}-t")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse with two pairs, of which the second has 0.5 more; not to be changed."""
    folder = tmp_path_factory.mktemp("pairs")
    warehouse = api.open(folder / "warehouse")
    pair_logs(folder, warehouse, "a", 0.0)
    pair_logs(folder, warehouse, "b", 0.5)
    return warehouse


def test_either_run_of_a_pair_stands_for_both(pairs: Warehouse) -> None:
    warehouse = pairs
    comparison = warehouse.compare("a-o", "b-t")
    found = {r["metric"]: r for r in comparison.dicts() if r["window"] == "all"}
    assert list(found)[:3] == ["reward", "metrics/fn", "loss"]
    for metric in ("reward", "metrics/fn", "loss", "step_time (trainer)"):
        assert found[metric]["difference"] == pytest.approx(0.5), metric
    assert found["step_time (orchestrator)"]["verdict"] == "identical"
    assert {r["run_id"] for r in comparison.trainings.dicts()} == {"a-o", "a-t", "b-o", "b-t"}
    assert any("b-o with its trainer b-t is one training" in n for n in comparison.notes)
    settings = {(r["key"], r["subject"]): r["value"] for r in comparison.config.dicts()}
    assert settings == {("lr", "a-o"): "0", ("lr", "b-t"): "0.5"}
    with pytest.raises(UsageProblem, match="one training, orchestrator and trainer"):
        warehouse.compare("a-o", "a-t")
    # The tokens are the orchestrator's, and the trainer's metrics lie at them as well.
    tokens = row(warehouse.compare("a-o", "b-o", align="tokens"), "loss")
    assert tokens["difference"] == pytest.approx(0.5)


def test_a_raw_metric_of_both_sides_is_two(pairs: Warehouse) -> None:
    comparison = pairs.compare("a-o", "b-o", metrics=["time/step", "loss"])
    assert {r["metric"] for r in comparison.dicts()} == {
        "loss",
        "time/step (orchestrator)",
        "time/step (trainer)",
    }


def test_refusals(library: Warehouse) -> None:
    for words, said in (
        ((), "two runs"),
        (("a",), "two runs"),
        (("x=a",), "two runs"),
        (("a", "a"), "named twice"),
        (("x=a,b", "y=b"), "is in both x and y"),
        (("x=a", "x=b"), "named twice"),
        (("x=", "a"), "no group"),
        (("=a", "b"), "no group"),
    ):
        with pytest.raises(UsageProblem, match=said):
            library.compare(*words)
    for options, said in (
        ({"align": "epochs"}, "aligned on"),
        ({"last": 0.0}, "last window"),
        ({"last": math.nan}, "last window"),
        ({"confidence": 1.0}, "confidence"),
        ({"resamples": 3}, "resamples"),
        ({"seed": -1}, "seed"),
        ({"ignore": ["x"]}, "grouped by config"),
    ):
        with pytest.raises(UsageProblem, match=said):
            library.compare("a", "b", **options)
    with pytest.raises(NoSuchRun, match="no run nope"):
        library.compare("a", "nope")
    # An id with an = in it is that run.
    assert library.compare("a", "k=v").grouped is False


def test_what_bears_on_the_numbers_is_told(tmp_path: Path) -> None:
    warehouse = api.open(tmp_path / "warehouse")
    for run_id, steps, ended in (("short", 40, False), ("long", 100, True)):
        extra = {"train/loss": 1.0} if run_id == "long" else {}
        rows = [r | extra for r in rewards(noise(steps)) if r["train/global_step"] != 7]
        log = Log(tmp_path, run_id).begin(run_id).log(*rows)
        land(warehouse, (log.end() if ended else log).write())
    notes = warehouse.compare("short", "long").notes
    assert any("one run of its kind" in note for note in notes)
    assert any(note.startswith("short is ") for note in notes)
    assert not any(note.startswith("long is ") for note in notes)
    assert any(note == "long has 1 missing step." for note in notes)
    assert any(note == "Not logged by short: loss." for note in notes)
    assert any("short ends at step 39, another at 99" in note for note in notes)


def test_tables_in_every_form(library: Warehouse) -> None:
    comparison = library.compare("c", "late", metrics=["reward"])
    assert len(comparison) == len(comparison.rows()) == comparison.arrow().num_rows == 2
    assert comparison.arrow().column_names == comparison.columns
    assert comparison.df()["difference"].tolist() == comparison.pl()["difference"].to_list()
    document = json.loads(json.dumps(comparison.document()))
    assert document["baseline"] == "c"
    assert len(document["curves"]) == 40
    # The shorter has 50 steps, in 20 parts of 2.45 steps: the first holds 0, 1 and 2.
    first = document["curves"][0]
    assert (first["seeds"], first["low"]) == (1, None)
    assert first["value"] == pytest.approx(np.mean(noise(50, 2)[:3]))
    with pytest.raises(UsageProblem, match="no table 'notes'"):
        comparison.table("notes")


def test_the_owners_run_and_a_copy_of_it(tmp_path: Path) -> None:
    if not (DATA / "reference_results.json").is_file():
        pytest.skip(f"the owner's exports are not at {DATA}")
    warehouse = api.open(tmp_path / "warehouse")
    land(warehouse, DATA / "29hn8w98")
    land(warehouse, DATA / "29hn8w98", store_as="copy", force=True)
    comparison = warehouse.compare("29hn8w98", "copy")
    assert {r["verdict"] for r in comparison.dicts()} == {"identical"}
    found = row(comparison, "reward")
    assert found["value"] == pytest.approx(0.3131643027215005, rel=1e-12)
    assert (found["points"], found["ends"]) == (1000, 999.0)
    half = row(warehouse.compare("29hn8w98", "copy", last=499 / 999), "reward", "last")
    assert half["value"] == pytest.approx(0.3334879924191946, rel=1e-12)
