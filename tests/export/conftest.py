"""Runs made by hand, a way to export and read back, and a way to compare all that is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dakota_wh import api, demo
from dakota_wh.api import Warehouse
from dakota_wh.export.cells import rows_of
from dakota_wh.export.stored_run import opened_run
from dakota_wh.ingest.landed import Landed
from dakota_wh.ingest.landing import Options, land
from dakota_wh.ingest.source import Continuation, Ended, KeyPath, LogRows, RunFacts
from dakota_wh.warehouse import catalogue, folder

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

#: One log row: the JSON token of each key.
TokenRow = dict[KeyPath, str]


@dataclass
class Made:
    """A source that holds what a test puts into it; tokens as a W&B log would give them."""

    rows_: list[TokenRow]
    run_id: str = "made"
    facts_: dict[str, Any] = field(default_factory=dict)
    segments: list[int] = field(default_factory=list)
    batch: int = 1000
    kind: str = "wandb-log"
    name: str = "made.wandb"
    entity: str | None = "acme"
    project: str | None = "p"

    def read(self, _: Mapping[str, Any] | None) -> Made:
        return self

    @property
    def continuation(self) -> Continuation:
        return Continuation.WHOLE

    def rows(self) -> Iterator[LogRows]:
        segments = self.segments or [0] * len(self.rows_)
        start = 0
        while start < len(self.rows_):
            stop = start + 1
            while (
                stop < min(start + self.batch, len(self.rows_))
                and segments[stop] == segments[start]
            ):
                stop += 1
            rows = self.rows_[start:stop]
            keys = dict.fromkeys(key for row in rows for key in row)
            columns = {key: pa.array([row.get(key) for row in rows], pa.string()) for key in keys}
            yield LogRows(len(rows), columns, segments[start])
            start = stop

    def facts(self) -> RunFacts:
        told = {"entity": self.entity, "project": self.project, "ended": Ended.FINISHED}
        return RunFacts(self.run_id, **(told | self.facts_))


def store(root: Path, source: Made) -> Warehouse:
    """Bring a made run into a warehouse."""
    folder.create(root)
    catalogue.ensure(root)
    landed = land(root, source, Options())
    assert landed.error is None, landed.error
    return api.open(root)


def logged(root: Path, run_id: str) -> list[TokenRow]:
    """Return the rows of a stored run: of each key that was logged, its JSON token."""
    with opened_run(root, run_id) as run:
        keys = list(run.columns)
        rows = [r for b in run.history.batches(1000) for r in rows_of(b, keys, str)]
        return [{k: t for k, t in zip(keys, row, strict=True) if t is not None} for row in rows]


def read_back(path: Path, root: Path) -> Landed:
    """Ingest what was exported into a warehouse of its own."""
    (landed,) = api.open(root).ingest(path)
    assert landed.error is None, landed.error
    return landed


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse folder with the demo's two runs; not to be changed."""
    root = tmp_path_factory.mktemp("export") / "demo"
    api.open(root).ingest(demo.unpack(tmp_path_factory.mktemp("sample")))
    return root


@pytest.fixture(scope="session")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Give a warehouse with the owner's two runs, or skip; not to be changed."""
    if not DATA.is_dir():
        pytest.skip(f"the owner's exports are not at {DATA}")
    warehouse = api.open(tmp_path_factory.mktemp("export-owner") / "wh")
    landed = warehouse.ingest(DATA / "29hn8w98", DATA / "7nikv4vp")
    assert [run.error for run in landed] == [None, None]
    return warehouse


Make = Callable[..., Warehouse]
