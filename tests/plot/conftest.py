"""Warehouses to draw: the demo's two runs, and the owner's where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from dakota_wh import api, demo

OWNER = Path("/work/shared/data")


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> api.Warehouse:
    """Give a warehouse with the demo's two runs; not to be changed."""
    opened = api.open(tmp_path_factory.mktemp("plot") / "warehouse")
    opened.ingest(demo.unpack(tmp_path_factory.mktemp("sample")))
    return opened


@pytest.fixture(scope="session")
def owner(tmp_path_factory: pytest.TempPathFactory) -> api.Warehouse:
    """Give a warehouse with the owner's pair, whose trainer is sampled; not to be changed."""
    if not OWNER.is_dir():
        pytest.skip(f"no real data at {OWNER}")
    opened = api.open(tmp_path_factory.mktemp("owner") / "warehouse")
    opened.ingest(OWNER / "29hn8w98", OWNER / "7nikv4vp")
    return opened


@pytest.fixture(scope="session")
def two_rewards(tmp_path_factory: pytest.TempPathFactory) -> api.Warehouse:
    """Give a warehouse with two runs that log a reward; the second jumps at its last step but one.

    So all milestones of ``two`` are at one step. Not to be changed.
    """
    folder = tmp_path_factory.mktemp("two")
    for name, rewards in (
        ("one", [step / 40 for step in range(41)]),
        ("two", [*([0.25] * 39), 0.75, 0.75]),
    ):
        rows = [f"{step},{reward}" for step, reward in enumerate(rewards)]
        (folder / f"{name}_history.csv").write_text("\n".join(["_step,reward/mean", *rows]) + "\n")
    opened = api.open(folder / "warehouse")
    opened.ingest(*folder.glob("*.csv"))
    return opened
