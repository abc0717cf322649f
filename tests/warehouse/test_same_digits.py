"""The same question twice gives the same digits; a run that grew, the same but for last bits."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dakota_wh import api, demo
from dakota_wh.ingest.landed import Action
from dakota_wh.sql.views import aliases

#: What says when, how often or in how many pieces a run was written.
WRITTEN = {"ingested_at", "generation", "warnings"}


def answers(warehouse: api.Warehouse, view: str) -> list[dict[str, Any]]:
    """Return a view's rows without what depends on when they were written."""
    rows = warehouse.query(view).dicts()
    return [{k: v for k, v in row.items() if k not in WRITTEN} for row in rows]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> api.Warehouse:
    """Give the demo's runs, ingested at their end."""
    folder = tmp_path_factory.mktemp("once")
    warehouse = api.open(folder / "warehouse")
    warehouse.ingest(demo.unpack(folder))
    return warehouse


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> api.Warehouse:
    """Give them ingested five times while their logs grew."""
    folder = tmp_path_factory.mktemp("grown")
    whole = demo.unpack(folder / "whole")
    warehouse = api.open(folder / "warehouse")
    for share in (0.1, 0.35, 0.6, 0.85, 1.0):
        for path in sorted(p for p in whole.rglob("*") if p.is_file()):
            copy = folder / "growing" / path.relative_to(whole)
            copy.parent.mkdir(parents=True, exist_ok=True)
            data = path.read_bytes()
            copy.write_bytes(data[: int(len(data) * share)] if path.suffix == ".wandb" else data)
        landed = warehouse.ingest(folder / "growing")
    assert {one.action for one in landed} == {Action.GREW}
    return warehouse


@pytest.mark.parametrize("view", sorted(aliases()))
def test_asked_twice(once: api.Warehouse, view: str) -> None:
    """Bit by bit, NaN included."""
    assert repr(answers(once, view)) == repr(answers(once, view))


@pytest.mark.parametrize("view", sorted(set(aliases()) - {"streams"}))
def test_grown_is_as_at_once(once: api.Warehouse, grown: api.Warehouse, view: str) -> None:
    """Integers and texts exactly, floats to 1e-12: parts of a table are added up in their order."""
    one, other = answers(once, view), answers(grown, view)
    assert len(one) == len(other)
    for row, its_twin in zip(one, other, strict=True):
        for name, value in row.items():
            if isinstance(value, float) and math.isfinite(value):
                assert its_twin[name] == pytest.approx(value, rel=1e-12, abs=1e-15), name
            else:
                assert repr(its_twin[name]) == repr(value), name
