"""``export --curves``: the guide's files and columns, without the faults of its script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.errors import UsageProblem, WarehouseError
from dakota_wh.export.curves import reward_columns
from tests.export import guide
from tests.export.conftest import DATA, Made, store
from tests.export.test_analysis import history
from tests.export.test_round_trip import logs


def document(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def test_the_owners_pair(owner: Warehouse, tmp_path: Path) -> None:
    done = owner.export_curves("29hn8w98", output_dir=tmp_path)
    orchestrator, trainer = history("29hn8w98"), history("7nikv4vp")
    components = {
        "overall": ["reward/mean"],
        "character": ["metrics/char_overlap_reward"],
        "morphology": ["metrics/affix_reward"],
    }
    for component, columns in components.items():
        curve = pd.read_csv(tmp_path / f"reward_curve_{component}.csv")
        pd.testing.assert_frame_equal(curve, orchestrator[["_step", *columns]], check_exact=True)
    for name, word in (("kl_divergence_curve", "kl"), ("loss_curves", "loss")):
        columns = guide.named(trainer, word)
        curve = pd.read_csv(tmp_path / f"{name}.csv")
        pd.testing.assert_frame_equal(curve, trainer[["_step", *columns]], check_exact=True)
    efficiency = document(tmp_path, "sample_efficiency.json")
    guide.assert_close(efficiency, guide.sample_efficiency(orchestrator, "reward/mean"))
    steps = [one["step"] for one in efficiency["milestones"].values()]
    assert steps == [49, 71, 109, 160]  # the owner's published numbers
    guide.assert_close(document(tmp_path, "kl_divergence.json"), guide.kl_divergence(trainer))
    assert document(tmp_path, "curriculum_timing.json") == {"stages": {}, "transitions": []}
    summary = document(tmp_path, "comprehensive_analysis_summary.json")
    assert summary == done.document
    assert set(summary) == {
        "exported_at", "orchestrator_run", "trainer_run", "reward_curves", "accuracy_by_difficulty",
        "sample_efficiency", "kl_divergence", "curriculum_timing", "loss_curves",
    }  # fmt: skip
    assert summary["loss_curves"]["steps"] == 500
    # progress/samples is no generation, whatever the script took it for.
    assert not (tmp_path / "example_generations.json").exists()
    assert done.remarks == ("29hn8w98 logged no generations.",)
    assert {path.name for path in done.files} == {path.name for path in tmp_path.iterdir()}


def test_reference_of_the_sample_efficiency(owner: Warehouse, tmp_path: Path) -> None:
    reference = json.loads((DATA / "reference_results.json").read_text())["orchestrator"]
    wanted = reference["sample_efficiency"]["reward/mean"]
    owner.export_curves("7nikv4vp", output_dir=tmp_path)
    found = document(tmp_path, "sample_efficiency.json")
    for name in ("initial_value", "final_value", "improvement_pct", "learning_rate"):
        assert found[name] == pytest.approx(wanted[name], rel=1e-9)


ROWS: list[dict[str, Any]] = [
    {
        "step": n,
        # Nulls first: the guide's script took the step of another row for a milestone.
        **({"reward/mean": float(n)} if n % 2 else {}),
        "reward/easy/accuracy": n / 40,
        "hard/success": 0.5,
        "eval/easy_reward_total": 1.0,
        "curriculum/stage": 1 if n < 10 else 2,
        "difficulty": "easy" if n < 20 else "hard",
        "progress/samples": 256,
        **({"sample/text": f"=Wakáŋ {n}\n"} if n % 7 == 3 else {}),
        "ref_divergence": 0.1 * n,
        "=loss": 1.0,
    }
    for n in range(40)
]


@pytest.fixture
def made(tmp_path: Path) -> Warehouse:
    facts = {"config": {"curriculum": {"on": True}, "max_difficulty": 3, "lr": 1}, "role": "single"}
    return store(tmp_path / "wh", Made(logs(ROWS), facts_=facts))


def test_milestones_where_values_are_missing(made: Warehouse, tmp_path: Path) -> None:
    made.export_curves("made", output_dir=tmp_path / "out")
    found = document(tmp_path / "out", "sample_efficiency.json")
    frame = pd.DataFrame(ROWS).assign(_step=range(40))
    guide.assert_close(found, guide.sample_efficiency(frame, "reward/mean"))
    # 1 … 39 in steps of 2: 25 % of the way is 10.5, first reached by 11 at step 11.
    assert found["milestones"]["25%_improvement"] == {"step": 11, "value": 10.5}


def test_curriculum_of_keys_and_settings(made: Warehouse, tmp_path: Path) -> None:
    made.export_curves("made", output_dir=tmp_path / "out")
    found = document(tmp_path / "out", "curriculum_timing.json")
    assert found == {
        "config": {"curriculum": {"on": True}, "max_difficulty": 3},
        "stages": {
            "1": {"start_step": 0, "end_step": 9, "duration": 9, "samples": 10},
            "2": {"start_step": 10, "end_step": 39, "duration": 29, "samples": 30},
            "easy": {"start_step": 0, "end_step": 19, "duration": 19, "samples": 20},
            "hard": {"start_step": 20, "end_step": 39, "duration": 19, "samples": 20},
        },
        "transitions": [
            {"step": 10, "from": "1", "to": "2", "column": "curriculum/stage"},
            {"step": 20, "from": "easy", "to": "hard", "column": "difficulty"},
        ],
    }


def test_generations_are_texts_from_five_places(made: Warehouse, tmp_path: Path) -> None:
    made.export_curves("made", output_dir=tmp_path / "out")
    found = document(tmp_path / "out", "example_generations.json")
    # Texts at 3, 10, 17, 24, 31, 38; the places are 0, 10, 20, 30 and 39.
    assert [one["step"] for one in found] == [3, 10, 24, 31, 38]
    assert found[0]["generations"] == {"sample/text": "=Wakáŋ 3\n"}


def test_accuracy_and_hostile_names(made: Warehouse, tmp_path: Path) -> None:
    made.export_curves("made", output_dir=tmp_path / "out")
    found = document(tmp_path / "out", "accuracy_by_difficulty.json")
    assert list(found) == ["easy", "hard"]
    assert found["easy"]["reward/easy/accuracy"]["final"] == 39 / 40
    assert found["hard"] == {"hard/success": {"final": 0.5, "mean": 0.5, "max": 0.5}}
    header = (tmp_path / "out" / "loss_curves.csv").read_text().splitlines()[0]
    assert header == '_step,"""=loss"""'
    assert (tmp_path / "out" / "kl_divergence_curve.csv").exists()


@pytest.mark.parametrize(
    ("metrics", "overall"),
    [
        (["reward/mean", "x/total_reward"], ["reward/mean"]),
        (["a_reward", "x/total_reward", "overall/reward"], ["x/total_reward", "overall/reward"]),
        (["a/pattern_reward", "b_reward"], ["b_reward"]),
        (["a/pattern_reward"], ["a/pattern_reward"]),
        (["score"], None),
    ],
)
def test_which_reward_is_the_overall_one(metrics: list[str], overall: list[str] | None) -> None:
    assert reward_columns(metrics).get("overall") == overall


def test_one_training_at_a_time(demo_folder: Path, tmp_path: Path) -> None:
    warehouse = api.open(demo_folder)
    with pytest.raises(UsageProblem, match="one training"):
        warehouse.export_curves("demoorch", "demotrnr", "demoorch", output_dir=tmp_path)
    for runs in (("demoorch", "demotrnr"), ("demotrnr", "demoorch"), ("demotrnr",)):
        found = warehouse.export_curves(*runs, output_dir=tmp_path).document
        assert (found["orchestrator_run"], found["trainer_run"]) == ("demoorch", "demotrnr")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse of two orchestrators, the first's trainer, and a run of its own."""
    root = tmp_path_factory.mktemp("three") / "wh"
    for run, role, metric in (
        ("orch1", "orchestrator", "reward/mean"),
        ("orch2", "orchestrator", "reward/mean"),
        ("trnr1", "trainer", "loss/mean"),
        ("alone", "single", "reward/mean"),
    ):
        rows = [{metric: float(n)} for n in range(20)]
        warehouse = store(root, Made(logs(rows), run_id=run, facts_={"role": role}))
    warehouse.pair("orch1", "trnr1")
    return warehouse


