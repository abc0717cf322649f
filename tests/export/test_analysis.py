"""``analyze`` gives the guide's document, by an oracle in pandas and by the reference results."""

from __future__ import annotations

import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.errors import NoSuchRun, NothingFound, UsageProblem
from dakota_wh.ingest.wandb_api.fetching import Fetch
from tests.export import guide
from tests.export.conftest import DATA, Made, store
from tests.export.test_round_trip import logs

LOCAL = Fetch(local_only=True)
HALVES = {"first_half_mean", "second_half_mean", "improvement"}


def history(run: str) -> pd.DataFrame:
    return pd.read_csv(DATA / run / f"{run}_history.csv")


def test_the_owners_pair_as_the_guides_script_gives_it(owner: Warehouse, tmp_path: Path) -> None:
    done = owner.analyze(output_dir=tmp_path)
    document = json.loads((tmp_path / "reward_analysis_summary.json").read_text())
    assert document == done.document
    assert list(document) == [
        "generated_at", "orchestrator_run", "trainer_run", "reward_analysis", "training_analysis",
    ]  # fmt: skip
    datetime.fromisoformat(document["generated_at"])
    config = json.loads((DATA / "7nikv4vp" / "7nikv4vp_config.json").read_text())
    names = {"29hn8w98": "unknown", "7nikv4vp": config["wandb"]["name"]}
    for side, run in (("orchestrator_run", "29hn8w98"), ("trainer_run", "7nikv4vp")):
        # The script knows no name of a run that it reads from files, not even the config's.
        assert document[side] == {"run_id": run, "name": names[run], "url": "", "state": "unknown"}
    guide.assert_close(document["reward_analysis"], guide.reward_analysis(history("29hn8w98")))
    guide.assert_close(document["training_analysis"], guide.training_analysis(history("7nikv4vp")))
    rewards = pd.read_csv(tmp_path / "orchestrator_rewards.csv")
    columns = ["_step", *document["reward_analysis"]["reward_columns"]]
    pd.testing.assert_frame_equal(rewards, history("29hn8w98")[columns], check_exact=True)
    (remark,) = done.remarks
    assert remark.startswith("7nikv4vp is sampled: 500 rows")


def test_the_owners_pair_equals_the_reference_results(owner: Warehouse, tmp_path: Path) -> None:
    results = json.loads((DATA / "reference_results.json").read_text())
    reference = results["orchestrator"]
    document = owner.analyze("29hn8w98", "7nikv4vp", output_dir=tmp_path).document
    found = document["reward_analysis"]
    assert found["reward_columns"] == reference["reward_columns"]
    names = {"samples": "n", "std": "std_ddof1"}
    for metric, row in found["reward_statistics"].items():
        wanted = reference["reward_statistics"][metric]
        for name, value in row.items():
            assert value == pytest.approx(wanted[names.get(name, name)], rel=1e-9, abs=1e-300)
    for metric, row in found["reward_trends"].items():
        wanted = reference["reward_trends"][metric]
        assert row.pop("improvement_pct") == pytest.approx(wanted["improvement_pct_seed"], rel=1e-9)
        assert row == pytest.approx({name: wanted[name] for name in HALVES}, rel=1e-9, abs=1e-300)
    metrics = document["training_analysis"]["key_metrics"]
    assert list(metrics) == list(results["trainer"]["key_metrics"])
    for metric, row in metrics.items():
        wanted = results["trainer"]["key_metrics"][metric]
        assert row["trend"] == ("improving" if wanted["final"] < wanted["first"] else "degrading")
        for name in ("mean", "std", "min", "max", "final"):
            assert row[name] == pytest.approx(wanted[names.get(name, name)], rel=1e-9, abs=1e-20)


