"""Groups of seeds: listed, found by what they share, and what their numbers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from dakota_wh.api import Warehouse
from dakota_wh.commands import compare as command
from dakota_wh.errors import NothingFound, UsageProblem
from tests.compare.conftest import METHODS, seed_rows
from tests.ingest.kit import Log, land

if TYPE_CHECKING:
    from pathlib import Path

    from tests.compare.conftest import Store

BASE, BOLD = ("base=base0,base1,base2", "bold=bold0,bold1,bold2")


def scores(method: str, key: str = "train/reward", last: int = 60) -> np.ndarray:
    return np.array([np.mean([r[key] for r in seed_rows(method, s)][-last:]) for s in range(3)])


def only(rows: list[dict[str, Any]], **where: Any) -> dict[str, Any]:
    (found,) = [r for r in rows if all(r[name] == value for name, value in where.items())]
    return found


def test_groups_by_hand(seeds: Warehouse) -> None:
    comparison = seeds.compare(BASE, BOLD)
    assert (comparison.grouped, comparison.subjects) == (True, ["base", "bold"])
    base, bold = scores("base"), scores("bold")
    value = only(comparison.groups.dicts(), metric="reward", window="all", group="bold")
    assert (value["seeds"], value["missing"]) == (3, 0)
    assert value["mean"] == pytest.approx(bold.mean(), rel=1e-12)
    assert value["std"] == pytest.approx(bold.std(ddof=1), rel=1e-12)
    assert value["iqm"] == pytest.approx(stats.trim_mean(bold, 0.25), rel=1e-12)
    assert bold.min() <= value["low"] < value["iqm"] < value["high"] <= bold.max()
    found = only(comparison.dicts(), metric="reward", window="all")
    assert found["difference"] == pytest.approx(bold.mean() - base.mean(), rel=1e-12)
    expected = stats.ttest_ind(bold, base, equal_var=False).confidence_interval()
    assert (found["mean_low"], found["mean_high"]) == pytest.approx(
        (expected.low, expected.high), rel=1e-9
    )
    assert found["probability_higher"] == 1.0
    assert (found["verdict"], found["support"], found["seeds"]) == ("better", "both", 3)
    # Steps 0 … 59: the last quarter begins at 44.25.
    last = only(comparison.groups.dicts(), metric="reward", window="last", group="base")
    assert last["mean"] == pytest.approx(scores("base", last=15).mean(), rel=1e-12)


def test_both_intervals_are_asked(seeds: Warehouse) -> None:
    comparison = seeds.compare(BASE, BOLD)
    loss = [r for r in comparison.dicts() if r["metric"] == "loss"]
    assert {r["better"] for r in loss} == {None}
    for r in comparison.dicts():
        decided = r["verdict"] in ("better", "worse", "higher", "lower")
        assert decided == (r["support"] == "both"), r
    length = only(comparison.dicts(), metric="response_length", window="all")
    assert (length["verdict"], length["difference"]) == ("identical", 0.0)
    assert length["probability_higher"] == 0.5


def test_the_same_seed_gives_the_same_intervals(seeds: Warehouse) -> None:
    one, again = seeds.compare(BASE, BOLD), seeds.compare(BASE, BOLD, metrics=["reward"])
    where = {"metric": "reward", "window": "last"}
    assert only(one.dicts(), **where) == only(again.dicts(), **where)
    other = seeds.compare(BASE, BOLD, seed=1, resamples=500)
    assert only(other.dicts(), **where)["probability_higher"] == 1.0
    assert only(other.dicts(), **where)["difference"] == only(one.dicts(), **where)["difference"]


def test_one_seed_and_two(seeds: Warehouse) -> None:
    comparison = seeds.compare("base=base0", BOLD)
    found = only(comparison.dicts(), metric="reward", window="all")
    assert (found["verdict"], found["low"], found["mean_low"]) == ("too few seeds", None, None)
    assert found["probability_higher"] == 1.0
    assert any("One seed says nothing" in note for note in comparison.notes)
    # A run among groups is a group of one.
    assert seeds.compare("base0", BOLD).subjects == ["base0", "bold"]
    two = only(seeds.compare("a=base0,base1", BOLD).dicts(), metric="reward", window="all")
    assert two["baseline_seeds"] == 2
    assert two["mean_low"] < two["mean_difference"] < two["mean_high"]


def test_curves_over_seeds(seeds: Warehouse) -> None:
    curves = seeds.compare(BASE, BOLD).curves.dicts()
    first = only(curves, metric="reward", subject="base", part=0)
    # 60 steps in 20 parts of 2.95: the first holds 0, 1 and 2.
    means = [np.mean([r["train/reward"] for r in seed_rows("base", s)][:3]) for s in range(3)]
    assert first["value"] == pytest.approx(np.mean(means), rel=1e-12)
    assert min(means) <= first["low"] <= first["value"] <= first["high"] <= max(means)
    assert len([r for r in curves if r["metric"] == "reward"]) == 40


def test_by_a_setting(seeds: Warehouse) -> None:
    for key in ("optim.lr", "lr"):
        comparison = seeds.compare(by=f"config:{key}")
        assert comparison.subjects == ["lr=1e-06", "lr=1e-05"]
        assert only(comparison.dicts(), metric="reward", window="all")["verdict"] == "better"
    assert seeds.compare(by="config:seed").subjects == ["seed=0", "seed=1", "seed=2"]
    with pytest.raises(NothingFound, match="No run has the setting 'nope'"):
        seeds.compare(by="config:nope")
    with pytest.raises(NothingFound, match="one group, model=small"):
        seeds.compare(by="config:model")


def test_by_the_whole_config_but_what_tells_seeds_apart(seeds: Warehouse) -> None:
    comparison = seeds.compare(by="config", baseline="lr=1e-05")
    assert comparison.subjects == ["lr=1e-05", "lr=1e-06"]
    assert [r["seeds"] for r in comparison.groups.dicts()[:2]] == [3, 3]
    assert only(comparison.dicts(), metric="reward", window="all")["verdict"] == "worse"
    settings = {(r["key"], r["subject"]): r["value"] for r in comparison.config.dicts()}
    assert settings["optim.lr", "lr=1e-06"] == "1e-06"
    assert settings["run_name", "lr=1e-06"] == "base0, base1, base2"
    assert ("seed", "lr=1e-06") not in settings  # both have 0, 1 and 2
    with pytest.raises(NothingFound, match="one group"):
        seeds.compare(by="config", ignore=["optim.*"])
    assert len(seeds.compare("base0", "bold0", "bold1", by="config").trainings) == 3
    with pytest.raises(UsageProblem, match="grouped by 'lr'"):
        seeds.compare(by="lr")


def test_by_the_group_of_wandb(tmp_path: Path, store: Store) -> None:
    warehouse = store()
    for method in METHODS:
        for seed in range(2):
            run_id = f"{method}{seed}"
            log = Log(tmp_path, run_id).begin(run_id, group=method)
            land(warehouse, log.log(*seed_rows(method, seed)[:20]).end().write())
    store(alone=seed_rows("base", 9)[:20])
    comparison = warehouse.compare(by="group")
    assert comparison.subjects == ["base", "bold"]
    assert any(note == "In no group: alone." for note in comparison.notes)


def test_a_seed_without_the_metric_is_told(store: Store) -> None:
    rows = {name: seed_rows("base", seed)[:30] for seed, name in enumerate("abcd")}
    rows["b"] = [{k: v for k, v in r.items() if k != "train/loss"} for r in rows["b"]]
    comparison = store(**rows).compare("x=a,b", "y=c,d")
    value = only(comparison.groups.dicts(), metric="loss", window="all", group="x")
    assert (value["seeds"], value["missing"], value["low"], value["std"]) == (1, 1, None, None)
    assert only(comparison.dicts(), metric="loss", window="all")["verdict"] == "too few seeds"
    assert any("Only some seeds of x log loss" in note for note in comparison.notes)


def test_seeds_that_share_no_range(store: Store) -> None:
    late = [
        dict(r, **{"train/global_step": r["train/global_step"] + 500}) for r in seed_rows("base", 1)
    ]
    comparison = store(a=seed_rows("base", 0), b=late).compare("x=a", "y=b")
    found = only(comparison.dicts(), metric="reward", window="all")
    assert (found["verdict"], found["iqm"], found["seeds"]) == ("no common range", None, 0)
    assert len(comparison.curves) == 0


def test_hostile_settings_make_names_that_can_be_told(tmp_path: Path, store: Store) -> None:
    warehouse = store()
    prompts = {"a": "x" * 500 + "1", "b": "x" * 500 + "2", "c": "\x1b[31m\nred"}
    for run_id, prompt in prompts.items():
        log = Log(tmp_path, run_id).begin(run_id, config={"prompt": prompt})
        land(warehouse, log.log(*seed_rows("base", 0)[:12]).end().write())
    for by in ("config", "config:prompt"):
        comparison = warehouse.compare(by=by)
        assert len(set(comparison.subjects)) == 3
        assert max(map(len, comparison.subjects)) < 60
        for line in command._page(comparison, 80):
            assert line.isprintable()
