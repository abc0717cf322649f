"""A warehouse of the demo's two runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dakota_wh import api, demo


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse folder with the demo's two runs; not to be changed."""
    root = tmp_path_factory.mktemp("agents") / "warehouse"
    api.open(root).ingest(demo.unpack(tmp_path_factory.mktemp("sample")))
    return root