def frame_and_rows(seed: int, rows: int) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Return a made history twice: with holes, a constant, a zero half, names in capitals."""
    rng = random.Random(seed)
    made = []
    for n in range(rows):
        row: dict[str, Any] = {"step": n, "reward/mean": rng.gauss(-1, 1) + n / 9}
        row["Score/Total"] = float(n % 3)
        row["metrics/late_reward"] = 0.0 if n < rows / 2 else 1.0
        row["optim/lr"] = 2.0**-20
        row["loss/mean"] = rng.gauss(0, 1)
        if n % 3 == 1:
            row["metrics/rare_reward"] = rng.random()
        if n == rows // 2:
            row["metrics/once_reward"] = 0.25
        if n % 4:
            del row["loss/mean"]
        made.append(row)
    return pd.DataFrame(made), made


@pytest.mark.parametrize("rows", [1, 10, 11, 41])
def test_made_histories_against_the_oracle(tmp_path: Path, rows: int) -> None:
    frame, made = frame_and_rows(rows, rows)
    warehouse = store(tmp_path / "wh", Made(logs(made)))
    document = warehouse.analyze("made", "made", output_dir=tmp_path / "out").document
    guide.assert_close(document["reward_analysis"], guide.reward_analysis(frame))
    guide.assert_close(document["training_analysis"], guide.training_analysis(frame))
    text = (tmp_path / "out" / "reward_analysis_summary.json").read_text()
    assert "NaN" not in text
    rewards = pd.read_csv(tmp_path / "out" / "orchestrator_rewards.csv")
    columns = guide.reward_columns(frame)
    pd.testing.assert_frame_equal(rewards[columns], frame[columns], check_dtype=False)


def test_one_side_is_enough(tmp_path: Path, demo_folder: Path) -> None:
    warehouse = store(tmp_path / "wh", Made(logs([{"reward/mean": 1.0}] * 3)))
    done = warehouse.analyze("made", output_dir=tmp_path / "out")
    assert done.document["training_analysis"] == {"error": "No trainer data available"}
    assert done.document["trainer_run"]["run_id"] == "unknown"
    assert any("--trainer-run ID" in remark for remark in done.remarks)
    done = warehouse.analyze(trainer="made", output_dir=tmp_path / "out2")
    assert done.document["reward_analysis"] == {"error": "No orchestrator data available"}
    assert [path.name for path in done.files] == ["reward_analysis_summary.json"]
    swapped = api.open(demo_folder).analyze("demotrnr", "demoorch", output_dir=tmp_path / "out3")
    assert sum("the other way round" in remark for remark in swapped.remarks) == 2


def test_the_partner_is_found(tmp_path: Path, demo_folder: Path) -> None:
    for named in (("demoorch", None), (None, "demotrnr"), (None, None)):
        document = api.open(demo_folder).analyze(*named, output_dir=tmp_path).document
        assert document["orchestrator_run"]["run_id"] == "demoorch"
        assert document["trainer_run"]["run_id"] == "demotrnr"
        assert document["orchestrator_run"]["state"] == "finished"


def test_nothing_to_analyze(tmp_path: Path) -> None:
    warehouse = store(tmp_path / "wh", Made([], kind="wandb-api"))
    with pytest.raises(NothingFound, match="Empty history data: made") as empty:
        warehouse.analyze("made", output_dir=tmp_path / "out")
    assert "dakota-wh ingest acme/p/made --force-fetch" in empty.value.hint
    assert not list((tmp_path / "out").iterdir())
    with pytest.raises(NoSuchRun, match="No data available: the warehouse has no run nope"):
        warehouse.analyze("nope", "made", output_dir=tmp_path / "out", fetch=LOCAL)
    warehouse.remove("made")
    with pytest.raises(NothingFound, match="No data available: the warehouse has no runs"):
        warehouse.analyze(output_dir=tmp_path / "out")


def test_several_trainings_have_to_be_named(tmp_path: Path) -> None:
    rows = logs([{"reward/mean": n, "loss/mean": n} for n in range(3)])
    for run in ("one", "two"):
        warehouse = store(tmp_path / "wh", Made(rows, run_id=run, facts_={"role": "single"}))
    with pytest.raises(UsageProblem, match="2 trainings") as several:
        warehouse.analyze(output_dir=tmp_path / "out")
    assert "--orchestrator-run one --trainer-run one" in several.value.hint
    done = warehouse.analyze("two", output_dir=tmp_path / "out")
    assert done.training.trainer == "two"


def test_unpaired_runs_have_to_be_named(tmp_path: Path) -> None:
    for run, key in (("one", "reward/mean"), ("two", "loss/mean")):
        warehouse = store(tmp_path / "wh", Made(logs([{key: 1.0}] * 3), run_id=run))
    with pytest.raises(UsageProblem, match=r"one \(.*\), two \(.*\)") as unclear:
        warehouse.analyze(output_dir=tmp_path / "out")
    assert "--orchestrator-run" in unclear.value.hint
