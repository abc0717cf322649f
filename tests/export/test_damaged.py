"""Nothing is exported that was not stored: a damaged run is refused, by whatever face."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dakota_wh import api
from dakota_wh.api import Warehouse
from dakota_wh.errors import WarehouseError
from dakota_wh.warehouse.run_row import newest, row_files, write_row

Act = Callable[[Warehouse, Path], object]

FACES: list[Act] = [
    lambda warehouse, folder: list(warehouse.export("demoorch", output_dir=folder)),
    lambda warehouse, folder: warehouse.export_curves("demoorch", output_dir=folder),
    lambda warehouse, folder: warehouse.analyze("demoorch", output_dir=folder),
]


@pytest.fixture
def root(demo_folder: Path, tmp_path: Path) -> Path:
    """Give a copy of the demo's warehouse that a test may harm."""
    shutil.copytree(demo_folder, tmp_path / "wh")
    return tmp_path / "wh"


def part(root: Path, table: str) -> Path:
    (path,) = (root / table).glob("role=orchestrator/run_id=demoorch/part-*.parquet")
    return path


def turn_a_bit(path: Path) -> None:
    harmed = bytearray(path.read_bytes())
    harmed[len(harmed) // 2] ^= 1
    path.write_bytes(harmed)


@pytest.mark.parametrize("act", FACES)
def test_a_turned_bit_in_the_history(root: Path, tmp_path: Path, act: Act) -> None:
    turn_a_bit(part(root, "history"))
    with pytest.raises(WarehouseError) as caught:
        act(api.open(root), tmp_path / "out")
    assert str(caught.value).startswith("Run demoorch is damaged: history/role=orchestrator/")
    assert "dakota-wh remove demoorch, then ingest it again" in caught.value.hint
    assert "dakota-wh doctor" in caught.value.hint
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_missing_part(root: Path, tmp_path: Path) -> None:
    part(root, "history").unlink()
    with pytest.raises(WarehouseError, match=r"Run demoorch is damaged: .*is missing"):
        FACES[0](api.open(root), tmp_path / "out")


def test_what_is_derived_is_mended_by_a_rebuild(root: Path, tmp_path: Path) -> None:
    """The statistics come from there; the message says so, and it is true."""
    turn_a_bit(part(root, "metrics"))
    warehouse = api.open(root)
    FACES[0](warehouse, tmp_path / "out")  # reads nothing of it
    for act in FACES[1:]:
        with pytest.raises(WarehouseError) as caught:
            act(warehouse, tmp_path / "out")
        assert caught.value.hint.startswith("To mend it: dakota-wh rebuild.")
    assert [run.error for run in warehouse.rebuild()] == [None, None]
    for act in FACES:
        act(warehouse, tmp_path / "out")


def test_a_run_of_an_earlier_version_is_read_page_by_page(root: Path, tmp_path: Path) -> None:
    """Its row holds no hashes; each page holds a checksum."""
    row = newest(root, "demoorch")
    assert row is not None
    row.hashes = []
    (before,) = row_files(root, "demoorch")
    before.unlink()
    write_row(root, row)
    FACES[0](api.open(root), tmp_path / "out")
    turn_a_bit(part(root, "history"))
    with pytest.raises(WarehouseError, match="Run demoorch is damaged: history/"):
        FACES[0](api.open(root), tmp_path / "out")
