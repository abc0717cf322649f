"""A warehouse that does not exist yet, and one with the owner's two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse

DATA: Final = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return api.open(tmp_path / "warehouse")


@pytest.fixture(scope="session")
def owners(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse with the owner's two runs; not to be changed."""
    if not (DATA / "reference_results.json").is_file():
        pytest.skip(f"the owner's exports are not at {DATA}")
    warehouse = api.open(tmp_path_factory.mktemp("owners") / "warehouse")
    warehouse.ingest(DATA / "29hn8w98", DATA / "7nikv4vp")
    return warehouse


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA
