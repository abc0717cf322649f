"""What a person asks to be written never lands among a warehouse's own files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dakota_wh.rendering.apart import MARK, warehouse_around
from dakota_wh.warehouse.layout import schema_file

from .conftest import Call

ASKED = (
    ("query", "reward_stats"),
    ("sql", "SELECT 1 AS one"),
    ("runs",),
    ("views",),
    ("compare", "demoorch", "demotrnr", "--format", "json"),
    ("doctor", "--offline", "--quick"),
)


@pytest.fixture
def kept(folder: Path, tmp_path: Path) -> Path:
    root = tmp_path / "kept"
    shutil.copytree(folder, root)
    return root


def test_the_mark_is_the_layouts() -> None:
    assert schema_file(Path(), "runs").parent.parent == Path(MARK)


@pytest.mark.parametrize("words", ASKED, ids=lambda words: words[0])
def test_no_answer_replaces_a_file_of_a_warehouse(
    call: Call, kept: Path, folder: Path, words: tuple[str, ...]
) -> None:
    part = next(kept.glob("history/role=[!z]*/*/part-*.parquet"))
    before = part.read_bytes()
    # The warehouse that is asked is another one.
    done = call(*words, "-o", part, "--warehouse", folder)
    assert done.code == 2
    assert f"{part} lies inside the warehouse {kept}" in done.err
    assert "-o FILE" in done.err
    assert part.read_bytes() == before


def test_nor_a_page_or_a_picture(call: Call, kept: Path) -> None:
    for words in (("plot", "demoorch"), ("report", "demoorch")):
        done = call(*words, "-o", kept / "runs" / "x.html", "--warehouse", kept)
        assert done.code == 2, done
        assert "lies inside the warehouse" in done.err
    assert not (kept / "runs" / "x.html").exists()


def test_a_link_is_followed(call: Call, kept: Path, tmp_path: Path) -> None:
    catalogue = kept / "warehouse.duckdb"
    before = catalogue.read_bytes()
    (tmp_path / "rows.csv").symlink_to(catalogue)
    (tmp_path / "down").symlink_to(kept / "config")
    for place in ("rows.csv", "down/rows.csv", "kept/../down/x.csv"):
        done = call("runs", "-o", tmp_path / place, "--warehouse", kept)
        assert (done.code, done.out) == (2, "")
    assert catalogue.read_bytes() == before


def test_beside_a_warehouse_is_no_part_of_it(call: Call, kept: Path, tmp_path: Path) -> None:
    assert warehouse_around(tmp_path) is None
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert warehouse_around(tmp_path / "round") is None
    assert call("runs", "-o", tmp_path / "runs.csv", "--warehouse", kept).code == 0
    assert (tmp_path / "runs.csv").stat().st_size