def test_two_runs_that_are_no_training_are_refused(three: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="orch1 and orch2 are no training: each is an orch"):
        three.export_curves("orch1", "orch2", output_dir=tmp_path / "out")
    with pytest.raises(UsageProblem, match="alone is a training by itself"):
        three.export_curves("alone", "trnr1", output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_partner_of_another_run_is_told(three: Warehouse, tmp_path: Path) -> None:
    done = three.export_curves("trnr1", "orch2", output_dir=tmp_path / "out")
    assert done.document["orchestrator_run"] == "orch2"
    (doubt,) = [one for one in done.remarks if "run_pairs" in one]
    assert doubt.startswith("run_pairs has orch1 with trnr1, not orch2 with trnr1: ")
    found = three.analyze("orch2", "trnr1", output_dir=tmp_path / "out")
    assert doubt in found.remarks
    sound = three.analyze("orch1", "trnr1", output_dir=tmp_path / "other")
    assert not [one for one in sound.remarks if "run_pairs" in one]


def test_a_folder_holds_the_curves_of_one_training(three: Warehouse, tmp_path: Path) -> None:
    """Neither another training's nor somebody else's files are mixed with them unasked."""
    warehouse, out = three, tmp_path / "out"
    first = {path.name for path in warehouse.export_curves("orch1", output_dir=out).files}
    assert {"loss_curves.csv", "reward_curve_overall.csv"} < first
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(WarehouseError, match="another training") as caught:
        warehouse.export_curves("orch2", output_dir=out)
    assert "(orchestrator orch1, trainer trnr1). To replace them: --force." in str(caught.value)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    warehouse.export_curves("trnr1", output_dir=out)  # the same training
    # What is replaced is replaced whole: orch2 has no trainer, hence no loss.
    done = warehouse.export_curves("orch2", output_dir=out, force=True)
    assert {path.name for path in done.files} == {path.name for path in out.iterdir()}
    assert "loss_curves.csv" not in {path.name for path in out.iterdir()}


def test_a_file_of_somebody_else_is_not_replaced(three: Warehouse, tmp_path: Path) -> None:
    warehouse, out = three, tmp_path / "out"
    out.mkdir()
    (out / "loss_curves.csv").write_text("mine")
    (out / "orchestrator_rewards.csv").write_text("mine")
    for act in (warehouse.export_curves, warehouse.analyze):
        with pytest.raises(WarehouseError, match=r"is there already.*To replace them: --force"):
            act("orch1", output_dir=out)
        assert {path.read_text() for path in out.iterdir()} == {"mine"}
    warehouse.export_curves("orch1", output_dir=out, force=True)
    warehouse.analyze("orch1", output_dir=out, force=True)
    assert "mine" not in {path.read_text() for path in out.iterdir()}
    with pytest.raises(WarehouseError, match="another training"):
        warehouse.analyze("orch2", output_dir=out)
