"""One training in the log of every prime-rl era: the same rewards beside the same updates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from tests.ingest.kit import land, write_json

WRITER = Path(__file__).with_name("write_eras.py")

#: Era: the runs' roles, and the first step.
ERAS = {
    "early": (["orchestrator", "trainer"], 0),
    "A": (["orchestrator", "trainer"], 0),
    "B": (["orchestrator", "trainer"], 0),
    "C": (["orchestrator", "trainer"], 0),
    "shared": (["shared"], 0),
    "D": (["shared"], 0),
    "E": (["shared"], 1),
    "F": (["shared"], 1),
}
every_era = pytest.mark.parametrize("era", ERAS)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the logs of all eras, as W&B's client wrote them."""
    folder = tmp_path_factory.mktemp("eras")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
    environment |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    subprocess.run(
        [sys.executable, str(WRITER), str(folder)],
        env=environment,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return folder


@pytest.fixture(scope="module")
def warehouses(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Warehouse]:
    """Give a warehouse for each era."""
    root = tmp_path_factory.mktemp("warehouses")
    found = {}
    for era in ERAS:
        found[era] = api.open(root / era)
        landed = found[era].ingest(logs / era / "wandb")
        assert [one.error for one in landed] == [None] * len(landed)
    return found


@pytest.fixture(scope="module")
def training() -> dict[str, Any]:
    """Give the functions that say what was trained, without the client that logs it."""
    source = WRITER.read_text(encoding="utf-8").replace("import wandb\n", "")
    names: dict[str, Any] = {"__name__": "write_eras"}
    exec(compile(source, str(WRITER), "exec"), names)  # noqa: S102 - our own file
    return names


@every_era
def test_the_same_rewards_beside_the_same_updates(
    warehouses: dict[str, Warehouse], training: dict[str, Any], era: str
) -> None:
    roles, first = ERAS[era]
    assert sorted(r["role"] for r in warehouses[era].query("runs").dicts()) == roles
    rows = warehouses[era].query("reward_loss_by_step").dicts()
    found = [
        (
            row["step"] - first,
            row["reward"],
            row["loss"],
            row["entropy"],
            row["kl"],
            row["grad_norm"],
        )
        for row in rows
    ]
    expected = [
        (s, training["reward"](s), *training["trained"](s).values())
        for s in range(training["STEPS"])
    ]
    if era == "early":  # its trainer logged a ratio, and no KL
        found, expected = ([row[:4] + row[5:] for row in rows] for rows in (found, expected))
    assert found == expected


@every_era
def test_the_components_are_those_beside_the_reward(
    warehouses: dict[str, Warehouse], era: str
) -> None:
    """The reward is also its own component ``g`` and twice ``f``: they cannot be told apart."""
    rows = warehouses[era].query("reward_components").dicts()
    assert {row["state"] for row in rows} == {"not separable"}
    assert len(rows) == 2
    assert all("effective" in row["metric"] for row in rows if era in "EF")


@every_era
def test_every_step_is_there_once(warehouses: dict[str, Warehouse], era: str) -> None:
    for row in warehouses[era].query("runs").dicts():
        assert (row["steps"], row["gaps"], row["first_step"]) == (24, 0, ERAS[era][1])
        unstepped = 1 + 2 * 26 if row["role"] == "shared" else 0
        assert (row["completeness"], row["unstepped_rows"]) == ("complete", unstepped)
        assert row["collapsed_rows"] == row["rows"] - 24 - unstepped


@pytest.mark.parametrize("era", ["shared", "D", "E", "F"])
def test_samples_of_the_clock_are_on_no_step(warehouses: dict[str, Warehouse], era: str) -> None:
    """Though the client wrote a step into their rows: 0 at first, where training begins at 1."""
    rows = warehouses[era].query("timed_metrics").dicts()
    rows.sort(key=lambda row: row["log_row"])
    found = {
        name: [row["value"] for row in rows if row["metric"] == name]
        for name in {row["metric"] for row in rows}
    }
    assert found == {
        "dispatcher/in_flight": [float(n) for n in range(27)],
        "inference/agg/kv_cache/mean": [n / 8 for n in range(26)],
    }
    times = [row["timestamp"] for row in rows]
    assert times == sorted(times)
    assert not {row["metric"] for row in warehouses[era].query("series").dicts()} & found.keys()


@pytest.mark.parametrize("era", ["shared", "D", "E", "F"])
def test_two_writers_as_the_service_merges_them(
    warehouses: dict[str, Warehouse], training: dict[str, Any], tmp_path: Path, era: str
) -> None:
    """Two processes' rows between each other, those of the time axis without a step."""
    first, style = ERAS[era][1], "C" if era == "shared" else era
    rows = []
    for tick in range(training["STEPS"] + 2):
        rows.append({"inference/agg/kv_cache/mean": 0.5})
        for s, rows_of in ((tick, training["orchestrated"]), (tick - 2, training["updated"])):
            if 0 <= s < training["STEPS"]:
                rows += [{**row, "step": s + first} for row in rows_of(s, style)]
                rows.append({"dispatcher/in_flight": tick})
    path = write_json(tmp_path, f"s{era.lower()}", rows)
    warehouse = api.open(tmp_path / "w")
    land(warehouse, path)
    (run,) = warehouse.query("runs").dicts()
    assert (run["role"], run["unstepped_rows"]) == ("shared", 26 + 2 * 24)
    assert len(warehouse.query("timed_metrics")) == 26 + 2 * 24
    names = {row["metric"] for row in warehouse.query("series").dicts()}
    assert not names & {"inference/agg/kv_cache/mean", "dispatcher/in_flight"}
    found = warehouse.query("reward_loss_by_step").rows()
    assert found == warehouses[era].query("reward_loss_by_step").rows()
